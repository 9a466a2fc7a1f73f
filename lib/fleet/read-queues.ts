import type { FleetDatabase } from './fleet-database.js';
import { jobsSchema, toDeadQueue } from './schema-names.js';
import type { QueueState } from './types.js';

/** The counts of a queue. Those of its live jobs are null if it has none. */
interface CountRow {
  readonly name: string;
  readonly waiting: number | null;
  readonly delayed: number | null;
  readonly blocked: number | null;
  readonly retrying: number | null;
  readonly running: number | null;
  readonly oldest: number | null;
  readonly completed: number;
  readonly failed: number;
  readonly endedMs: number;
  readonly pausedAt: number | null;
  readonly pausedBy: string | null;
}

/** The ended jobs to count of each queue: those of this time, in ms, and at most so many. */
const [recentMs, maxRecent] = [60_000, 1000];

/** Counts the jobs of all queues: those that have not ended, and those that have ended recently. */
export async function readQueues(database: FleetDatabase): Promise<QueueState[]> {
  const jobs = jobsSchema(database.schema);
  const rows = await database.query<CountRow>(
    `select queue.name, waiting, delayed, blocked, retrying, running, completed, failed,
       case when ended < ${maxRecent} then ${recentMs} else ${toMs('now() - first_end')} end as "endedMs",
       ${toMs('now() - oldest')} as oldest, ${toMs('paused_at')} as "pausedAt", paused_by as "pausedBy"
     from ${jobs}.queue left join "${database.schema}".queue own using (name)
     -- Every column is in one index.
     left join (
       select name, count(*) filter (where state < 'active')::int as waiting,
         count(*) filter (where state = 'created' and not blocked and start_after > now())::int as delayed,
         count(*) filter (where state < 'active' and blocked)::int as blocked,
         count(*) filter (where state = 'retry' and not blocked)::int as retrying,
         count(*) filter (where state = 'active')::int as running,
         min(start_after) filter (where state < 'active' and not blocked and start_after <= now()) as oldest
       from ${jobs}.job where state in ('created', 'retry', 'active') group by name
     ) live using (name)
     cross join lateral (
       select count(*) filter (where state = 'completed')::int as completed,
         count(*) filter (where state = 'failed')::int as failed, count(*) as ended, min(completed_on) as first_end
       from (
         select state, completed_on from ${jobs}.job
         where job.name = queue.name and completed_on > now() - ${recentMs} * interval '1 ms'
         order by completed_on desc limit ${maxRecent}
       ) recent
     ) recent
     order by queue.name`,
  );
  const dead = new Map(rows.map(({ name, waiting }) => [name, waiting ?? 0]));
  return rows
    .filter(({ name }) => !name.endsWith(toDeadQueue('')))
    .map(({ name, oldest, completed, failed, endedMs, pausedAt, pausedBy, ...counts }) => ({
      name,
      waiting: counts.waiting ?? 0,
      delayed: counts.delayed ?? 0,
      blocked: counts.blocked ?? 0,
      retrying: counts.retrying ?? 0,
      running: counts.running ?? 0,
      dead: dead.get(toDeadQueue(name)) ?? 0,
      ended: { completed, failed, ms: Math.round(endedMs) },
      ...(oldest !== null && { oldestMs: Math.round(oldest) }),
      ...(pausedAt !== null && { paused: { by: pausedBy ?? '', at: Math.floor(pausedAt) } }),
    }));
}

/** Returns an expression for a time or an interval, in ms. */
function toMs(expression: string): string {
  return `extract(epoch from ${expression})::float8 * 1000`;
}
