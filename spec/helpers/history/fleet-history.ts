import { readFileSync } from 'node:fs';
import { statement } from '../postgres.js';
import { checkAttempts } from './check-attempts.js';
import { checkCalls } from './check-calls.js';
import { checkClaims } from './check-claims.js';
import { checkCrons } from './check-crons.js';
import { checkJobs } from './check-jobs.js';
import { checkKeys } from './check-keys.js';
import { checkPauses } from './check-pauses.js';
import { checkTransactions } from './check-transactions.js';
import { readChanges, readGrants, type Grant, type JobChange } from './database-record.js';
import type { RecordedEntry } from './entries.js';

/** A job in the table. */
export interface StoredJob {
  readonly id: string;
  readonly state: string;
  readonly n: number | null;
  readonly output: { readonly value?: unknown } | null;
}

/** All that happened in a fleet. */
export interface FleetHistory {
  readonly entries: readonly RecordedEntry[];
  /** The jobs of all queues but `churn`, whose jobs are deleted soon. */
  readonly jobs: readonly StoredJob[];
  readonly changes: readonly JobChange[];
  readonly grants: readonly Grant[];
  /** The jobs whose orders were committed. */
  readonly orders: readonly string[];
}

/** Reads the entries of all processes from a file, which may have none yet. */
export function readEntries(file: string): RecordedEntry[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RecordedEntry);
}

/** Reads the entries of all processes from a file, and the rest from the database. */
export async function readHistory(file: string, url: string, schema: string): Promise<FleetHistory> {
  const orders = await statement<{ job: string }>(url, `select job from ${schema}.orders`);
  return {
    entries: readEntries(file),
    jobs: await statement(
      url,
      `select id, state::text, (data->'input')::int as n, output from ${schema}_jobs.job
       where name <> 'churn' and name not like '%.dead'`,
    ),
    changes: await readChanges(url, schema),
    grants: await readGrants(url, schema),
    orders: orders.map(({ job }) => job),
  };
}

/** Returns all violations of a fleet's promises. None depends on how fast the machine was. */
export function checkHistory(history: FleetHistory): string[] {
  const checks = [
    checkJobs,
    checkCalls,
    checkAttempts,
    checkClaims,
    checkKeys,
    checkPauses,
    checkTransactions,
    checkCrons,
    checkErrors,
  ];
  return checks.flatMap((check) => check(history));
}

function checkErrors({ entries }: FleetHistory): string[] {
  const cutOff = new Set<string>();
  return entries.flatMap((entry) => {
    if (entry.type === 'disconnected') cutOff.add(entry.by);
    if (entry.type !== 'unhandled' && entry.type !== 'written') return [];
    // A process that is cut off at its start says so.
    if (entry.type === 'written' && entry.error.startsWith('Not ready after') && cutOff.has(entry.by)) return [];
    return [`${entry.by}: ${entry.type} ${entry.error}`];
  });
}
