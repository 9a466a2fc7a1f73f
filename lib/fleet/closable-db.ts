import type { Db } from 'pg-boss';
import { CancelledError } from '../errors/errors.js';

/** The connection that pg-boss and this library share. */
export interface ClosableDb extends Db {
  /** Rejects all unanswered and all later statements. */
  abandon(): void;
}

/** Returns a connection whose statements end with it. pg-boss and the driver have errors of their own for that. */
export function closable(db: Db): ClosableDb {
  const pending = new Set<(error: Error) => void>();
  let abandoned = false;
  return {
    executeSql: (text, values) => {
      if (abandoned) return Promise.reject(closedError());
      return new Promise((resolve, reject) => {
        pending.add(reject);
        db.executeSql(text, values)
          .then(resolve, reject)
          .finally(() => pending.delete(reject));
      });
    },
    ...(db.listen && { listen: db.listen.bind(db) }),
    ...(db.poolCounts && { poolCounts: db.poolCounts.bind(db) }),
    abandon: () => {
      abandoned = true;
      for (const reject of pending) reject(closedError());
    },
  };
}

function closedError(): CancelledError {
  return new CancelledError('The fleet is closed');
}
