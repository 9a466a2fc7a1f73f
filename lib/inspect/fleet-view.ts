import type { FleetState } from '../fleet/fleet-state.js';
import { invalid } from '../util/validate.js';

/** Whatever can tell how a fleet stands. A `Fleet` can. */
export interface FleetStateSource {
  /** Its members, queues and crons, as they are now; it may reject. */
  state(): Promise<FleetState>;
}

/** How long an answer is good for those who ask later. */
const fresh = 1000;
/** How long one waits for an answer before one is told that there is none. */
const patience = 5000;

export function expectFleet(fleet: unknown): void {
  const { state } = (fleet ?? {}) as Partial<Record<'state', unknown>>;
  if (typeof state !== 'function') throw new TypeError(invalid('fleet', 'a fleet, as connectFleet yields it', fleet));
}

/**
 * The state of a fleet for any number of watchers, who shall not load its database: it is asked once at a time, and its answer, or
 * that it failed, is handed to all who ask within a second.
 */
export function sharedState(fleet: FleetStateSource, now: () => number): () => Promise<FleetState> {
  let answer: Promise<FleetState> | undefined;
  let over: number | undefined;
  return () => {
    // A clock that was set back makes an answer old, too.
    const age = over === undefined ? 0 : now() - over;
    if (answer && age >= 0 && age < fresh) return answer;
    over = undefined;
    // One that throws at once fails like any other.
    const asked = new Promise<FleetState>((resolve) => resolve(fleet.state()));
    const done = () => (over = now());
    asked.then(done, done);
    return (answer = withPatience(asked));
  };
}

/** What hangs is still under way, so that it is not asked again; but nobody waits for it. */
function withPatience(asked: Promise<FleetState>): Promise<FleetState> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer for ${patience / 1000} s`)), patience).unref();
    asked.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
