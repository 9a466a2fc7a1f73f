import type { DatabaseFunction } from './database-function.js';

/** Returns the time of a claim in µs since 1970. It is text, which no setting and no driver rounds. */
export function claimTime(startedOn: string): string {
  return `(extract(epoch from ${startedOn}) * 1000000)::bigint::text`;
}

/**
 * Returns the statement that claims the jobs at the places that a subquery selects, in the order of their priority.
 *
 * @param mayBeLost a condition for the claimed jobs: if it holds for all, a crash of the server may undo their claims.
 */
function claimPlaces(jobs: string, places: string, mayBeLost: string): string {
  // A locked row cannot move, so its place identifies it. The name is no condition for an index, which would compete.
  return `
    with claimed as (
      update ${jobs}.job set state = 'active', started_on = ${jobs}.job_now(), heartbeat_on = ${jobs}.job_now(),
        heartbeat_seconds = heartbeat,
        retry_count = case when started_on is null then retry_count else retry_count + 1 end
      where name || '' = queue_name and ctid = any(array(${places}))
      returning id, data, retry_count, retry_limit, started_on, priority, created_on
    ), durability as (
      select case when bool_and(${mayBeLost}) then set_config('synchronous_commit', 'off', true) end from claimed
    )
    select id, data, retry_count, ${claimTime('started_on')}
    from claimed cross join durability order by priority desc, created_on`;
}

/** Returns the condition for the jobs of the queue that may start. */
function mayStart(jobs: string): string {
  return `name = queue_name and state < 'active' and not blocked and start_after <= ${jobs}.job_now()`;
}

/**
 * Claims up to `max_count` jobs, those of the highest priority first. Every claim of a job has another number, or at
 * least another time: a crash of the server may undo a claim, so that its number is given again. At most `group_limit`
 * jobs of a group are active, and at most `rate_limit` jobs are claimed within `rate_ms`. Both may be null. Claims of a
 * queue with one of them follow one another.
 */
export const claimFunction: DatabaseFunction = {
  name: 'claim_jobs',
  parameters:
    'queue_name text, max_count integer, heartbeat integer, group_limit integer, rate_limit integer, rate_ms float8',
  returns: 'table (id uuid, data jsonb, claim integer, claimed_at text)',
  // Decided in each call.
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `
  declare
    room integer := max_count;
    places tid[] := '{}';
    counts jsonb := '{}';
    candidate record;
    claimed_count integer;
  begin
    if group_limit is not null or rate_limit is not null then
      perform pg_advisory_xact_lock(hashtextextended('${schema}.' || queue_name, 0));
    end if;
    -- After the wait for other claims, which a pause does not wait for.
    if exists (select from "${schema}".queue where name = queue_name and paused_at is not null) then return; end if;
    if rate_limit is not null then
      delete from "${schema}".claim_count
        where name = queue_name and at <= clock_timestamp() - rate_ms * interval '1 ms';
      select least(room, rate_limit - coalesce(sum(jobs), 0)) into room
        from "${schema}".claim_count where name = queue_name;
      if room <= 0 then return; end if;
    end if;
    if group_limit is null then
      return query ${claimPlaces(
        jobs,
        `select ctid from ${jobs}.job where ${mayStart(jobs)}
         order by priority desc, created_on limit room for update skip locked`,
        // A last attempt must not run again, and the rate must count the jobs that have started.
        'retry_count < retry_limit and rate_limit is null',
      )};
    else
      for candidate in
        select ctid, group_id from ${jobs}.job where ${mayStart(jobs)} order by priority desc, created_on
      loop
        if candidate.group_id is not null then
          if not counts ? candidate.group_id then
            counts := counts || jsonb_build_object(candidate.group_id, (
              select count(*) from ${jobs}.job
              where name = queue_name and group_id = candidate.group_id and state = 'active'
            ));
          end if;
          continue when (counts->>candidate.group_id)::integer >= group_limit;
          counts := counts || jsonb_build_object(candidate.group_id, (counts->>candidate.group_id)::integer + 1);
        end if;
        places := places || candidate.ctid;
        exit when cardinality(places) >= room;
      end loop;
      return query ${claimPlaces(
        jobs,
        `select ctid from ${jobs}.job
         where name || '' = queue_name and ctid = any(places) and state < 'active' for update skip locked`,
        // The group must count the jobs that run.
        'false',
      )};
    end if;
    get diagnostics claimed_count = row_count;
    if rate_limit is not null and claimed_count > 0 then
      insert into "${schema}".claim_count (name, at, jobs) values (queue_name, clock_timestamp(), claimed_count);
    end if;
  end`,
};
