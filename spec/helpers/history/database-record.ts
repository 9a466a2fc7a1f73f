import { statement } from '../postgres.js';

/** A grant of a lease: its slot and holder, and the lease that it replaced. */
export interface Grant {
  readonly slot: number;
  readonly member: string;
  readonly lastSlot: number | null;
  readonly lastMember: string | null;
  /** Whether the last holder had released its lease, or not renewed it for the time of a lease. */
  readonly free: boolean;
}

/** A change of a job's state. The changes of a job, and all claims of a limited queue, are in their order. */
export interface JobChange {
  readonly job: string;
  readonly queue: string;
  /** The new state, or null if the job was deleted. A failure deletes a job, and inserts it again. */
  readonly state: string | null;
  readonly attempt: number;
  readonly key: string | null;
  readonly group: string | null;
  /** The time of the change, in ms since 1970. */
  readonly at: number;
  /** The time at which its transaction began. */
  readonly begun: number;
}

/** The duration of a lease, by its documentation. */
const leaseSeconds = 10;

/** Makes the database record all grants of leases and all changes of jobs, by its own clock. Creates the orders. */
export async function recordChanges(url: string, schema: string): Promise<void> {
  const ms = (time: string) => `(extract(epoch from ${time}) * 1000)::float8`;
  await statement(
    url,
    `create table ${schema}.orders (job uuid primary key);
     create table ${schema}.grants (
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
       for each row execute function ${schema}.record_grant();
     create table ${schema}.changes (
       number serial, job uuid, queue text, state text, attempt int, key text, "group" text, at float8, begun float8
     );
     create function ${schema}.record_change() returns trigger language plpgsql as $$
     declare
       changed record := case when tg_op = 'DELETE' then old else new end;
     begin
       if changed.name like '%.dead' then return null; end if;
       insert into ${schema}.changes (job, queue, state, attempt, key, "group", at, begun)
       values (changed.id, changed.name, case when tg_op <> 'DELETE' then changed.state end, changed.retry_count + 1,
         changed.singleton_key, changed.group_id, ${ms('clock_timestamp()')}, ${ms('now()')});
       return null;
     end $$;
     create trigger record_change after insert or update of state or delete on ${schema}_jobs.job
       for each row execute function ${schema}.record_change()`,
  );
}

/** Reads the recorded changes of jobs. */
export function readChanges(url: string, schema: string): Promise<JobChange[]> {
  return statement(url, `select * from ${schema}.changes order by number`);
}

export function readGrants(url: string, schema: string): Promise<Grant[]> {
  return statement(url, `select * from ${schema}.grants order by number`);
}
