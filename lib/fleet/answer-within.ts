import { maxTimerMs } from '../util/timer.js';
import { FleetConnectionError } from './errors.js';

/** Waits up to `ms` for an answer. A connection that is cut without an error may not answer for a very long time. */
export async function answerWithin<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timeout: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const expire = () => reject(new FleetConnectionError(`The database did not answer within ${ms} ms`));
    // Not at once, because the timers of a process that was blocked fire before it reads what has arrived.
    timeout = setTimeout(() => setImmediate(expire), Math.min(ms, maxTimerMs));
  });
  try {
    return await Promise.race([answer, expired]);
  } finally {
    clearTimeout(timeout);
  }
}
