import type { FleetDatabase } from './fleet-database.js';
import { jobsSchema, toDeadQueue } from './schema-names.js';
import { readStatus } from './status-poller.js';
import type { FleetState, QueueState } from './types.js';

interface CronRow {
  readonly task: string;
  readonly slot: number;
  readonly holder: string | null;
}

/** The number of jobs of a queue that have not ended. */
interface CountRow {
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  readonly oldest: number | null;
  readonly pausedAt: number | null;
  readonly pausedBy: string | null;
}

/** The maximum number of processes. */
const maxInstances = 1000;

/** Reads the state of the whole fleet from the database. */
export async function readState(database: FleetDatabase): Promise<FleetState> {
  const { boss, schema } = database;
  const [instances, queues, crons, status] = await Promise.all([
    boss.getInstances({ limit: maxInstances }),
    readQueues(database),
    database.query<CronRow>(
      `select task, slot, case when lease is not null then holder end as holder from "${schema}".cron order by task`,
    ),
    readStatus(database),
  ]);
  return {
    schema,
    ...(status?.reason != null && { cancelled: { reason: status.reason, by: status.by, at: status.at } }),
    members: instances
      .filter(({ stoppedOn }) => !stoppedOn)
      .map(({ name, host, pid, startedOn, heartbeatOn, live }) => ({
        name: name ?? `${host}:${pid}`,
        host,
        pid,
        since: startedOn.getTime(),
        seen: heartbeatOn.getTime(),
        live,
      })),
    queues,
    crons: crons.map(({ task, slot, holder }) => ({ task, slot, ...(holder !== null && { holder }) })),
    paused: (status?.pauses ?? []).filter(({ paused }) => paused).map(({ task, by, at }) => ({ task, by, at })),
  };
}

/** Counts the jobs of all queues that have not ended. */
async function readQueues(database: FleetDatabase): Promise<QueueState[]> {
  const jobs = jobsSchema(database.schema);
  const rows = await database.query<CountRow>(
    `select queue.name, coalesce(waiting, 0)::int as waiting, coalesce(running, 0)::int as running,
       extract(epoch from now() - oldest)::float8 * 1000 as oldest,
       extract(epoch from paused_at)::float8 * 1000 as "pausedAt", paused_by as "pausedBy"
     from ${jobs}.queue left join "${database.schema}".queue own using (name) left join (
       select name, count(*) filter (where state < 'active') as waiting,
         count(*) filter (where state = 'active') as running,
         min(start_after) filter (where state < 'active' and not blocked and start_after <= now()) as oldest
       from ${jobs}.job where state in ('created', 'retry', 'active') group by name
     ) live using (name)
     order by queue.name`,
  );
  const dead = new Map(rows.map(({ name, waiting }) => [name, waiting]));
  return rows
    .filter(({ name }) => !name.endsWith(toDeadQueue('')))
    .map(({ name, waiting, running, oldest, pausedAt, pausedBy }) => ({
      name,
      waiting,
      running,
      dead: dead.get(toDeadQueue(name)) ?? 0,
      ...(oldest !== null && { oldestMs: Math.round(oldest) }),
      ...(pausedAt !== null && { paused: { by: pausedBy ?? '', at: pausedAt } }),
    }));
}
