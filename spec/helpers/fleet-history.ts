import { readFileSync } from 'node:fs';
import { statement } from './postgres.js';

/** An action of a process, or an action on it. The entries of a process are in their order. */
export type HistoryEntry =
  /** The database has acknowledged a job. */
  | { readonly type: 'enqueued'; readonly job: string; readonly queue: string; readonly n: number }
  | { readonly type: 'started'; readonly job: string; readonly attempt: number }
  /** A worker has reported a result as stored. */
  | { readonly type: 'completed'; readonly job: string; readonly attempt: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly job: string; readonly error: string }
  /** A submitter has received a result, or an error instead. */
  | { readonly type: 'result'; readonly job: string; readonly value: unknown }
  | { readonly type: 'refused'; readonly job: string; readonly error: string }
  | { readonly type: 'slot'; readonly slot: number }
  | { readonly type: 'slot-ended'; readonly slot: number }
  | { readonly type: 'disconnected' | 'reconnected' }
  | { readonly type: 'degraded'; readonly what: string }
  /** An error that nobody has handled, or that was written on the console. */
  | { readonly type: 'unhandled' | 'written'; readonly error: string }
  /** The process got no processor since a time, so that it could keep no time limit. */
  | { readonly type: 'stalled'; readonly since: number }
  | { readonly type: 'killed' };

/** An entry with its time, in ms since 1970, and the name of its process. */
export type RecordedEntry = HistoryEntry & { readonly at: number; readonly by: string };

/** A job in the table. */
export interface StoredJob {
  readonly id: string;
  readonly state: string;
  readonly output: { readonly value?: unknown } | null;
}

/** A grant of a lease, as the database has recorded it: its slot and holder, and the lease that it replaced. */
export interface Grant {
  readonly slot: number;
  readonly member: string;
  readonly lastSlot: number | null;
  readonly lastMember: string | null;
  /** Whether the last holder had released its lease, or not renewed it for the time of a lease. */
  readonly free: boolean;
}

/** All that happened in a fleet. */
export interface FleetHistory {
  readonly entries: readonly RecordedEntry[];
  readonly jobs: readonly StoredJob[];
  readonly grants: readonly Grant[];
}

/** The duration of a lease, by its documentation. */
const leaseSeconds = 10;

/** Makes the database record all grants of leases, by its own clock. */
export async function recordGrants(url: string, schema: string): Promise<void> {
  await statement(
    url,
    `create table ${schema}.grants (
       number serial, slot float8, member uuid, "lastSlot" float8, "lastMember" uuid, free boolean
     );
     create function ${schema}.record_grant() returns trigger language plpgsql as $$
     begin
       if tg_op = 'INSERT' then
         insert into ${schema}.grants (slot, member) values (new.slot, new.member);
       elsif new.slot <> old.slot then
         insert into ${schema}.grants (slot, member, "lastSlot", "lastMember", free)
         values (new.slot, new.member, old.slot, old.member,
           old.lease is null or old.seen < now() - interval '${leaseSeconds} s');
       end if;
       return null;
     end $$;
     create trigger record_grant after insert or update on ${schema}.cron
       for each row execute function ${schema}.record_grant()`,
  );
}

/** Reads the entries of all processes from a file, and the rest from the database. */
export async function readHistory(file: string, url: string, schema: string): Promise<FleetHistory> {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return {
    entries: lines.map((line) => JSON.parse(line) as RecordedEntry),
    jobs: await statement(url, `select id, state::text, output from ${schema}_jobs.job where name = 'work'`),
    grants: await statement(url, `select * from ${schema}.grants order by number`),
  };
}

/** Returns all violations of a fleet's promises. None depends on how fast the machine was. */
export function checkHistory({ entries, jobs, grants }: FleetHistory): string[] {
  return [...checkJobs(entries, jobs), ...checkSlots(entries), ...checkGrants(grants), ...checkErrors(entries)];
}

function checkJobs(entries: readonly RecordedEntry[], jobs: readonly StoredJob[]): string[] {
  const faults: string[] = [];
  const stored = new Map(jobs.map((job) => [job.id, job]));
  const expectStored = (what: string, job: string, value: unknown) => {
    const { state = 'missing', output } = stored.get(job) ?? {};
    if (state !== 'completed') faults.push(`job ${job} is ${state}, but was ${what}`);
    else if (value !== undefined && output?.value !== value)
      faults.push(
        `job ${job} has the result ${JSON.stringify(output?.value)}, but ${JSON.stringify(value)} was ${what}`,
      );
  };
  // The jobs of the other queue are deleted soon.
  const kept = new Set(stored.keys());
  const ended = new Set<string>();
  const started = new Set<string>();
  const completed = new Map<string, unknown>();
  for (const entry of entries) {
    if (entry.type === 'enqueued') {
      if (entry.queue === 'work') kept.add(entry.job);
    } else if (entry.type === 'started') {
      const run = `${entry.job} ${entry.attempt}`;
      if (started.has(run)) faults.push(`attempt ${run} has started twice`);
      started.add(run);
    } else if (entry.type === 'completed') {
      if (completed.has(entry.job)) faults.push(`job ${entry.job} was reported as completed twice`);
      if (!started.has(`${entry.job} ${entry.attempt}`)) faults.push(`job ${entry.job} has completed without a start`);
      completed.set(entry.job, entry.value);
      if (kept.has(entry.job)) expectStored('reported as completed', entry.job, entry.value);
    } else if (entry.type === 'result') {
      ended.add(entry.job);
      if (kept.has(entry.job)) expectStored('received by its submitter', entry.job, entry.value);
      else if (completed.has(entry.job) && completed.get(entry.job) !== entry.value)
        faults.push(`job ${entry.job} completed with another result than its submitter got`);
    } else if (entry.type === 'failed') faults.push(`job ${entry.job} has failed: ${entry.error}`);
    else if (entry.type === 'refused') {
      const isDeleted = /^(JobDeletedError|RangeError)/.test(entry.error) && !kept.has(entry.job);
      if (!isDeleted) faults.push(`the result of job ${entry.job} was refused: ${entry.error}`);
      ended.add(entry.job);
    }
  }
  const begun = new Set(Array.from(started, (run) => run.split(' ')[0]));
  const killed = new Set(entries.filter(({ type }) => type === 'killed').map(({ by }) => by));
  for (const entry of entries)
    if (entry.type === 'enqueued') {
      if (entry.queue === 'work') expectStored('acknowledged', entry.job, undefined);
      if (!begun.has(entry.job)) faults.push(`job ${entry.job} was acknowledged, but never started`);
      if (!ended.has(entry.job) && !killed.has(entry.by)) faults.push(`the submitter of ${entry.job} got no result`);
    }
  return faults;
}

function checkSlots(entries: readonly RecordedEntry[]): string[] {
  const faults: string[] = [];
  const seen = new Set<number>();
  /** The slots that run, by process. A process that stalled could not end its run in time. */
  const running = new Map<string, number>();
  const stalls = entries.filter((entry) => entry.type === 'stalled');
  const sorted = entries.toSorted((a, b) => a.at - b.at);
  for (const entry of sorted) {
    const { by } = entry;
    if (entry.type === 'killed') running.delete(by);
    else if (entry.type === 'slot-ended' && running.get(by) === entry.slot) running.delete(by);
    else if (entry.type === 'slot') {
      if (seen.has(entry.slot)) faults.push(`slot ${entry.slot} has run twice`);
      seen.add(entry.slot);
      for (const [other, slot] of running) {
        const hasStalled = stalls.some(
          (stall) => stall.by === other && stall.since <= entry.at && stall.at >= entry.at,
        );
        if (other !== by && !hasStalled)
          faults.push(`slot ${entry.slot} of ${by} began during slot ${slot} of ${other}`);
      }
      running.set(by, entry.slot);
    }
  }
  return faults;
}

function checkGrants(grants: readonly Grant[]): string[] {
  return grants.flatMap(({ slot, member, lastSlot, lastMember, free }) => [
    ...(lastSlot !== null && slot <= lastSlot ? [`slot ${slot} was granted after slot ${lastSlot}`] : []),
    ...(lastMember !== null && lastMember !== member && !free ? [`slot ${slot} was granted during another lease`] : []),
  ]);
}

function checkErrors(entries: readonly RecordedEntry[]): string[] {
  return entries.flatMap((entry) =>
    entry.type === 'unhandled' || entry.type === 'written' ? [`${entry.by}: ${entry.type} ${entry.error}`] : [],
  );
}
