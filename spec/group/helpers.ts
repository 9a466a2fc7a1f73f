import { catchError, map, throwError, type Observable } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import {
  ordered,
  parallel,
  type CancelFunc,
  type Context,
  type Outcome,
  type SuperviseOptions,
  type TaskError,
  type TaskRunner,
} from '../../lib/index.js';
import type { ProbeTasks } from '../helpers/probe-tasks.js';
import { outcomeOf } from '../helpers/tasks.js';

/** Both kinds of groups, with their names. */
export const groupKinds: readonly [['ordered', typeof ordered], ['parallel', typeof parallel]] = [
  ['ordered', ordered],
  ['parallel', parallel],
];

/** Marbles of the streams of probes. A stream without marbles emits nothing. */
export interface ProbeMarbles {
  readonly initialized?: string;
  readonly executed?: string;
  readonly cancelled?: string;
  readonly finalized?: string;
  readonly ended?: string;
}

const none = '-';

export function expectProbes({ expectObservable }: RunHelpers, probes: ProbeTasks, marbles: ProbeMarbles): void {
  expectObservable(probes.initialized$).toBe(marbles.initialized ?? none);
  expectObservable(probes.executed$).toBe(marbles.executed ?? none);
  expectObservable(probes.cancelled$).toBe(marbles.cancelled ?? none);
  expectObservable(probes.finalized$).toBe(marbles.finalized ?? none);
  expectObservable(probes.ended$).toBe(marbles.ended ?? none);
}

/** Describes how a run and its members ended: `app failed [app/a cancelled, app/b failed]`. */
export function describeOutcome({ task, status, phase, members }: Outcome): string {
  const summary = `${task} ${status}${phase ? ` in ${phase}` : ''}`;
  return members ? `${summary} [${members.map(describeOutcome).join(', ')}]` : summary;
}

/** Describes how the last run of a runner ended. */
export function summaryOf(runner: TaskRunner): string | undefined {
  const outcome = outcomeOf(runner);
  return outcome && describeOutcome(outcome);
}

/** Emits how a runner ended. */
export function outcome$(runner: TaskRunner): Observable<string> {
  return runner.done$.pipe(map(describeOutcome));
}

/** Starts a runner, and emits its error as text. */
export function start$<T>(runner: TaskRunner<T>, ctx?: Context): Observable<T> {
  const toText = (error: unknown) => {
    const { task, phase } = error as TaskError;
    return throwError(() => `${task} in ${phase}`);
  };
  return runner.start(ctx).pipe(catchError(toText));
}

/** Options of a supervised task that always waits for the same time. */
export function steady(initial: number): SuperviseOptions {
  return { backoff: { initial, factor: 1, jitter: 0 } };
}

/** Starts a runner and ignores its error. */
export function startQuietly(runner: TaskRunner, ctx?: Context, cancel?: CancelFunc): void {
  runner.start(ctx, cancel).subscribe({ error: () => undefined });
}
