import { map, NEVER, Subject, timer, type Observable } from 'rxjs';
import { task, taskRunner, type Phase, type RunContext, type TaskRunner } from '../../lib/index.js';

/** For how many ms a hook goes on; `sync`: it ends before it has returned. */
export type Length = number | 'sync' | 'never';

export interface Lengths {
  /** `sync` unless said. */
  readonly initialize?: Length;
  /** `never` unless said; then it yields the name of its task. */
  readonly execute?: Length;
  /** `sync` unless said. */
  readonly finalize?: Length;
  /** The hooks that end in an error. */
  readonly fails?: readonly Phase[];
}

/** Tasks that are named by one letter each, and streams of these letters that show what happens to them. */
export class Parts {
  /** Whose `initialize` is called. */
  readonly initialized$: Subject<string> = new Subject<string>();
  /** Whose `execute` is called. */
  readonly executed$: Subject<string> = new Subject<string>();
  /** Who is cancelled before it has ended by itself. */
  readonly cut$: Subject<string> = new Subject<string>();
  /** Whose `finalize` is called. */
  readonly finalized$: Subject<string> = new Subject<string>();
  /** Whose run is over. */
  readonly ended$: Subject<string> = new Subject<string>();
  /** What the last run of each was cancelled with. */
  readonly causes: Map<string, unknown> = new Map<string, unknown>();
  /** The contexts of the last runs. */
  readonly contexts: Map<string, RunContext> = new Map<string, RunContext>();

  part(name: string, lengths: Lengths = {}): TaskRunner<string> {
    const { initialize = 'sync', execute = 'never', finalize = 'sync', fails = [] } = lengths;
    let over = false;
    const lasting = (phase: Phase, length: Length): Observable<string> | string => {
      const end = () => {
        over = phase !== 'initialize' || fails.includes(phase);
        if (fails.includes(phase)) throw new Error(`${name}: ${phase}`);
        return name;
      };
      if (length === 'sync') return end();
      return length === 'never' ? NEVER : timer(length).pipe(map(end));
    };
    const runner: TaskRunner<string> = taskRunner(
      task<string>(name, {
        initialize: (ctx) => {
          over = false;
          this.contexts.set(name, ctx);
          runner.done$.subscribe(() => this.ended$.next(name));
          ctx.cancelled$.subscribe((cause) => {
            if (over) return;
            this.causes.set(name, cause);
            this.cut$.next(name);
          });
          this.initialized$.next(name);
          return lasting('initialize', initialize);
        },
        execute: () => {
          this.executed$.next(name);
          return lasting('execute', execute);
        },
        finalize: () => {
          this.finalized$.next(name);
          return lasting('finalize', finalize);
        },
      }),
    );
    return runner;
  }
}
