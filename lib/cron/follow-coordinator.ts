import type { Observable, TeardownLogic } from 'rxjs';
import type { SlotOutcome, TaskEventDetail } from '../task/types.js';
import { askedBy, type AskedBy } from '../task/by-whom.js';
import type { AsyncContext } from '../util/async-context.js';
import { ForeignSubscription } from '../util/foreign-subscription.js';
import { invalid } from '../util/validate.js';
import { isPauseState, isTriggerRequest, type CoordinatorMethods } from './coordinator.js';

/** The cron that a coordinator controls. */
interface ControlledCron {
  readonly name: string;
  readonly asyncContext: AsyncContext;
  /** Registers a teardown for the time when the cron accepts no more. */
  add(teardown: TeardownLogic): void;
  emitEvent(detail: TaskEventDetail): void;
}

/** A method of a coordinator that emits to a cron. */
type WatchMethod = 'watchPause' | 'watchTriggers';

/**
 * Subscribes to the pause of a coordinator. The last pause holds after an error.
 *
 * @param setPause called with each change.
 */
export function followPause(
  watchPause: NonNullable<CoordinatorMethods['watchPause']>,
  cron: ControlledCron,
  setPause: (paused: boolean, by: AskedBy) => void,
): void {
  follow(cron, 'watchPause', watchPause, isPauseState, 'paused', (state) => setPause(state.paused, askedBy(state.by)));
}

/**
 * Subscribes to the triggers of a coordinator.
 *
 * @param trigger runs the cron now. Never rejects.
 */
export function followTriggers(
  watchTriggers: NonNullable<CoordinatorMethods['watchTriggers']>,
  cron: ControlledCron,
  trigger: (by: AskedBy) => Promise<SlotOutcome>,
): void {
  follow(cron, 'watchTriggers', watchTriggers, isTriggerRequest, 'onOutcome', (request) => {
    void trigger(askedBy(request.by))
      .then((outcome) => request.onOutcome(outcome))
      .catch((error: unknown) => reportFailure(cron, 'watchTriggers', error));
  });
}

/**
 * Subscribes to what a coordinator emits. All that the coordinator does wrong is an event of the cron.
 *
 * @param member the member of a value that `accepts` requires, for the error of another value.
 */
function follow<T>(
  cron: ControlledCron,
  method: WatchMethod,
  watch: (task: string) => Observable<T>,
  accepts: (value: unknown) => value is T,
  member: keyof T & string,
  onValue: (value: T) => void,
): void {
  const onFailed = (error: unknown) => reportFailure(cron, method, error);
  const values = new ForeignSubscription<unknown>(
    {
      next: (value) => {
        if (accepts(value)) onValue(value);
        else onFailed(new TypeError(invalid(`coordinator.${method}`, `a stream of objects with \`${member}\``, value)));
      },
      error: onFailed,
      complete: () => undefined,
      teardownFailed: (error) => cron.emitEvent({ type: 'teardown-failed', error }),
    },
    cron.asyncContext,
  );
  // Before the subscription, in which the coordinator may emit what ends the cron.
  cron.add(values);
  values.subscribeTo(() => watch(cron.name));
}

function reportFailure(cron: ControlledCron, method: WatchMethod, error: unknown): void {
  cron.emitEvent({ type: 'option-failed', option: `coordinator.${method}`, error });
}
