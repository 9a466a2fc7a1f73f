import type { PgBoss } from 'pg-boss';
import { FleetDatabase } from '../../lib/fleet/fleet-database.js';

type ExecuteSql = (sql: string, values: unknown[]) => Promise<{ rows: unknown[] }>;
type Listen = () => unknown;

/** Creates a fleet's database whose statements are answered by functions. */
export function fakeDatabase(executeSql?: ExecuteSql, listen?: Listen): FleetDatabase {
  const boss = { getDb: () => ({ executeSql, listen }), on: () => undefined } as unknown as PgBoss;
  return new FleetDatabase(boss, 'schema', () => Promise.resolve());
}
