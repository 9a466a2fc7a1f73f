import { currentMark } from './crash-mark-table.js';
import { functionName, type DatabaseFunction } from './database-function.js';
import { dependenciesIn, fromJob, settleFunction } from './dependents-functions.js';
import { toDeadQueue } from './schema-names.js';

/**
 * Inserts jobs. A job with a key is not inserted while another with that key waits, or when the last one was accepted
 * within its window. For each of these it returns the id of the other job. A job with a dependency that does not exist
 * is not inserted either: it returns the id of that. A job with dependencies is blocked, unless all of them have
 * completed. If one has ended otherwise, it returns the failure of the job. A crash of the server may undo the
 * insertion if the caller knows the mark of the time since the last one.
 */
export const insertFunction: DatabaseFunction = {
  name: 'insert_jobs',
  parameters: 'queue_name text, jobs jsonb, mark uuid, message text',
  returns: 'table (asked uuid, job uuid, missing uuid, failure jsonb)',
  // Decided in each call.
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `
  declare
    -- Not the time at which the transaction of the caller began.
    called_at timestamptz := ${jobs}.job_now() + (clock_timestamp() - now());
    new record;
    known record;
    waiting uuid;
    accepted uuid[] := '{}';
    refused uuid[] := '{}';
    -- The queue of each dependency, by the id.
    queues jsonb := '{}';
    blocked_jobs uuid[];
  begin
    if mark = ${currentMark(schema)} then perform set_config('synchronous_commit', 'off', true); end if;
    if message is not null then perform pg_notify('${schema}', message); end if;
    if not exists (select from ${jobs}.queue where name = queue_name) then
      raise exception 'Queue % does not exist', queue_name using errcode = 'undefined_object';
    end if;
    if jsonb_path_exists(jobs, '$[*].after') then
      select coalesce(jsonb_object_agg(dependency, found.name), '{}') into queues
      from (
        select distinct dependency
        from jsonb_array_elements(jobs) new cross join lateral jsonb_array_elements_text(new->'after') dependency
      ) asked cross join lateral (
        select stored.name
        from ${jobs}.queue cross join lateral (
          select name ${fromJob(jobs, 'queue.name', 'dependency::uuid')}
        ) stored
        where queue.name not like '%${toDeadQueue('')}' limit 1
      ) found;
      for asked, missing in
        select new.id, absent.id
        from jsonb_to_recordset(jobs) as new (id uuid, after jsonb) cross join lateral (
          select dependency::uuid as id from jsonb_array_elements_text(new.after) dependency
          where not queues ? dependency limit 1
        ) absent
        -- A retry after a lost answer: a dependency may have been deleted since.
        where (select true ${fromJob(jobs, 'queue_name', 'new.id')}) is null
      loop
        refused := refused || asked;
        return next;
      end loop;
      missing := null;
    end if;
    for new in
      select * from jsonb_to_recordset(jobs) as new (id uuid, key text, key_window float8)
      where key is not null and id <> all(refused) order by key
    loop
      -- Locks the row of the key until the end of the transaction.
      insert into "${schema}".job_key as last (name, key, job, at, until)
        values (queue_name, new.key, new.id, '-infinity', '-infinity')
        on conflict (name, key) do update set name = last.name returning last.job, last.at into known;
      -- A retry after a lost answer.
      continue when (select true ${fromJob(jobs, 'queue_name', 'new.id')});
      -- Another one than the last may wait, such as one that has failed. The order makes it read the index of the keys.
      select id into waiting from ${jobs}.job
        where name = queue_name and singleton_key between new.key and new.key and state < 'active'
        order by singleton_key desc, created_on desc limit 1;
      if waiting is not null
        or known.job = any(accepted)
        -- Without a window never, even if the clock was set back.
        or known.at > clock_timestamp() - nullif(new.key_window, 0) * interval '1 ms'
      then
        refused := refused || new.id;
        asked := new.id;
        job := coalesce(waiting, known.job);
        return next;
      else
        accepted := accepted || new.id;
        update "${schema}".job_key
          set job = new.id, at = clock_timestamp(),
            until = clock_timestamp() + coalesce(new.key_window, 0) * interval '1 ms'
          where name = queue_name and key = new.key;
      end if;
    end loop;
    with inserted as (insert into ${jobs}.job (
      id, name, data, priority, start_after, created_on, singleton_key, group_id, expire_seconds, deletion_seconds,
      keep_until, retry_limit, retry_delay, retry_backoff, retry_delay_max, policy, dead_letter, heartbeat_seconds,
      blocked
    )
    select new.id, queue_name,
      case when after is null then new.data else new.data || jsonb_build_object('after', (
        select jsonb_agg((queues->>dependency) || '/' || dependency order by position)
        from jsonb_array_elements_text(after) with ordinality as listed (dependency, position)
      )) end, coalesce(new.priority, 0), new.due, new.created, new.key, new."group",
      coalesce(new.expire, policy.expire_seconds), policy.deletion_seconds,
      new.due + policy.retention_seconds * interval '1 s', coalesce(new.retries, policy.retry_limit),
      policy.retry_delay, policy.retry_backoff, policy.retry_delay_max, policy.policy, policy.dead_letter,
      policy.heartbeat_seconds, after is not null
    from ${jobs}.queue policy, (
      -- Without a delay not later than now() in this transaction, which counts the jobs that are due.
      select *, coalesce(at, created + nullif(delay, 0) * interval '1 ms', ${jobs}.job_now()) as due
      from rows from (
        jsonb_to_recordset(jobs) as (
          id uuid, data jsonb, priority integer, delay float8, at timestamptz, key text, "group" text, retries integer,
          expire integer, after jsonb
        )
      ) with ordinality as new (id, data, priority, delay, at, key, "group", retries, expire, after, position),
      -- Jobs of one priority start in this order.
      lateral (select called_at + position * interval '1 microsecond' as created) ordered
    ) new
    where policy.name = queue_name and new.id <> all(refused)
    -- A retry after a lost answer inserts no job twice.
    on conflict do nothing
    returning id, blocked, case when blocked then data end as data),
    dependent as (
      insert into "${schema}".job_after (queue, job, position, after_queue, after_job)
      select queue_name, inserted.id, dependency.position, dependency.queue, dependency.job
      from inserted cross join lateral ${dependenciesIn('inserted.data')} dependency
      where inserted.blocked
      returning job
    )
    select array_agg(distinct job) into blocked_jobs from dependent;
    if blocked_jobs is null then return; end if;
    for asked, failure in
      select settled.job, coalesce(settled.failure, '{}')
      from ${functionName(schema, settleFunction)}(
        array_fill(queue_name, array[cardinality(blocked_jobs)]), blocked_jobs,
        array(select jsonb_object_keys(queues)::uuid)
      ) settled
      where settled.failed
    loop
      job := null;
      return next;
    end loop;
  end`,
};
