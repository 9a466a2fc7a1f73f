import { Pool, type PoolConfig, type QueryResultRow } from 'pg';
import { Subject } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

/** A pool of connections that exists while its task runs. */
export interface Database {
  /**
   * Connects, and ends when all lent connections are back. It yields the errors of connections that broke while idle:
   * the pool replaces them.
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
        // A new pool for each run, because a pool that has ended cannot be used again.
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
