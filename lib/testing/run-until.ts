import { explainWait } from './explain-wait.js';
import type { VirtualClock } from './virtual-clock.js';
import type { TaskHook } from './waiting-hooks.js';

/** A scenario that takes more steps is considered endless. With a duration, the limit applies to each instant. */
const maxSteps = 100_000;

/** The real function, even while another library fakes it. */
const { setImmediate: nextTurn } = globalThis;

/** The number of steps from which on a scenario says that it is long. */
const manySteps = 20_000;

/** The limit if nothing will end the scenario: reached within Mocha's time limit of 2 s, also on a busy machine. */
const maxStepsWithoutEnd = 5_000;

export interface RunUntilOptions {
  /** Time of the last timers, in ms. Default: no limit. */
  readonly until: number | undefined;
  /** Whether something is still to come that may end the scenario, such as a signal. */
  mayEnd(): boolean;
  /** Returns the hooks that wait, for the error. */
  waiting(): readonly TaskHook[];
  /** Receives what timers throw. */
  onUncaught(error: unknown): void;
  /** Called once, when there were many steps. */
  onManySteps?(steps: number): unknown;
}

/**
 * Fires timers one by one until a condition holds, no timer is pending, or a time is reached. Promises settle between
 * any two timers, as in Node.
 *
 * @throws RangeError when that takes too many steps.
 */
export async function runUntil(isDone: () => boolean, clock: VirtualClock, options: RunUntilOptions): Promise<void> {
  const { until = Infinity } = options;
  let [instant, stepsBefore] = [clock.frame, 0];
  for (let steps = 0; ; steps++) {
    await new Promise(nextTurn);
    if (isDone()) return;
    if (until < Infinity && clock.frame > instant) [instant, stepsBefore] = [clock.frame, steps];
    const isEndless = steps === maxStepsWithoutEnd && until === Infinity && !options.mayEnd();
    if (isEndless || steps - stepsBefore === maxSteps) throw endlessError(steps, clock.frame, until, options.waiting());
    if (steps === manySteps) options.onManySteps?.(steps);
    try {
      if (!clock.step(until)) break;
    } catch (error) {
      options.onUncaught(error);
    }
  }
  if (until < Infinity) clock.advanceSilently(Math.max(0, until - clock.frame));
}

function endlessError(steps: number, frame: number, until: number, waiting: readonly TaskHook[]): RangeError {
  const advice =
    until < Infinity ? 'Its time does not pass' : 'Send it a signal, or limit how long it lasts with `duration`';
  // A task in `execute` is meant to last, as a cron is.
  const unready = waiting.filter(({ hook }) => hook !== 'execute');
  const explanation = unready.length > 0 ? `. ${explainWait(unready)}` : '';
  return new RangeError(
    `Expected the scenario to end, but it continues after ${steps} steps, at ${frame} ms. ${advice}${explanation}`,
  );
}
