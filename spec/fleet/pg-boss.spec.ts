import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';

const require = createRequire(import.meta.url);
const { version, pgboss } = require('pg-boss/package.json') as { version: string; pgboss: { schema: number } };

/** The statements of pg-boss that `lib/fleet/job-statements.ts` has its own form of. */
interface Plans {
  fetchNextJob(options: object): { readonly text: string };
  completeJobs(schema: string, table: string, includeQueued: boolean, fenced: boolean): string;
  completeJobsWithOutputs(schema: string, table: string): string;
  failJobsByTimeout(schema: string, table: string, queues: string[]): string;
  failJobsByHeartbeat(schema: string, table: string, queues: string[]): string;
}

function hashOf(sql: string): string {
  return createHash('sha256').update(sql.replace(/\s+/g, ' ').trim()).digest('hex').slice(0, 12);
}

describe('The version of pg-boss', () => {
  it('has the statements that those of a fleet agree with', async () => {
    // After a change of pg-boss, compare its new statements with ours before these values are changed.
    const path = require.resolve('pg-boss').replace(/index\.js$/, 'plans.js');
    const plans = (await import(pathToFileURL(path).href)) as Plans;
    const fetch = plans.fetchNextJob({ schema: 's', table: 't', name: 'q', policy: 'standard', limit: 1 });
    expect(
      {
        schema: pgboss.schema,
        fetch: hashOf(fetch.text),
        complete: hashOf(plans.completeJobs('s', 't', false, true)),
        completeEach: hashOf(plans.completeJobsWithOutputs('s', 't')),
        expired: hashOf(plans.failJobsByTimeout('s', 't', ['q'])),
        lost: hashOf(plans.failJobsByHeartbeat('s', 't', ['q'])),
      },
      `pg-boss ${version}`,
    ).to.deep.equal({
      schema: 46,
      fetch: '3b2afdd68119',
      complete: '8cedd874e61f',
      completeEach: '8e1bce8e0c80',
      expired: '58f3b0ba001a',
      lost: '49a71c0c168b',
    });
  });
});
