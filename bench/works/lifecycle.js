import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { firstOutput } from '../first-output.js';

export const title =
  'lifecycle: from the start of the process until n parts are ready, and from SIGTERM until it is gone';
export const sizes = [10, 1000, 10_000];
export const parts = { start: 'ms', exit: 'ms' };
export const base = 'rxjs-tasks';
export const limit = 60_000;

/** Each is a program in ../lifecycle/. */
export const contenders = { 'rxjs-tasks': 'rxjs-tasks', Nest: 'nest', Effect: 'effect', 'node alone': 'node' };

export async function measure(contender, n) {
  const program = fileURLToPath(new URL(`../lifecycle/${contenders[contender]}.js`, import.meta.url));
  const from = performance.now();
  const child = spawn(process.execPath, [program, n], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = await firstOutput(child);
  const start = performance.now() - from;
  if (output !== 'ready\n') throw new Error(`Expected to be ready, got ${output}`);
  child.stdout.on('data', (text) => (output += text));
  const closed = once(child, 'close');
  // Waits until it is idle.
  await sleep(200);
  const stop = performance.now();
  child.kill('SIGTERM');
  await once(child, 'exit');
  const exit = performance.now() - stop;
  await closed;
  if (output !== 'ready\nclosed\n') throw new Error(`Expected all parts to be closed, got ${output}`);
  return { start, exit };
}

const against = (other, n) => [
  { what: 'start to ready', n, part: 'start', against: other },
  { what: 'SIGTERM to exit', n, part: 'exit', against: other },
];

export const targets = [
  ...[10, 1000, 10_000].flatMap((n) => [...against('Nest', n), ...against('Effect', n)]),
  { what: 'SIGTERM to exit', n: 1000, part: 'exit', against: 'node alone', difference: 30 },
];
