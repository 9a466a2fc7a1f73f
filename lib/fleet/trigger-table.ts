import { leaseMs } from './lease-times.js';

/** The time after a call of `trigger` within which a process must claim it, in ms. */
const claimWithinMs = 5000;
/** The time for which the call is left to the process that runs the cron at that moment, if there is one, in ms. */
const preferenceMs = 2500;

/** The state of a call of `trigger`, as a process that waits for its outcome reads it. */
export interface StoredTrigger {
  readonly id: string;
  /** Whether no process has claimed it in time. */
  readonly unclaimed: boolean;
  /** Whether the row is gone, or its process has given no sign of life for the duration of a lease. */
  readonly lost: boolean;
  /** The name of the process that has claimed it. */
  readonly holder: string | null;
  /** Whether the run has ended, and its outcome. */
  readonly ended: boolean;
  readonly outcome: unknown;
}

const ms = (duration: number) => `${duration} * interval '1 ms'`;

/** Returns the statement that creates the table with the calls of `trigger`, which are deleted when they are over. */
export function createTriggerTable(schema: string): string {
  return `
    create table if not exists "${schema}".cron_trigger (
      id uuid primary key,
      task text not null,
      asked_by text not null,
      asked_at timestamptz not null,
      lease uuid,
      member uuid,
      holder text,
      seen timestamptz,
      outcome jsonb
    );`;
}

/** Returns the statement that inserts the call `$1` of the cron `$2` by `$3`. A retry changes nothing. */
export function insertTrigger(schema: string): string {
  return `
    with abandoned as (
      delete from "${schema}".cron_trigger where greatest(asked_at, seen) < now() - interval '1 h'
    )
    insert into "${schema}".cron_trigger (id, task, asked_by, asked_at) values ($1, $2, $3, now())
    on conflict do nothing`;
}

/**
 * Returns columns of a query. `triggered` has the tasks that have a call without a process. `triggers` has the state of
 * given calls.
 *
 * @param tasks an expression for the tasks, in UTF-8 as hex: the database may not have all of their characters.
 * @param ids an expression for the ids of the calls.
 */
export function selectTriggers(schema: string, tasks: string, ids: string): string {
  return `
    (select coalesce(json_agg(distinct task), '[]') from "${schema}".cron_trigger
     where encode(convert_to(task, 'UTF8'), 'hex') = any(${tasks}) and ${claimable}) as triggered,
    (select coalesce(json_agg(json_build_object(
       'id', asked.id,
       'unclaimed', coalesce(lease is null and outcome is null and asked_at < now() - ${ms(claimWithinMs)}, false),
       'lost', task is null or outcome is null and coalesce(seen < now() - ${ms(leaseMs)}, false),
       'holder', holder,
       'ended', outcome is not null,
       'outcome', outcome
     )), '[]') from unnest(${ids}) asked (id) left join "${schema}".cron_trigger using (id)) as triggers`;
}

/** The condition of a call that a process may claim. */
const claimable = `lease is null and outcome is null and asked_at > now() - ${ms(claimWithinMs)}`;

/**
 * Returns the statement that claims the first call of the cron `$1`, for the lease `$2` of the process `$3` with the
 * name `$4`. While a process runs this cron, the call waits for that process for a while: there, `overlap` holds. A
 * retry finds the call that the first try has claimed.
 */
export function claimTrigger(schema: string): string {
  const running = (table: string, condition: string) =>
    `select from "${schema}".${table} where task = $1 and lease is not null and ${condition}
     and member <> $3::uuid and seen > now() - ${ms(leaseMs)}`;
  return `
    update "${schema}".cron_trigger set lease = $2::uuid, member = $3::uuid, holder = $4, seen = now()
    where id = (
      select id from "${schema}".cron_trigger where task = $1 and (lease = $2::uuid or ${claimable})
      order by lease, asked_at, id limit 1
    )
    and (
      lease = $2::uuid
      or ${claimable}
      and not exists (select from "${schema}".fleet where reason is not null)
      and (
        asked_at < now() - ${ms(preferenceMs)}
        or not exists (${running('cron', 'true')}) and not exists (${running('cron_trigger', 'outcome is null')})
      )
    )
    returning asked_by as "by"`;
}
