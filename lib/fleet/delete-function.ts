import type { DatabaseFunction } from './database-function.js';

/**
 * Deletes up to `max_count` ended jobs of each queue whose retention is over, and returns the total. pg-boss needs
 * several transactions a queue for that.
 */
export const deleteFunction: DatabaseFunction = {
  name: 'delete_ended_jobs',
  parameters: 'max_count integer',
  returns: 'integer',
  volatileCommit: true,
  keepsPlan: true,
  body: (jobs) => `
  declare
    queue record;
    queue_count integer;
    total integer := 0;
  begin
    for queue in select name, deletion_seconds from ${jobs}.queue where deletion_seconds > 0 order by name loop
      delete from ${jobs}.job where name = queue.name and id = any(array(
        select id from ${jobs}.job
        where name = queue.name and completed_on < ${jobs}.job_now() - queue.deletion_seconds * interval '1 s'
        order by completed_on limit max_count for update skip locked
      ));
      get diagnostics queue_count = row_count;
      total := total + queue_count;
    end loop;
    return total;
  end`,
};
