import { Pool, type PoolConfig, type QueryResultRow } from 'pg';
import { Subject } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

/** A pool of connections that is there while its task runs. */
export interface Database {
  /**
   * Connects, and ends when all that was lent has come back. It yields the errors of connections that broke while nobody used
   * them: the pool makes others.
   */
  readonly task: Task<Error>;
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

export function database(name: string, config: PoolConfig): Database {
  let pool: Pool | undefined;
  const broken$ = new Subject<Error>();
  return {
    task: task(name, {
      async initialize() {
        // Anew each time, because a pool that has ended cannot be used again.
        pool = new Pool(config).on('error', (error) => broken$.next(error));
        await pool.query('SELECT 1');
      },
      execute: () => broken$,
      async finalize() {
        const ended = pool;
        pool = undefined;
        await ended?.end();
      },
    }),
    async query<Row extends QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      if (!pool) throw new Error(`${name} is not connected`);
      return (await pool.query<Row>(sql, [...values])).rows;
    },
  };
}
