import type { FleetState } from '../../fleet/types.js';
import { invalid } from '../../util/validate.js';

/** An object that returns the state of a fleet, such as a `Fleet`. */
export interface FleetStateSource {
  /** Returns the current members, queues and crons. May reject. */
  state(): Promise<FleetState>;
  /** Returns a queue, for the action `redrive`. Without this method, the inspector has no such action. */
  queue?(name: string): RedrivableQueue;
}

/** A queue of a fleet, for the inspector. */
export interface RedrivableQueue {
  /** Submits all dead letters again. Resolves with their number. */
  redrive(): Promise<number>;
}

/** An answer serves all requests within this time. */
const cacheMs = 1000;
const answerTimeoutMs = 5000;

export function validateFleet(fleet: unknown): void {
  const { state } = (fleet ?? {}) as Partial<Record<'state', unknown>>;
  if (typeof state !== 'function') throw new TypeError(invalid('fleet', 'a fleet, as connectFleet yields it', fleet));
}

/**
 * Shares the state of a fleet between any number of clients, to spare its database: one query at a time, and its
 * answer or failure serves all requests within a second.
 */
export function sharedState(fleet: FleetStateSource, now: () => number): () => Promise<FleetState> {
  let answer: Promise<FleetState> | undefined;
  let answeredAt: number | undefined;
  return () => {
    // A negative age means that the clock was set back; the answer is then outdated, too.
    const age = answeredAt === undefined ? 0 : now() - answeredAt;
    if (answer && age >= 0 && age < cacheMs) return answer;
    answeredAt = undefined;
    // A `state` that throws becomes a rejection.
    const query = new Promise<FleetState>((resolve) => resolve(fleet.state()));
    const onAnswer = () => (answeredAt = now());
    query.then(onAnswer, onAnswer);
    return (answer = withTimeout(query));
  };
}

/** Returns the action `redrive` of a fleet that has queues. A queue that the fleet does not have is not created. */
export function redriveOf(
  fleet: FleetStateSource | undefined,
  state: (() => Promise<FleetState>) | undefined,
): ((name: string) => Promise<number | undefined>) | undefined {
  if (!fleet?.queue || !state) return undefined;
  return async (name) => {
    const { queues } = await state();
    return queues.some((queue) => queue.name === name) ? fleet.queue?.(name).redrive() : undefined;
  };
}

/** Returns the message of an error and none of its fields, which may be secret. */
export function fleetFailure(error: unknown): string {
  const message = error instanceof Error ? error.message.slice(0, 200) : '';
  return `The fleet does not answer${message && `: ${message}`}`;
}

/** Rejects after the timeout. The query stays pending, so that it is not repeated meanwhile. */
function withTimeout(query: Promise<FleetState>): Promise<FleetState> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(
      () => reject(new Error(`no answer for ${answerTimeoutMs / 1000} s`)),
      answerTimeoutMs,
    ).unref();
    query.then(resolve, reject).finally(() => clearTimeout(timeout));
  });
}
