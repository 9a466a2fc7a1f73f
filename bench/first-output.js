import { once } from 'node:events';

/** Returns what a program writes first. Rejects if it exits before: the wait would pass for a long measurement. */
export async function firstOutput(child) {
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`A program has exited with code ${code} before it was ready`);
  });
  const [output] = await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), exited]);
  return output;
}
