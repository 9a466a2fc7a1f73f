import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const title = 'exit: from SIGTERM until the process with n idle tasks is gone';
export const unit = 'ms';
export const sizes = [1000];

/** Each is a program that ../idle.js starts. */
export const contenders = {
  'rxjs-tasks': async (n) => {
    const { runMain, task } = await import('../../dist/index.js');
    const { NEVER } = await import('rxjs');
    void runMain(Array.from({ length: n }, (_, i) => task(`task ${i}`, () => NEVER)));
  },
  'process.on': () => {
    process.on('SIGTERM', () => process.exit());
    setInterval(() => {}, 1000);
  },
};

export async function measure(contender, n) {
  const program = fileURLToPath(new URL('../idle.js', import.meta.url));
  const child = spawn(process.execPath, [program, contender, n], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  // Waits until it is idle.
  await sleep(200);
  const start = performance.now();
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`Exit code ${code}`);
  return ms;
}

export const targets = [{ what: 'SIGTERM to exit, idle tasks', n: 1000, against: 'process.on', difference: 30 }];
