import { maxTimerMs } from '../util/timer.js';
import { FleetConnectionError } from './errors.js';

/**
 * Waits up to `ms` for an answer. A connection that is cut without an error may not answer for a very long time. An
 * answer that a blocked process reads later is refused: another process may have got what it grants.
 */
export async function answerWithin<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timeout: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const expire = () => reject(new FleetConnectionError(`The database did not answer within ${ms} ms`));
    timeout = setTimeout(expire, Math.min(ms, maxTimerMs));
  });
  try {
    return await Promise.race([answer, expired]);
  } finally {
    clearTimeout(timeout);
  }
}
