import { concat, filter, NEVER, of, switchMap, take, type Observable } from 'rxjs';
import { applicationOf } from '../app/application-info.js';
import type { AppEvent } from '../app/types.js';
import type { Context } from '../context/types.js';
import { wait } from '../util/timer.js';

/** The longest time between {@link ApplicationStop.deadline$} and the deadline itself, in ms. */
const maxMarginMs = 1000;

/** The stop of an application. */
export interface ApplicationStop {
  /** Emits when the application continues for its `drainDelay`: immediately if it already does. */
  readonly draining$: Observable<unknown>;
  /** Emits shortly before the deadline, so that there is time for the tasks that end later. */
  readonly deadline$: Observable<unknown>;
}

/** Returns the stop of the application that a context belongs to. Without an application nothing is emitted. */
export function applicationStop(ctx: Context): ApplicationStop {
  const { stopEvents$ = NEVER, timeout = Infinity, draining } = applicationOf(ctx) ?? {};
  const first = (type: AppEvent['type']) =>
    stopEvents$.pipe(
      filter((event) => event.type === type),
      take(1),
    );
  const beforeDeadlineMs = timeout - Math.min(maxMarginMs, timeout / 5);
  return {
    draining$: draining ? of(undefined) : first('draining'),
    deadline$: first('cancelled').pipe(switchMap(() => concat(wait(beforeDeadlineMs, ctx.scheduler), of(undefined)))),
  };
}
