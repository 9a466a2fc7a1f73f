// A process of workers: `node worker-process.js <contender> <url> <options>` prints a line when it is prepared, and
// starts its workers when it gets one. It ends with the process that has started it.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { firstOutput } from '../first-output.js';

const program = fileURLToPath(import.meta.url);

/** Loads a contender's idiom. A variant, whose name has a comma, has that of its contender. */
export function loadPeer(contender) {
  return import(`./${contender.split(',')[0].toLowerCase()}.js`);
}

/** Starts a process of workers, and resolves when it is prepared. */
export async function prepareWorkers(contender, url, options = {}) {
  const args = [program, contender, url, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await firstOutput(child);
  return {
    begin: () => child.stdin.write('begin\n'),
    kill: () => child.kill('SIGKILL'),
  };
}

if (process.argv[1] === program) {
  const [contender, url, options] = process.argv.slice(2);
  const { prepareWork } = await loadPeer(contender);
  const begin = await prepareWork(url, JSON.parse(options));
  process.stdin.once('data', begin);
  process.stdin.once('end', () => process.exit());
  console.log('prepared');
}
