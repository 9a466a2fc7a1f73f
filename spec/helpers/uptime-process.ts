import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { filter, firstValueFrom, ReplaySubject } from 'rxjs';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The monitor in a child process. */
export interface UptimeProcess {
  /** Returns the first line of its output that matches, past or future. */
  line(pattern: RegExp): Promise<string>;
  /** Returns the URL of its status server. */
  status(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly exit: Promise<Exit>;
}

const running = new Set<UptimeProcess>();

export function startMonitor(...args: string[]): UptimeProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/uptime.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines$ = new ReplaySubject<string>(Infinity);
  let stdout = '';
  let stderr = '';
  createInterface(child.stdout)
    .on('line', (line) => {
      stdout += `${line}\n`;
      lines$.next(line);
    })
    .on('close', () => lines$.error(new Error(`The monitor has ended:\n${stdout}${stderr}`)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));

  const line = (pattern: RegExp) => firstValueFrom(lines$.pipe(filter((line) => pattern.test(line))));
  const monitor: UptimeProcess = {
    line,
    status: async () => (await line(/^Status at /)).slice('Status at '.length),
    kill: (signal) => child.kill(signal),
    exit: once(child, 'close').then(([code, signal]) => {
      running.delete(monitor);
      return { code: code as Exit['code'], signal: signal as Exit['signal'], stdout, stderr };
    }),
  };
  running.add(monitor);
  return monitor;
}

/** Kills the monitors that a failed spec has left running. */
export function killMonitors(): void {
  for (const monitor of running) monitor.kill('SIGKILL');
}
