import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import type { Phase } from '../errors/errors.js';
import type { Task } from '../task/types.js';
import { validateMs } from '../util/validate.js';
import { markAsScript } from './waiting-hooks.js';

/** A task whose hooks end when the test ends them. Made by {@link script} without marbles. */
export class ManualTask<T = unknown> implements Task<T> {
  readonly grace?: number;
  private readonly name: string;
  private readonly calledHooks: Phase[] = [];
  private hook: { readonly phase: Phase; readonly subscriber: Subscriber<T> } | undefined = undefined;
  private lastContext: RunContext | undefined = undefined;
  private cancelApp: CancelFunc | undefined = undefined;

  /** @internal */
  constructor(name: string, grace: number | undefined) {
    this.name = name;
    if (grace === undefined) return;
    validateMs('grace', grace);
    this.grace = grace;
  }

  /** Hook that is running now. */
  get phase(): Phase | undefined {
    return this.hook?.phase;
  }

  /** Hooks that have been called, in order. */
  get calls(): readonly Phase[] {
    return this.calledHooks;
  }

  /** Context that the last hook received. `finalize` receives none. */
  get ctx(): RunContext | undefined {
    return this.lastContext;
  }

  /** Yields a value from `execute`. @throws Error when `execute` is not running. */
  next(value: T): void {
    if (this.phase !== 'execute')
      throw new Error(`${this.name} is not in \`execute\`, the only hook that yields values`);
    this.hook?.subscriber.next(value);
  }

  /** Ends the running hook. @throws Error when no hook is running. */
  settle(): void {
    this.runningHook.complete();
  }

  /** Lets the running hook fail. @throws Error when no hook is running. */
  fail(error: unknown): void {
    this.runningHook.error(error);
  }

  /** Cancels the application, as any hook may. @throws Error before the first `execute`. */
  cancel(cause?: unknown): void {
    if (!this.cancelApp)
      throw new Error(`${this.name} has not been executed yet, so it has no function to cancel with`);
    this.cancelApp(cause);
  }

  initialize(ctx: RunContext): Observable<T> {
    this.lastContext = ctx;
    return this.openHook('initialize');
  }

  execute(ctx: RunContext, cancel: CancelFunc): Observable<T> {
    this.lastContext = ctx;
    this.cancelApp = cancel;
    return this.openHook('execute');
  }

  finalize(): Observable<T> {
    return this.openHook('finalize');
  }

  /** Returns the name of the task. */
  toString(): string {
    return this.name;
  }

  private get runningHook(): Subscriber<T> {
    if (!this.hook) throw new Error(`${this.name} has no running hook`);
    return this.hook.subscriber;
  }

  private openHook(phase: Phase): Observable<T> {
    markAsScript();
    return new Observable((subscriber) => {
      this.calledHooks.push(phase);
      this.hook = { phase, subscriber };
      return () => {
        if (this.hook?.subscriber === subscriber) this.hook = undefined;
      };
    });
  }
}
