import type { ChildProcess } from 'node:child_process';
import { attempt } from '../util/attempt.js';
import { openHandles } from './open-handles.js';

/** The time that an exit may take, in ms. */
const exitMs = 500;

/**
 * A program that kills its parent. It ends at once when the parent ends, because the pipe between them closes then.
 */
const program = `
  const [pid, message] = process.argv.slice(1);
  setTimeout(() => {
    process.stderr.write(message);
    process.kill(Number(pid), 'SIGKILL');
  }, ${exitMs});
  process.stdin.on('end', () => process.exit()).resume();
`;

/**
 * Kills this process if it has not exited after 500 ms. `process.exit` waits for the threads of the process, and a
 * thread may be in a blocking system call, such as opening a FIFO that has no writer.
 */
export function killUnlessExited(code: number): void {
  // In a worker thread, `process.exit` ends this thread alone.
  if (!process.getBuiltinModule('node:worker_threads').isMainThread) return;
  const handles = openHandles();
  const open = handles.length > 0 ? `: ${handles.join(', ')}` : '';
  const reason = `after ${exitMs} ms the exit with ${code} still waits for a thread in a blocking system call${open}`;
  // Without a watchdog, the exit is as safe as any. Node's permission model makes `spawn` throw.
  attempt(() => spawnWatchdog(`Killing the process: ${reason}\n`).on('error', () => undefined), undefined);
}

function spawnWatchdog(message: string): ChildProcess {
  // Not imported: few programs come here, and all would load it.
  return process
    .getBuiltinModule('node:child_process')
    .spawn(process.execPath, ['-e', program, String(process.pid), message], {
      stdio: ['pipe', 'ignore', 'inherit'],
      // So that a signal for the group of processes does not end it, nor an option for all programs delay it.
      detached: true,
      env: {},
      windowsHide: true,
    });
}
