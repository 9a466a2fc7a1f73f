import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectFleet } from 'rxjs-tasks/fleet';
import { recordChanges } from '../helpers/history/database-record.js';
import type { RecordedEntry } from '../helpers/history/entries.js';
import { checkHistory, readEntries, readHistory } from '../helpers/history/fleet-history.js';
import { Journal } from '../helpers/history/journal.js';
import { startPostgres, statement } from '../helpers/postgres.js';
import { FleetFaults } from './fleet-faults.js';
import { FleetMember } from './fleet-member.js';
import { growth, warmUpSeconds } from './growth.js';
import { SeededRandom } from './seeded-random.js';

const schema = 'soak';
/** The roles of the processes. The first one is observed and never replaced. */
const members = {
  steady: ['submitter'],
  submitter: ['submitter', 'cron'],
  'worker-a': ['worker', 'cron'],
  'worker-b': ['worker', 'cron'],
  'worker-c': ['worker'],
} as const;
/** The maximum number of connections of a process, the one that listens included. */
const maxConnections = 5;
const sampleMs = 5000;
const allowedBytes = 4 * 2 ** 20;

const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(2)} MB`;
const countOf = (entries: readonly RecordedEntry[], type: string) => entries.filter((e) => e.type === type).length;

/**
 * Runs a fleet of several processes under random faults, and checks the history of all that they did. Prints a report.
 * Returns whether there is no fault.
 */
export async function soakFleet(durationMs: number, seed: number): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-soak-'));
  const file = join(directory, 'history');
  // Whatever the server acknowledges is on the disk, so that a crash may lose nothing.
  const server = await startPostgres('fsync=on');
  const { url } = server;
  const conductor = await connectFleet({ url, schema, name: 'conductor' });
  conductor.events$.subscribe();
  await recordChanges(url, schema);
  const all: FleetMember[] = [];
  for (const [index, [name, roles]] of Object.entries(members).entries())
    all.push(await FleetMember.start(name, { url, schema, file, roles, seed: seed + index }));
  const [steady] = all;
  if (!steady) throw new Error('There is no member');

  const faults = new FleetFaults(new SeededRandom(seed), server, conductor, all);
  const heaps: number[] = [];
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  let nextSampleMs = sampleMs;
  while (elapsed() < durationMs) {
    await faults.next();
    if (elapsed() < nextSampleMs || steady.busy) continue;
    nextSampleMs = elapsed() + sampleMs;
    heaps.push(await steady.measureHeap());
    const entries = readEntries(file);
    const [enqueued, results, slots] = ['enqueued', 'result', 'slot'].map((type) => countOf(entries, type));
    console.log(
      `${(elapsed() / 1000).toFixed(0).padStart(5)} s: ${enqueued} enqueued, ${results} results, ${slots} slots,`,
      `heap ${mb(heaps.at(-1) ?? 0)}`,
    );
  }
  await faults.end();
  // A process may have been killed during its pause.
  const journal = new Journal(file, 'conductor');
  journal.write({ type: 'resuming', queue: 'pausable' });
  await conductor.queue('pausable').resume();
  journal.write({ type: 'resumed', queue: 'pausable' });
  await Promise.all(all.slice(0, 2).map((member) => member.settle()));

  const found: string[] = [];
  const isLong = durationMs >= warmUpSeconds * 1000;
  await untilFlat(url, all, isLong).catch((error: unknown) => found.push((error as Error).message));
  const codes = await Promise.all(all.map((member) => member.close()));
  if (codes.some((code) => code !== 0)) found.push(`the processes have ended with ${codes.join(', ')}`);
  const history = await readHistory(file, url, schema);
  found.push(...checkHistory(history));
  const { from, to } = growth(heaps);
  if (isLong && to - from > allowedBytes) found.push(`the heap has grown from ${mb(from)} to ${mb(to)}`);

  console.log(
    `\nfaults: ${Object.entries(faults.counts)
      .map((entry) => entry.join(' '))
      .join(', ')}`,
  );
  for (const type of ['enqueued', 'started', 'completed', 'result', 'slot', 'disconnected', 'degraded', 'stalled'])
    console.log(`${type}: ${countOf(history.entries, type)}`);
  console.log(`grants: ${history.grants.length}`);
  console.log(
    `heap: ${mb(from)} in the second quarter, ${mb(to)} in the last: ${isLong ? 'checked' : 'too short to say'}`,
  );
  for (const fault of found.slice(0, 20)) console.log(`FAULT: ${fault}`);
  console.log(`${found.length === 0 ? 'No fault' : `${found.length} faults`}, seed ${seed}.`);
  for (const member of all) await member.remove();
  await conductor.close();
  await server.remove();
  if (found.length === 0) await rm(directory, { recursive: true });
  else console.log(`The history is in ${file}`);
  return found.length === 0;
}

/** Waits until the connections and, after a long soak, the rows are as few as at the beginning. */
async function untilFlat(url: string, all: readonly FleetMember[], withRows: boolean): Promise<void> {
  const names = new Set(all.map(({ name }) => name));
  let reason = '';
  // The deletion of old jobs begins once in a minute.
  for (const since = performance.now(); performance.now() - since < 300_000; await delay(500)) {
    const connections = await statement<{ name: string; count: number }>(
      url,
      'select application_name as name, count(*)::int as count from pg_stat_activity group by 1',
    );
    const [rows] = await statement<{ count: number }>(
      url,
      `select count(*)::int as count from ${schema}_jobs.job where name = 'churn'`,
    );
    const tooMany = connections.filter(({ name, count }) => names.has(name) && count > maxConnections);
    reason = `${JSON.stringify(tooMany)} connections, ${rows?.count} rows`;
    if (tooMany.length === 0 && (!withRows || rows?.count === 0)) return;
  }
  throw new Error(`not flat at the end: ${reason}`);
}
