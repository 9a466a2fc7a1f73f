import type { Queue } from '../../fleet/queue-types.js';
import type { FleetState } from '../../fleet/types.js';
import { invalid } from '../../util/validate.js';
import { sharedAnswer } from './shared-answer.js';

/** An object that returns the state of a fleet, such as a `Fleet`. */
export interface FleetStateSource {
  /** Returns the current members, queues and crons. May reject. */
  state(): Promise<FleetState>;
  /** Returns a queue. Without this method, the inspector shows no jobs, and has no actions of queues. */
  queue?(name: string): InspectedQueue;
}

/** The part of a queue that an inspector uses. */
export type InspectedQueue = Pick<
  Queue<unknown, unknown>,
  'job' | 'jobs' | 'groups' | 'deadLetters' | 'pause' | 'resume' | 'promote' | 'retry' | 'remove' | 'redrive'
>;

/** The state of a fleet, as in `/fleet`. */
export interface FleetAnswer extends FleetState {
  /** Present if the fleet does not answer: why, and for how long this state has been the last one, in ms. */
  readonly stale?: { readonly error: string; readonly ageMs: number };
}

/** The state of a fleet for the clients of an inspector. */
export interface SharedFleet {
  /** Resolves to the state. Rejects if the fleet does not answer. */
  readonly current: () => Promise<FleetState>;
  /** Resolves to the state, or to the last one if the fleet does not answer. Rejects if there is none. */
  readonly lastKnown: () => Promise<FleetAnswer>;
}

export function validateFleet(fleet: unknown): void {
  const { state } = (fleet ?? {}) as Partial<Record<'state', unknown>>;
  if (typeof state !== 'function') throw new TypeError(invalid('fleet', 'a fleet, as connectFleet yields it', fleet));
}

/** Queries the state of a fleet at most once a second, for any number of clients. */
export function shareFleet(fleet: FleetStateSource, now: () => number): SharedFleet {
  let last: { readonly state: FleetState; readonly at: number } | undefined;
  const current = sharedAnswer(async () => {
    const state = await fleet.state();
    last = { state, at: now() };
    return state;
  }, now);
  const lastKnown = (): Promise<FleetAnswer> =>
    current().catch((error: unknown) => {
      if (!last) throw error;
      return { ...last.state, stale: { error: fleetFailure(error), ageMs: Math.max(0, now() - last.at) } };
    });
  return { current, lastKnown };
}

/** Returns the message of an error and none of its fields, which may be secret. */
export function fleetFailure(error: unknown): string {
  const message = error instanceof Error ? error.message.slice(0, 200) : '';
  return `The fleet does not answer${message && `: ${message}`}`;
}
