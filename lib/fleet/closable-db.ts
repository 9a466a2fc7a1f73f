import type { Db } from 'pg-boss';
import { closedError } from './closed-error.js';

/** The connection that pg-boss and this library share. */
export interface ClosableDb extends Db {
  /**
   * Rejects all later statements, and waits for the answers to the others.
   *
   * @param cause the cause of the fleet's cancel, if it was cancelled.
   */
  close(cause?: unknown): Promise<void>;
  /** Rejects all unanswered and all later statements. */
  abandon(cause?: unknown): void;
}

/** Returns a connection whose statements end with it. pg-boss and the driver have errors of their own for that. */
export function closable(db: Db): ClosableDb {
  const pending = new Map<Promise<unknown>, (error: Error) => void>();
  let closed = false;
  let cancelCause: unknown;
  return {
    executeSql: (text, values) => {
      if (closed) return Promise.reject(closedError(cancelCause));
      let abandon: (error: Error) => void = () => undefined;
      const abandoned = new Promise<never>((_, reject) => (abandon = reject));
      const answer = Promise.race([db.executeSql(text, values), abandoned]);
      pending.set(answer, abandon);
      return answer.finally(() => pending.delete(answer));
    },
    ...(db.listen && { listen: db.listen.bind(db) }),
    ...(db.poolCounts && { poolCounts: db.poolCounts.bind(db) }),
    close: async (cause) => {
      closed = true;
      cancelCause = cause;
      await Promise.allSettled(pending.keys());
    },
    abandon: (cause) => {
      closed = true;
      cancelCause = cause;
      for (const abandon of pending.values()) abandon(closedError(cause));
    },
  };
}
