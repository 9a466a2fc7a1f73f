import { isConnectionError } from './connection-errors.js';
import type { FleetDatabase } from './fleet-database.js';

/** The answer to a change that has an effect only once. */
export interface ChangeAnswer<T> {
  readonly answer: T;
  /** Whether an earlier try may have had the effect, because its answer was lost with the connection. */
  readonly isUnclear: boolean;
}

/** Repeats a change until it is answered. */
export async function changeOnce<T>(database: FleetDatabase, change: () => Promise<T>): Promise<ChangeAnswer<T>> {
  let isUnclear = false;
  const answer = await database.retry(async () => {
    try {
      return await change();
    } catch (error) {
      isUnclear ||= isConnectionError(error);
      throw error;
    }
  });
  return { answer, isUnclear };
}
