import { functionName, type DatabaseFunction } from './database-function.js';
import { fromDependentsOf } from './dependents-table.js';
import { JobCancelledError, JobDeletedError } from './errors.js';

/** The maximum number of rows that one call is about. */
export const maxRows = 1000;

/**
 * Returns a query of the dependencies in the data of a job, with their positions. Another program may have written the
 * data.
 */
export function dependenciesIn(data: string): string {
  // The id is the end of the key.
  return `(
    select position, left(key, -37) as queue, right(key, 36)::uuid as job
    from jsonb_array_elements_text(case jsonb_typeof(${data}->'after') when 'array' then ${data}->'after' else '[]' end)
      with ordinality as listed (key, position)
    where key ~ '/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  )`;
}

/**
 * Settles dependents, in the given order: one whose dependencies have all completed may start, and one with a
 * dependency that ended otherwise fails. Before that, it records which of the given dependencies have ended. It locks
 * each dependent first: of two processes that record its last two dependencies, the later one finds both.
 */
export const settleFunction: DatabaseFunction = {
  name: 'settle_dependents',
  parameters: 'dependent_queues text[], dependents uuid[], dependencies uuid[]',
  returns: 'table (queue text, job uuid, failed boolean, failure jsonb, awaited boolean)',
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `
  declare
    dependent record;
    unfinished record;
    is_blocked boolean;
    -- A locked row cannot move, so its place identifies it.
    place tid;
  begin
    for dependent in select * from unnest(dependent_queues, dependents) as given (name, id) loop
      -- Also if it has ended: a retry would insert the rows that are deleted below.
      select ctid, state < 'active' and blocked, coalesce(data->>'awaited' = 'true', false)
        into place, is_blocked, awaited
        ${fromJob(jobs, 'dependent.name', 'dependent.id')} for update;
      is_blocked := coalesce(is_blocked, false);
      update "${schema}".job_after edge set (completed, output) = (${endOf(jobs, 'edge')})
        where edge.queue = dependent.name and edge.job = dependent.id and edge.completed is null
          and edge.after_job = any(dependencies) and ${hasEnded(jobs, 'edge')};
      -- One that has failed comes before those that have not ended.
      select edge.completed, edge.output into unfinished from "${schema}".job_after edge
        where edge.queue = dependent.name and edge.job = dependent.id and edge.completed is not true
        order by edge.completed, edge.position limit 1;
      failed := found;
      failure := null;
      continue when is_blocked and failed and unfinished.completed is null;
      if is_blocked and not failed then
        begin
          update ${jobs}.job set blocked = false, start_after = greatest(start_after, ${jobs}.job_now()),
            data = data || jsonb_build_object('outputs', (
              select jsonb_agg(edge.output order by edge.position) from "${schema}".job_after edge
              where edge.queue = dependent.name and edge.job = dependent.id
            ))
          where name || '' = dependent.name and ctid = place;
        -- Too large, or data of another program.
        exception when program_limit_exceeded or data_exception then
          failed := true;
          failure := jsonb_build_object(
            'name', 'RangeError', 'message', 'The database cannot store the outputs: ' || sqlerrm
          );
        end;
        delete from "${schema}".job_after edge where edge.queue = dependent.name and edge.job = dependent.id;
      else
        -- The outputs stay, because the job may be retried.
        delete from "${schema}".job_after edge
          where edge.queue = dependent.name and edge.job = dependent.id and edge.completed is not true;
        if is_blocked then failure := unfinished.output; end if;
      end if;
      continue when not is_blocked;
      if failed then
        -- It stays blocked, so that a retry waits again.
        update ${jobs}.job set state = 'failed', completed_on = ${jobs}.job_now(), output = failure
          where name || '' = dependent.name and ctid = place;
      end if;
      queue := dependent.name;
      job := dependent.id;
      return next;
    end loop;
  end`,
};

/**
 * Settles the dependents of those of the given jobs that have ended. A last row without a job means that there are
 * more. The dependents of those that fail here are left to the next call, so that no two calls wait for each other.
 */
export const endFunction: DatabaseFunction = {
  name: 'end_dependencies',
  parameters: 'dependencies uuid[]',
  returns: 'table (queue text, job uuid, failed boolean, failure jsonb, awaited boolean)',
  volatileCommit: false,
  keepsPlan: false,
  body: (jobs, schema) => `
  declare
    dependent_queues text[];
    dependents uuid[];
    row_count integer;
  begin
    with chosen as (
      select edge.queue, edge.job
      from unnest(dependencies) as given (id)
        cross join lateral (
          select after_queue, after_job ${fromDependentsOf(schema, 'given.id')} limit 1
        ) known
        cross join lateral (
          select queue, job ${fromDependentsOf(schema, 'given.id')}
        ) edge
      where ${hasEnded(jobs, 'known')}
      limit ${maxRows}
    )
    select array_agg(queue order by queue, job), array_agg(job order by queue, job), (select count(*) from chosen)
      into dependent_queues, dependents, row_count
      from (select distinct queue, job from chosen) dependent;
    return query select * from ${functionName(schema, settleFunction)}(dependent_queues, dependents, dependencies);
    if row_count < ${maxRows} then return; end if;
    return query select null, null::uuid, null::boolean, null::jsonb, null::boolean;
  end`,
};

/**
 * Finds dependencies that have ended and were not recorded, among the next ones after an id. The last row is the last
 * one that it has looked at, if there may be more.
 */
export const findFunction: DatabaseFunction = {
  name: 'find_dependencies',
  parameters: 'last_id uuid',
  returns: 'table (job uuid, ended boolean, number integer)',
  volatileCommit: false,
  keepsPlan: false,
  body: (jobs, schema) => {
    // One row of the index for each dependency, however many jobs wait for it.
    const next = (last: string) => `
      select after_queue, after_job from "${schema}".job_after
      where completed is null and after_job > ${last} order by after_job limit 1`;
    return `
  begin
    return query
      with recursive known as (
        (select first.*, 1 as number from (${next('last_id')}) first)
        union all
        select next.*, number + 1
        from known cross join lateral (${next('known.after_job')}) next where number < ${maxRows}
      )
      select * from (select after_job, ${hasEnded(jobs, 'known')} as ended, known.number from known) dependency
      where ended or dependency.number = ${maxRows};
  end`;
  },
};

/**
 * Returns the end of a query of one job. It follows the index of the ids, whatever the statistics are: see
 * {@link fromDependentsOf}.
 */
export function fromJob(jobs: string, queue: string, id: string, condition = 'true'): string {
  return `from ${jobs}.job where name = ${queue} and id between ${id} and ${id} and ${condition} order by id limit 1`;
}

/** Returns the condition that the dependency in a row has ended, or was deleted. It locks nothing. */
function hasEnded(jobs: string, row: string): string {
  return `coalesce((
          select state > 'active' ${fromJob(jobs, `${row}.after_queue`, `${row}.after_job`)}
        ), true)`;
}

/** Returns a query of the end of the dependency in a row: whether it has completed, and its output or failure. */
function endOf(jobs: string, row: string): string {
  const [queue, job] = [`${row}.after_queue`, `${row}.after_job`];
  const failureOf = (JobEndError: new (queue: string, job: string) => Error) => {
    const { name, message } = new JobEndError('%1$s', '%2$s');
    return `jsonb_build_object('name', '${name}', 'message', format('${message}', ${queue}, ${job}))`;
  };
  return `
    select state is not distinct from 'completed', case
        when state is null then ${failureOf(JobDeletedError)}
        when state = 'cancelled' then ${failureOf(JobCancelledError)}
        else stored.output
      end
    from (select) one left join lateral (
      select state, output ${fromJob(jobs, queue, job)}
    ) stored on true`;
}
