import { compileProgram } from './compile-program.js';
import { Program } from './program.js';

const running = new Set<Program>();

/** Starts the monitor in a child process. */
export function startMonitor(...args: string[]): Program {
  const monitor = new Program(process.execPath, [compileProgram('examples/uptime.ts'), ...args]);
  running.add(monitor);
  void monitor.ended.then(() => running.delete(monitor));
  return monitor;
}

/** Returns the URL of a monitor's status server. */
export async function statusUrl(monitor: Program): Promise<string> {
  return (await monitor.line(/^Status at /)).slice('Status at '.length);
}

/** Kills the monitors that a failed spec has left running. */
export function killMonitors(): void {
  for (const monitor of running) monitor.kill('SIGKILL');
}
