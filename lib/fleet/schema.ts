import { createRequire } from 'node:module';
import type { Connection } from './connection.js';
import { FleetVersionError } from './errors.js';

/** Of the tables below: what a process of an earlier version could not live with raises it. */
const version = 1;
/** Two processes that start at once set up one after the other; any number that is nobody else's. */
const lock = 7_238_451_097;

/** Where pg-boss has its tables. */
export function jobsSchema(schema: string): string {
  return `${schema}_jobs`;
}

/**
 * Makes the tables of a fleet, unless they are there.
 *
 * @throws FleetVersionError when a later version has made them.
 */
export async function setUp(connection: Connection): Promise<void> {
  const { schema, boss } = connection;
  const { pgboss } = createRequire(import.meta.url)('pg-boss/package.json') as { pgboss: { schema: number } };
  const jobs = (await boss.schemaVersion()) ?? 0;
  if (jobs > pgboss.schema) throw new FleetVersionError(jobsSchema(schema), jobs, pgboss.schema);
  await connection.query(`
    begin;
    select pg_advisory_xact_lock(${lock});
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
    insert into "${schema}".fleet (version) values (${version})
      on conflict (one) do update set version = excluded.version where fleet.version < excluded.version;
    commit;
  `);
  const [fleet] = await connection.query<{ version: number }>(`select version from "${schema}".fleet`);
  if (fleet && fleet.version > version) throw new FleetVersionError(schema, fleet.version, version);
}
