import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { from, fromEvent, map, race, take, tap, type Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';
import { say } from './say.js';

/** A worker as a process of its own. It is ready when the worker is. */
export class WorkerProcess {
  readonly name: string;
  readonly task: Task<string>;
  /** How its process has ended. */
  ended: Promise<string> = Promise.resolve('not started');
  private child: ChildProcess | undefined = undefined;
  private sent: NodeJS.Signals | undefined = undefined;

  /** @param env tells the program where the fleet is; in its arguments, which all may read, a password has no place. */
  constructor(program: string, name: string, env: () => NodeJS.ProcessEnv) {
    this.name = name;
    this.task = task(name, {
      initialize: () => {
        // In a group of its own, so that the Ctrl-C of a terminal does not end it before its turn.
        const child = fork(program, [name], { detached: true, env: { ...process.env, ...env() } });
        this.child = child;
        this.ended = once(child, 'exit').then(([code, signal]) => (signal ?? `exit code ${code}`) as string);
        const ready$ = fromEvent(child, 'message').pipe(map(() => say(name, `is up, as process ${child.pid}`)));
        return race(ready$, this.end$()).pipe(take(1));
      },
      execute: () => this.end$(),
      finalize: () => this.end('SIGTERM'),
    });
  }

  /** Sends it a signal, and gives how it has ended. */
  end(signal: NodeJS.Signals): Promise<string> {
    this.sent ??= signal;
    this.child?.kill(signal);
    return this.ended;
  }

  /** An end that nobody has asked for is a failure. */
  private end$(): Observable<string> {
    return from(this.ended).pipe(
      tap((end) => {
        if (end !== 'exit code 0' && end !== this.sent) throw new Error(`${this.name} has ended with ${end}`);
      }),
    );
  }
}
