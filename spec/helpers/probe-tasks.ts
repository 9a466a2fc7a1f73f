import { map, NEVER, Subject, timer, type Observable } from 'rxjs';
import { task, taskRunner, type Phase, type RunContext, type TaskRunner } from '../../lib/index.js';

/** The duration of a hook in ms. A `sync` hook ends before it returns. */
export type HookDuration = number | 'sync' | 'never';

export interface HookDurations {
  /** Default: `sync`. */
  readonly initialize?: HookDuration;
  /** Default: `never`. A hook that ends yields the name of its task. */
  readonly execute?: HookDuration;
  /** Default: `sync`. */
  readonly finalize?: HookDuration;
  /** The hooks that end in an error. */
  readonly fails?: readonly Phase[];
}

/** Tasks named by one letter each, and streams of these letters that show what happens to the tasks. */
export class ProbeTasks {
  /** Emits a task when its `initialize` is called. */
  readonly initialized$: Subject<string> = new Subject<string>();
  /** Emits a task when its `execute` is called. */
  readonly executed$: Subject<string> = new Subject<string>();
  /** Emits a task when it is cancelled before it has ended by itself. */
  readonly cancelled$: Subject<string> = new Subject<string>();
  /** Emits a task when its `finalize` is called. */
  readonly finalized$: Subject<string> = new Subject<string>();
  /** Emits a task when its run has ended. */
  readonly ended$: Subject<string> = new Subject<string>();
  /** The cause of the cancel of each task's last run. */
  readonly causes: Map<string, unknown> = new Map<string, unknown>();
  /** The context of each task's last run. */
  readonly contexts: Map<string, RunContext> = new Map<string, RunContext>();

  create(name: string, durations: HookDurations = {}): TaskRunner<string> {
    const { initialize = 'sync', execute = 'never', finalize = 'sync', fails = [] } = durations;
    let endedByItself = false;
    const runHook = (phase: Phase, duration: HookDuration): Observable<string> | string => {
      const end = () => {
        endedByItself = phase !== 'initialize' || fails.includes(phase);
        if (fails.includes(phase)) throw new Error(`${name}: ${phase}`);
        return name;
      };
      if (duration === 'sync') return end();
      return duration === 'never' ? NEVER : timer(duration).pipe(map(end));
    };
    const runner: TaskRunner<string> = taskRunner(
      task<string>(name, {
        initialize: (ctx) => {
          endedByItself = false;
          this.contexts.set(name, ctx);
          runner.done$.subscribe(() => this.ended$.next(name));
          ctx.cancelled$.subscribe((cause) => {
            if (endedByItself) return;
            this.causes.set(name, cause);
            this.cancelled$.next(name);
          });
          this.initialized$.next(name);
          return runHook('initialize', initialize);
        },
        execute: () => {
          this.executed$.next(name);
          return runHook('execute', execute);
        },
        finalize: () => {
          this.finalized$.next(name);
          return runHook('finalize', finalize);
        },
      }),
    );
    return runner;
  }
}
