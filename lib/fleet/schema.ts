import { messageOf } from '../util/describe-error.js';
import { FleetSchemaError, FleetVersionError } from './errors.js';
import { BossJobs } from './boss-jobs.js';
import type { CurrentMark } from './crash-mark.js';
import { createMarkTable } from './crash-mark-table.js';
import { isPermissionError } from './connection-errors.js';
import type { FleetDatabase } from './fleet-database.js';
import { FunctionJobs } from './function-jobs.js';
import { createFunctions, functionSignatures, knownJobsVersion } from './job-statements.js';
import type { JobStore } from './job-store.js';
import { tablesVersion } from './schema-names.js';
import { createDependentsTable } from './dependents-table.js';
import { createProgressTable } from './progress-table.js';
import { createTriggerTable } from './trigger-table.js';

/** The key of the lock that serializes concurrent setups: any number that other applications do not use. */
const setupLock = 7_238_451_097;

/**
 * Creates the tables and functions of a fleet, unless they exist or must not be created. Returns the statements for
 * jobs that agree with pg-boss's tables.
 *
 * @throws FleetVersionError if a later version has created them; FleetSchemaError if they are missing.
 */
export async function openTables(
  database: FleetDatabase,
  migrate: boolean,
  crashMark: CurrentMark = {},
): Promise<JobStore> {
  const { schema, boss } = database;
  if (!(await isComplete(database))) {
    if (!migrate) throw new FleetSchemaError(schema, 'some are missing');
    await database.query(setupOf(schema)).catch((error: unknown) => {
      throw isPermissionError(error) ? new FleetSchemaError(schema, messageOf(error), { cause: error }) : error;
    });
  }
  const [fleet] = await database.query<{ version: number }>(`select version from "${schema}".fleet`);
  if (fleet && fleet.version > tablesVersion) throw new FleetVersionError(schema, fleet.version, tablesVersion);
  const jobsVersion = (await boss.schemaVersion()) ?? 0;
  if (jobsVersion === knownJobsVersion) return new FunctionJobs(database, crashMark);
  database.onDegraded(`pg-boss's tables have version ${jobsVersion}: its own, slower functions are used`);
  return new BossJobs(database);
}

/** The tables of this library. */
const tableNames = [
  'fleet',
  'queue',
  'job_key',
  'job_after',
  'claim_count',
  'cron',
  'cron_pause',
  'cron_trigger',
  'progress',
  'crash_mark',
];

/** Whether all tables and functions exist. */
async function isComplete(database: FleetDatabase): Promise<boolean> {
  const { schema } = database;
  const tables = tableNames.map((table) => `"${schema}".${table}`);
  const [row] = await database.query<{ complete: boolean }>(
    `select (select bool_and(to_regclass(name) is not null) from unnest($1::text[]) name)
       and (select bool_and(to_regprocedure(name) is not null) from unnest($2::text[]) name) as complete`,
    [tables, functionSignatures(schema)],
  );
  return row?.complete === true;
}

/**
 * Returns the statements that create the tables and functions, unless they exist. While the transaction waits for the
 * lock, PostgreSQL keeps its knowledge that the schema is missing. Reading from a catalog corrects that.
 */
export function setupOf(schema: string): string {
  return `
    begin;
    select pg_advisory_xact_lock(${setupLock});
    select from pg_catalog.pg_namespace limit 0;
    create schema if not exists "${schema}";
    create table if not exists "${schema}".fleet (
      one boolean primary key default true check (one),
      version int not null,
      reason text,
      cancelled_by text,
      cancelled_at timestamptz,
      followed_until timestamptz
    );
    create table if not exists "${schema}".queue (
      name text primary key,
      options jsonb not null,
      paused_at timestamptz,
      paused_by text
    );
    create table if not exists "${schema}".job_key (
      name text,
      key text,
      job uuid not null,
      at timestamptz not null,
      until timestamptz not null,
      primary key (name, key)
    );
    create table if not exists "${schema}".claim_count (
      name text,
      at timestamptz,
      jobs int not null,
      primary key (name, at)
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
    ${createMarkTable(schema)}
    ${createTriggerTable(schema)}
    ${createProgressTable(schema)}
    ${createDependentsTable(schema)}
    insert into "${schema}".fleet (version) values (${tablesVersion})
      on conflict (one) do update set version = excluded.version where fleet.version < excluded.version;
    ${createFunctions(schema)}
    commit;
  `;
}
