import type { PgBoss } from 'pg-boss';
import { FleetDatabase, type DatabaseConnection } from '../../lib/fleet/fleet-database.js';

type ExecuteSql = (sql: string, values: unknown[]) => Promise<{ rows: unknown[] }>;
type Listen = () => unknown;

/** A connection that closes at once. */
export const fakeConnection: DatabaseConnection = {
  deaf: false,
  close: () => Promise.resolve(),
  abandon: () => undefined,
};

/** Creates a fleet's database whose statements are answered by functions. */
export function fakeDatabase(executeSql?: ExecuteSql, listen?: Listen): FleetDatabase {
  const boss = { getDb: () => ({ executeSql, listen }), on: () => undefined } as unknown as PgBoss;
  return new FleetDatabase(boss, 'schema', fakeConnection);
}
