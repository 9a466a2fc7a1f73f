import { functionName, type DatabaseFunction } from './database-function.js';
import { dependenciesIn, fromJob, settleFunction } from './dependents-functions.js';

/**
 * Lets a job that has failed or was cancelled at a time run again, with one attempt. One that is still blocked has
 * begun none: it waits for its dependencies again. If there was such a job, it returns these, and the failure of a job
 * that has failed again.
 */
export const retryFunction: DatabaseFunction = {
  name: 'retry_job',
  parameters: 'queue_name text, job_id uuid, dead_queue text, ended_at timestamptz',
  returns: 'table (after uuid[], failed boolean, failure jsonb, awaited boolean)',
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `
  declare
    retried record;
  begin
    select ctid as place, blocked, data into retried
      ${fromJob(
        jobs,
        'queue_name',
        'job_id',
        "state::text in ('failed', 'cancelled') and completed_on is not distinct from ended_at",
      )} for update;
    if not found then return; end if;
    update ${jobs}.job set
        retry_limit = case when blocked then retry_limit
          when started_on is null then retry_count
          else retry_count + 1 end,
        state = (case when blocked then 'created' else 'retry' end)::${jobs}.job_state,
        start_after = case when blocked then start_after else ${jobs}.job_now() end, completed_on = null
      where name || '' = queue_name and ctid = retried.place;
    -- Otherwise a redrive would run it, too.
    delete from ${jobs}.job where name = dead_queue and source_id = job_id and state < 'active';
    if retried.blocked then
      select array_agg(dependency.job) into after from ${dependenciesIn('retried.data')} dependency;
      insert into "${schema}".job_after (queue, job, position, after_queue, after_job)
        select queue_name, job_id, dependency.position, dependency.queue, dependency.job
        from ${dependenciesIn('retried.data')} dependency
        -- Those that have completed are still there.
        on conflict do nothing;
      select settled.failed, settled.failure, settled.awaited into failed, failure, awaited
        from ${functionName(schema, settleFunction)}(array[queue_name], array[job_id], after) settled;
    end if;
    return next;
  end`,
};
