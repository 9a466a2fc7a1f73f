import type { Observable } from 'rxjs';
import type { AskedBy } from '../task/by-whom.js';
import type { SlotOutcome } from '../task/types.js';
import { hasMembers } from '../util/has-members.js';
import { invalid } from '../util/validate.js';

/** Grants each slot of a cron to at most one of several processes, and may pause the cron in all of them. */
export interface Coordinator {
  /**
   * Requests the lease of a slot. The slot runs once the lease emits `true`. `false`, an error, or completion without
   * an answer refuses the slot. During the run, `false` or an error revokes the lease, which cancels the run. A value
   * that is no boolean acts as an error. The cron unsubscribes when the run has ended.
   *
   * @param task the name of the task.
   * @param slot when the slot was due, in ms since the epoch.
   */
  lease(task: string, slot: number): Observable<boolean>;
  /**
   * Emits whether a cron is paused, at the subscription and at each change. The cron subscribes for as long as its
   * schedule runs, and acts as by its own {@link CronRunner.pause}. It is paused while either of the two holds. If the
   * Observable emits nothing, the cron is not paused. After an error, which is an `option-failed` event, or a
   * completion, the last value holds. Default: the coordinator never pauses a cron.
   *
   * @param task the name of the task.
   */
  watchPause?(task: string): Observable<PauseState>;
  /**
   * Emits a request for each run that the cron is to start now. The coordinator emits each request to one process. The
   * cron subscribes for as long as it accepts calls of its {@link CronRunner.trigger}, and acts as by such a call. An
   * error is an `option-failed` event; after it, or a completion, no request arrives. Default: the coordinator never
   * triggers a cron.
   *
   * @param task the name of the task.
   */
  watchTriggers?(task: string): Observable<TriggerRequest>;
}

/** Whether a cron is paused in all processes, and the person or program that has changed that last. */
export interface PauseState extends AskedBy {
  readonly paused: boolean;
}

/** A request to run a cron now, and the person or program that has made it. */
export interface TriggerRequest extends AskedBy {
  /** Called once, when the run has ended or was skipped. */
  onOutcome(outcome: SlotOutcome): void;
}

/** The methods of a coordinator, read once. */
export interface CoordinatorMethods {
  readonly lease: Coordinator['lease'] | undefined;
  readonly watchPause: Coordinator['watchPause'];
  readonly watchTriggers: Coordinator['watchTriggers'];
}

/** Reads the methods of a coordinator, if there is one. */
export function readCoordinator(coordinator: unknown): CoordinatorMethods {
  if (coordinator === undefined) return { lease: undefined, watchPause: undefined, watchTriggers: undefined };
  const lease = hasMembers(coordinator, 'lease') ? coordinator.lease : undefined;
  if (typeof lease !== 'function') {
    const hint = hasMembers(coordinator, 'coordinator') ? '. Give its `coordinator`' : '';
    throw new TypeError(`${invalid('coordinator', 'an object with a `lease` function', coordinator)}${hint}`);
  }
  return {
    lease: (task, slot) => lease.call(coordinator, task, slot) as Observable<boolean>,
    watchPause: readWatch<PauseState>(coordinator, 'watchPause'),
    watchTriggers: readWatch<TriggerRequest>(coordinator, 'watchTriggers'),
  };
}

/** Reads a method that a coordinator need not have. */
function readWatch<T>(
  coordinator: unknown,
  name: 'watchPause' | 'watchTriggers',
): ((task: string) => Observable<T>) | undefined {
  const method = (coordinator as Record<typeof name, unknown>)[name];
  if (method !== undefined && typeof method !== 'function')
    throw new TypeError(invalid(`coordinator.${name}`, 'a function', method));
  return method && ((task) => method.call(coordinator, task) as Observable<T>);
}

/** Whether a value that a coordinator has emitted is a {@link PauseState}. */
export function isPauseState(value: unknown): value is PauseState {
  if (!hasMembers(value, 'paused')) return false;
  const { paused, by } = value as Partial<Record<keyof PauseState, unknown>>;
  return typeof paused === 'boolean' && (by === undefined || typeof by === 'string');
}

/** Whether a value that a coordinator has emitted is a {@link TriggerRequest}. */
export function isTriggerRequest(value: unknown): value is TriggerRequest {
  if (!hasMembers(value, 'onOutcome')) return false;
  const { onOutcome, by } = value as Partial<Record<keyof TriggerRequest, unknown>>;
  return typeof onOutcome === 'function' && (by === undefined || typeof by === 'string');
}
