import type { VirtualClock } from './virtual-clock.js';

/** A scenario that takes more steps is considered endless. With a duration, the limit applies to each instant. */
const maxSteps = 100_000;

/** The real function, even while another library fakes it. */
const { setImmediate: nextTurn } = globalThis;

/**
 * Fires timers one by one until a condition holds, no timer is pending, or a time is reached. Promises settle between
 * any two timers, as in Node.
 *
 * @param onUncaught Receives what timers throw.
 * @throws RangeError when that takes too many steps.
 */
export async function runUntil(
  isDone: () => boolean,
  clock: VirtualClock,
  onUncaught: (error: unknown) => void,
  until: number | undefined = Infinity,
): Promise<void> {
  let instant = clock.frame;
  for (let steps = 0; ; steps++) {
    await new Promise(nextTurn);
    if (isDone()) return;
    if (until < Infinity && clock.frame > instant) [instant, steps] = [clock.frame, 0];
    if (steps === maxSteps) throw endlessError(clock.frame, until);
    try {
      if (!clock.step(until)) break;
    } catch (error) {
      onUncaught(error);
    }
  }
  if (until < Infinity) clock.advanceSilently(Math.max(0, until - clock.frame));
}

function endlessError(frame: number, until: number): RangeError {
  const advice =
    until < Infinity ? 'Its time does not pass' : 'Send it a signal, or limit how long it lasts with `duration`';
  return new RangeError(
    `Expected the scenario to end, but it continues after ${maxSteps} steps, at ${frame} ms. ${advice}`,
  );
}
