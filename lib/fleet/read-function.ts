import { functionName, returnQuery, type DatabaseFunction } from './database-function.js';
import { fromJob } from './dependents-functions.js';

/** Reads jobs of several queues. Outputs of more than `max_bytes` are left out. */
export const readFunction: DatabaseFunction = {
  name: 'read_jobs',
  parameters: 'queues text[], ids uuid[], max_bytes integer',
  returns: 'table (queue text, id uuid, state text, retry_count integer, output jsonb, output_left_out boolean)',
  volatileCommit: false,
  keepsPlan: true,
  body: returnQuery(
    (jobs) => `
    select stored.*
    from unnest(queues, ids) as asked (queue, id) cross join lateral (
      select name, id, state::text, retry_count, case when pg_column_size(output) <= max_bytes then output end,
        coalesce(pg_column_size(output) > max_bytes, false) ${fromJob(jobs, 'asked.queue', 'asked.id')}
    ) stored`,
  ),
};

/** Returns the statement that reads the jobs `$2` of the queues `$1`, with outputs of up to `$3` bytes. */
export function readStoredJobs(schema: string): string {
  return `select queue, id, state, retry_count as "retryCount", output, output_left_out as "outputLeftOut"
    from ${functionName(schema, readFunction)}($1, $2, $3)`;
}
