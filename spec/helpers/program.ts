import { spawn, type ChildProcess } from 'node:child_process';
import { pause } from './wait.js';

/** The result of a program that has exited. */
export interface ProgramResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** The time from the last signal sent, or else from the start, to the exit. */
  ms: number;
}

/** Resolves when a second signal is no longer an echo of the first, which the program has received. */
export function echoTime(): Promise<void> {
  return pause(1500);
}

type Output = 'stdout' | 'stderr';

/** A child process and its output. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<ProgramResult>;
  stdout = '';
  stderr = '';
  private since = performance.now();
  private closed = false;
  private waiting: (() => void)[] = [];

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(command, args, { env });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.read('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.read('stderr', text));
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        const { stdout, stderr } = this;
        this.closed = true;
        resolve({ code, signal, stdout, stderr, ms: performance.now() - this.since });
        this.notify();
      });
    });
  }

  kill(...signals: NodeJS.Signals[]): void {
    this.since = performance.now();
    for (const signal of signals) this.child.kill(signal);
  }

  /** Resolves when the program has written a text. Rejects when it ends without having written it. */
  async waitFor(text: string, output: Output = 'stdout'): Promise<void> {
    while (!this[output].includes(text)) await this.moreOutput(text);
  }

  /** Resolves with the first line of its stdout, past or future, that matches. Rejects when it ends without one. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.stdout
        .split('\n')
        .slice(0, -1)
        .find((each) => pattern.test(each));
      if (line !== undefined) return line;
      await this.moreOutput(String(pattern));
    }
  }

  private async moreOutput(missing: string): Promise<void> {
    if (this.closed) throw new Error(`The program ended without «${missing}»: ${this.stdout}${this.stderr}`);
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private read(output: Output, text: string): void {
    this[output] += text;
    this.notify();
  }

  private notify(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
