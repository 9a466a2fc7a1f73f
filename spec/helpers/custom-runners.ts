import { map, Subject, type Observable } from 'rxjs';
import {
  withCancel,
  type CancelFunc,
  type Context,
  type Outcome,
  type TaskError,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';

/** A custom runner that a spec drives by hand. It uses nothing of the library. */
export class ManualRunner implements TaskRunner<string> {
  readonly done$: Subject<Outcome> = new Subject<Outcome>();
  readonly ready$: Subject<void> = new Subject<void>();
  readonly results$: Subject<string> = new Subject<string>();
  readonly events$: Subject<TaskEvent> = new Subject<TaskEvent>();
  readonly status = 'running';
  readonly values$: Subject<string> = new Subject<string>();
  ctx: Context | AbortSignal | undefined = undefined;
  cancel: CancelFunc | undefined = undefined;

  start(ctx?: Context | AbortSignal, cancel?: CancelFunc): Observable<string> {
    this.ctx = ctx;
    this.cancel = cancel;
    return this.values$;
  }

  end(status: Outcome['status'], error?: TaskError): void {
    const outcome: Outcome = { task: 'custom', runner: this, status, ...(error && { error }) };
    this.done$.next(outcome);
    this.done$.complete();
    if (error) this.values$.error(error);
    else this.values$.complete();
  }

  toString(): string {
    return 'custom';
  }
}

/** Wraps a runner as an application does that counts or logs: the outcomes and events are those of the inner runner. */
export function wrapRunner<T>(runner: TaskRunner<T>): TaskRunner<T> {
  return {
    start: (ctx, cancel) => runner.start(ctx, cancel),
    done$: runner.done$,
    ready$: runner.ready$,
    results$: runner.results$,
    events$: runner.events$,
    get status() {
      return runner.status;
    },
    toString: () => runner.toString(),
  };
}

/** Creates a custom runner that runs an inner runner, under a context of its own or under the context that it gets. */
export function customRunner<T>(runner: TaskRunner<T>, context: 'its own' | 'the same' = 'its own'): TaskRunner<T> {
  const custom: TaskRunner<T> = {
    ...wrapRunner(runner),
    start: (ctx, cancel) => runner.start(context === 'the same' ? ctx : withCancel(ctx)[0], cancel),
    done$: runner.done$.pipe(map((outcome) => ({ ...outcome, runner: custom }))),
    events$: runner.events$.pipe(
      map((event) => (event.type === 'done' ? { ...event, outcome: { ...event.outcome, runner: custom } } : event)),
    ),
    get status() {
      return runner.status;
    },
  };
  return custom;
}
