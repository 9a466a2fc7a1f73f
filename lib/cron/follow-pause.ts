import type { TaskEventDetail } from '../task/types.js';
import { askedBy, type AskedBy } from '../task/by-whom.js';
import type { AsyncContext } from '../util/async-context.js';
import { ForeignSubscription } from '../util/foreign-subscription.js';
import { invalid } from '../util/validate.js';
import { isPauseState, type CoordinatorMethods } from './coordinator.js';

/** The cron whose pause a coordinator controls. */
interface PausedCron {
  readonly name: string;
  readonly asyncContext: AsyncContext;
  emitEvent(detail: TaskEventDetail): void;
}

/**
 * Subscribes to the pause of a coordinator. What the coordinator does wrong is an event of the cron, and the last pause
 * holds.
 *
 * @param setPause called with each change.
 * @returns the subscription, whose end releases the coordinator.
 */
export function followPause(
  watchPause: NonNullable<CoordinatorMethods['watchPause']>,
  cron: PausedCron,
  setPause: (paused: boolean, by: AskedBy) => void,
): ForeignSubscription<unknown> {
  const onFailed = (error: unknown) =>
    cron.emitEvent({ type: 'option-failed', option: 'coordinator.watchPause', error });
  const pauses = new ForeignSubscription<unknown>(
    {
      next: (state) => {
        if (isPauseState(state)) setPause(state.paused, askedBy(state.by));
        else onFailed(new TypeError(invalid('coordinator.watchPause', 'a stream of objects with `paused`', state)));
      },
      error: onFailed,
      complete: () => undefined,
      teardownFailed: (error) => cron.emitEvent({ type: 'teardown-failed', error }),
    },
    cron.asyncContext,
  );
  pauses.subscribeTo(() => watchPause(cron.name));
  return pauses;
}
