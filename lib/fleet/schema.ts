import { createRequire } from 'node:module';
import { FleetVersionError } from './errors.js';
import type { FleetDatabase } from './fleet-database.js';

/** The version of the tables below. Increase it for a change that earlier versions do not support. */
const version = 1;
/** The key of the lock that serializes concurrent setups: any number that other applications do not use. */
const setupLock = 7_238_451_097;

/** Returns the schema of pg-boss's tables. */
export function jobsSchema(schema: string): string {
  return `${schema}_jobs`;
}

/** Returns the name of the queue that holds a queue's dead letters. */
export function toDeadQueue(queue: string): string {
  return `${queue}.dead`;
}

/**
 * Creates the tables of a fleet, unless they exist.
 *
 * @throws FleetVersionError if a later version has created them.
 */
export async function createTables(database: FleetDatabase): Promise<void> {
  const { schema, boss } = database;
  const { pgboss } = createRequire(import.meta.url)('pg-boss/package.json') as { pgboss: { schema: number } };
  const jobsVersion = (await boss.schemaVersion()) ?? 0;
  if (jobsVersion > pgboss.schema) throw new FleetVersionError(jobsSchema(schema), jobsVersion, pgboss.schema);
  await database.query(`
    begin;
    select pg_advisory_xact_lock(${setupLock});
    create schema if not exists "${schema}";
    create table if not exists "${schema}".fleet (
      one boolean primary key default true check (one),
      version int not null,
      reason text,
      cancelled_by text,
      cancelled_at timestamptz,
      followed_until timestamptz
    );
    create table if not exists "${schema}".cron (
      task text primary key,
      slot double precision not null,
      lease uuid,
      member uuid,
      holder text,
      seen timestamptz not null
    );
    create table if not exists "${schema}".cron_pause (
      task text,
      begun_at timestamptz not null,
      begun_by text not null,
      ended_at timestamptz default 'infinity',
      ended_by text,
      primary key (task, ended_at)
    );
    insert into "${schema}".fleet (version) values (${version})
      on conflict (one) do update set version = excluded.version where fleet.version < excluded.version;
    commit;
  `);
  const [fleet] = await database.query<{ version: number }>(`select version from "${schema}".fleet`);
  if (fleet && fleet.version > version) throw new FleetVersionError(schema, fleet.version, version);
}
