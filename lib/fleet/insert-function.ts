import type { DatabaseFunction } from './database-function.js';

/**
 * Inserts jobs. A job with a key is not inserted while another with that key waits, or when the last one was accepted
 * within its window. For each of these it returns the id of the other job.
 */
export const insertFunction: DatabaseFunction = {
  name: 'insert_jobs',
  parameters: 'queue_name text, jobs jsonb',
  returns: 'table (asked uuid, job uuid)',
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `
  declare
    new record;
    known record;
    accepted uuid[] := '{}';
    refused uuid[] := '{}';
  begin
    if not exists (select from ${jobs}.queue where name = queue_name) then
      raise exception 'Queue % does not exist', queue_name using errcode = 'undefined_object';
    end if;
    for new in
      select * from jsonb_to_recordset(jobs) as new (id uuid, key text, key_window float8)
      where key is not null order by key
    loop
      -- Locks the row of the key until the end of the transaction.
      insert into "${schema}".job_key as last (name, key, job, at, until)
        values (queue_name, new.key, new.id, now(), now())
        on conflict (name, key) do update set name = last.name returning last.job, last.at into known;
      if known.job <> new.id and (
        known.job = any(accepted)
        or known.at > now() - coalesce(new.key_window, 0) * interval '1 ms'
        or exists (select from ${jobs}.job where name = queue_name and id = known.job and state < 'active')
      ) then
        refused := refused || new.id;
        asked := new.id;
        job := known.job;
        return next;
      else
        accepted := accepted || new.id;
        update "${schema}".job_key
          set job = new.id, at = now(), until = now() + coalesce(new.key_window, 0) * interval '1 ms'
          where name = queue_name and key = new.key;
      end if;
    end loop;
    insert into ${jobs}.job (
      id, name, data, priority, start_after, created_on, singleton_key, group_id, expire_seconds, deletion_seconds,
      keep_until, retry_limit, retry_delay, retry_backoff, retry_delay_max, policy, dead_letter, heartbeat_seconds
    )
    select new.id, queue_name, new.data, coalesce(new.priority, 0), new.due, ${jobs}.job_now(), new.key, new."group",
      coalesce(new.expire, policy.expire_seconds), policy.deletion_seconds,
      new.due + policy.retention_seconds * interval '1 s', coalesce(new.retries, policy.retry_limit),
      policy.retry_delay, policy.retry_backoff, policy.retry_delay_max, policy.policy, policy.dead_letter,
      policy.heartbeat_seconds
    from ${jobs}.queue policy, (
      select *, coalesce(at, ${jobs}.job_now() + coalesce(delay, 0) * interval '1 ms') as due
      from jsonb_to_recordset(jobs) as new (
        id uuid, data jsonb, priority integer, delay float8, at timestamptz, key text, "group" text, retries integer,
        expire integer
      )
    ) new
    where policy.name = queue_name and new.id <> all(refused)
    -- A retry after a lost answer inserts no job twice.
    on conflict do nothing;
  end`,
};
