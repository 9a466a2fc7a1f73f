import { spawn, type ChildProcess } from 'node:child_process';

/** What became of a program. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** From the last signal sent, else from the start, to the exit. */
  ms: number;
}

/** A child process, and what it writes. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  private since = performance.now();
  private waiting: (() => void)[] = [];

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(command, args, { env });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.read('stdout', text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.read('stderr', text));
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        const { stdout, stderr } = this;
        resolve({ code, signal, stdout, stderr, ms: performance.now() - this.since });
        this.wake();
      });
    });
  }

  kill(...signals: NodeJS.Signals[]): void {
    this.since = performance.now();
    for (const signal of signals) this.child.kill(signal);
  }

  /** Resolves when the text has been written to stdout; rejects when the program has ended without. */
  async says(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`It ended without «${text}»: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private read(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
