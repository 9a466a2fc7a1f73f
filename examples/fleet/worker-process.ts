import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { from, fromEvent, map, race, take, tap, type Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';
import { log } from './log.js';

/** A worker in its own process. Its task is ready when the worker is. */
export class WorkerProcess {
  readonly name: string;
  readonly task: Task<string>;
  /** The exit code or signal of the process. */
  ended: Promise<string> = Promise.resolve('not started');
  private child: ChildProcess | undefined = undefined;
  private sentSignal: NodeJS.Signals | undefined = undefined;

  /** @param env returns the address of the fleet. It is no argument, because all users can read its password there. */
  constructor(program: string, name: string, env: () => NodeJS.ProcessEnv) {
    this.name = name;
    this.task = task(name, {
      initialize: () => {
        // In its own process group, because a terminal sends Ctrl-C to all processes of a group.
        const child = fork(program, [name], { detached: true, env: { ...process.env, ...env() } });
        this.child = child;
        this.ended = once(child, 'exit').then(([code, signal]) => (signal ?? `exit code ${code}`) as string);
        const ready$ = fromEvent(child, 'message').pipe(map(() => log(name, `is up, as process ${child.pid}`)));
        return race(ready$, this.end$()).pipe(take(1));
      },
      execute: () => this.end$(),
      finalize: () => this.stop('SIGTERM'),
    });
  }

  /** Sends a signal to the process. Returns its exit code or signal. */
  stop(signal: NodeJS.Signals): Promise<string> {
    this.sentSignal ??= signal;
    this.child?.kill(signal);
    return this.ended;
  }

  /** Emits the exit code or signal. Fails if the process ends unexpectedly. */
  private end$(): Observable<string> {
    return from(this.ended).pipe(
      tap((end) => {
        if (end !== 'exit code 0' && end !== this.sentSignal) throw new Error(`${this.name} has ended with ${end}`);
      }),
    );
  }
}
