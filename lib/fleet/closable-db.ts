import type { Db } from 'pg-boss';
import { CancelledError } from '../errors/errors.js';

/** The connection that pg-boss and this library share. */
export interface ClosableDb extends Db {
  /** Rejects all later statements, and waits for the answers to the others. */
  close(): Promise<void>;
  /** Rejects all unanswered and all later statements. */
  abandon(): void;
}

/** Returns a connection whose statements end with it. pg-boss and the driver have errors of their own for that. */
export function closable(db: Db): ClosableDb {
  const pending = new Map<Promise<unknown>, (error: Error) => void>();
  let closed = false;
  return {
    executeSql: (text, values) => {
      if (closed) return Promise.reject(closedError());
      let abandon: (error: Error) => void = () => undefined;
      const abandoned = new Promise<never>((_, reject) => (abandon = reject));
      const answer = Promise.race([db.executeSql(text, values), abandoned]);
      pending.set(answer, abandon);
      return answer.finally(() => pending.delete(answer));
    },
    ...(db.listen && { listen: db.listen.bind(db) }),
    ...(db.poolCounts && { poolCounts: db.poolCounts.bind(db) }),
    close: async () => {
      closed = true;
      await Promise.allSettled(pending.keys());
    },
    abandon: () => {
      closed = true;
      for (const abandon of pending.values()) abandon(closedError());
    },
  };
}

function closedError(): CancelledError {
  return new CancelledError('The fleet is closed');
}
