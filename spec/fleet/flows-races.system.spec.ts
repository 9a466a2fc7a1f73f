import { expect } from 'chai';
import fc from 'fast-check';
import pg from 'pg';
import { lastValueFrom } from 'rxjs';
import { launch, type Application, type Runnable } from 'rxjs-tasks';
import {
  JobCancelledError,
  JobDeletedError,
  UnrecoverableError,
  type Fleet,
  type Job,
  type JobError,
  type JobFailure,
  type Queue,
} from 'rxjs-tasks/fleet';
import sinon from 'sinon';
import { Dependents } from '../../lib/fleet/dependents.js';
import { retryStoredJob } from '../../lib/fleet/job-statements.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

const hour = 3_600_000;
/** FLOW_ROUNDS=1000 finds rarer orders. */
const rounds = Number(process.env['FLOW_ROUNDS'] ?? 60);
const outputsOf = (_: unknown, __: unknown, { outputs }: Job) => outputs;

type Action = 'complete' | 'retry' | 'fail' | 'cancel' | 'remove';

/** A job of a random graph. */
interface Step {
  readonly action: Action;
  readonly queue: number;
  /** The earlier jobs that it waits for. */
  readonly edges: readonly number[];
  /** Whether it may run, or is cancelled, before the others are submitted. */
  readonly early: boolean;
}

interface Input {
  readonly n: number;
  readonly action: Action;
}

/** A submitted job of a graph. */
interface GraphJob {
  readonly step: Step;
  readonly n: number;
  readonly id: string;
  /** The queue in the process that did not submit the job. */
  readonly theirs: Queue<Input, unknown[]>;
  readonly dependencies: readonly GraphJob[];
}

const steps: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom<Action>('complete', 'complete', 'complete', 'complete', 'retry', 'fail', 'cancel', 'remove'),
  queue: fc.nat(2),
  edges: fc.array(fc.nat(20), { maxLength: 4 }),
  early: fc.boolean(),
});

function handle({ n, action }: Input, _: unknown, { attempt, outputs }: Job): unknown[] {
  if (action === 'fail') throw new UnrecoverableError(`no ${n}`);
  if (action === 'retry' && attempt === 1) throw new Error('again');
  return [n, ...outputs];
}

/** A job that is cancelled or removed never starts. */
function delayOf({ action, early }: Step): number {
  if (action === 'cancel' || action === 'remove') return hour;
  return early ? 0 : 40;
}

/** Returns the output of a job, or the messages of the failures that it may have. */
function expectedOf({ step: { action }, n, id, theirs, dependencies }: GraphJob): {
  output?: unknown[];
  failures: string[];
} {
  const before = dependencies.map(expectedOf);
  const failures = before.flatMap((each) => each.failures);
  if (action === 'cancel') failures.push(new JobCancelledError(theirs.name, id).message);
  else if (action === 'remove') failures.push(new JobDeletedError(theirs.name, id).message);
  else if (action === 'fail' && failures.length === 0) failures.push(`no ${n}`);
  return failures.length > 0 ? { failures } : { failures, output: [n, ...before.map(({ output }) => output)] };
}

async function checkResult(job: GraphJob): Promise<void> {
  if (job.step.action === 'remove') return;
  const { output, failures } = expectedOf(job);
  const result = lastValueFrom(job.theirs.result(job.id));
  if (output) {
    expect(await result).to.deep.equal(output);
    return;
  }
  const error = await result.then(
    (value) => new Error(`Completed with ${JSON.stringify(value)}`),
    (reason: unknown) => reason as JobError | JobCancelledError,
  );
  expect(failures).to.include('failure' in error ? error.failure.message : error.message);
}

describe('The ends of jobs that others wait for', () => {
  const fleets = new Fleets();
  let one: Fleet;
  let two: Fleet;
  let queues = 0;
  const apps: Application[] = [];
  const newName = () => `races-${++queues}`;
  const run = (...runnables: Runnable[]) => apps.push(launch(runnables, { observer: () => undefined }));
  const rowsLeft = async () =>
    statement(await sharedUrl(), `select queue, job, after_job, completed from ${fleets.schema}.job_after`);

  before(async () => {
    one = await fleets.connect({ name: 'one' });
    two = await fleets.connect({ name: 'two' });
  });
  afterEach(async () => {
    sinon.restore();
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  it('release a job when the last two come at once in two processes, without a poll', async () => {
    sinon.replace(Dependents.prototype, 'sweep' as never, (() => Promise.resolve()) as never);
    const [a, b, last] = [one.queue<number>(newName()), two.queue<number>(newName()), one.queue<number>(newName())];
    let gate = deferred<undefined>();
    const handler = async (n: number) => {
      await gate.promise;
      return n;
    };
    run(a.worker(handler), b.worker(handler), last.worker(outputsOf, { concurrency: 10 }));
    for (let round = 0; round < rounds; round++) {
      gate = deferred();
      const after = [await a.enqueue(round), await b.enqueue(1000 + round)];
      const results = lastValueFrom(last.submit(1, { after }));
      await waitUntil(async () => (await last.jobs({ state: 'blocked' })).length === 1);
      await waitUntil(
        async () => (await a.jobs({ state: 'active' })).length + (await b.jobs({ state: 'active' })).length === 2,
      );
      gate.resolve(undefined);
      expect(await results).to.deep.equal([round, 1000 + round]);
    }
    expect(await rowsLeft()).to.deep.equal([]);
  });

  it('are not missed while the jobs that wait for them are inserted', async () => {
    const [first, last] = [one.queue<number, number>(newName()), two.queue<number>(newName())];
    run(
      first.worker((n) => {
        if (n % 3 === 2) throw new UnrecoverableError('no');
        return n;
      }),
      last.worker(outputsOf, { concurrency: 10 }),
    );
    for (let round = 0; round < rounds; round++) {
      const id = await first.enqueue(round);
      const results = await Promise.all(
        [0, 1, 2].map(() =>
          lastValueFrom(last.submit(1, { after: [id] })).catch((error: unknown) => (error as JobError).failure),
        ),
      );
      const expected = round % 3 === 2 ? { name: 'UnrecoverableError', message: 'no' } : [round];
      expect(results).to.deep.equal([expected, expected, expected]);
    }
    expect(await rowsLeft()).to.deep.equal([]);
  });

  it('are found by a poll if their process does nothing after them, or another program has caused them', async () => {
    const [first, last] = [one.queue<number>(newName()), two.queue<number>(newName())];
    const { jobs } = servicesOf(one);
    run(last.worker(outputsOf, { concurrency: 10 }));
    const [completed = '', failed = '', deleted = ''] = await first.enqueueMany([1, 2, 3]);
    const results = [[completed], [failed], [deleted], [completed, failed]].map((after) =>
      lastValueFrom(last.submit(1, { after })).catch((error: unknown) => (error as JobError).failure.name),
    );
    await waitUntil(async () => (await last.jobs({ state: 'blocked' })).length === results.length);
    // The statement alone, as by a process that is killed after it.
    const claims = await jobs.claim(first.name, { maxCount: 1, heartbeatMs: 10_000 });
    const completions = claims.map((claim) => ({ claim, output: {}, json: '{"value":"x"}' }));
    expect(await jobs.complete(first.name, completions)).to.deep.equal([{ id: completed, hasDependents: true }]);
    const update = (sql: string) => async () => statement(await sharedUrl(), sql);
    const table = `${fleets.schema}_jobs.job`;
    await update(`update ${table} set state = 'failed', output = '{"name":"Expired"}' where id = '${failed}'`)();
    await update(`delete from ${table} where id = '${deleted}'`)();
    expect(await Promise.all(results)).to.deep.equal([['x'], 'Expired', 'JobDeletedError', 'Expired']);
    expect((await rowsLeft()).length).to.equal(1);
  });

  it('release and fail any graph of jobs as its model does', async () => {
    const names = [newName(), newName(), newName()];
    const queuesOf = (fleet: Fleet) =>
      names.map((name) => fleet.queue<Input, unknown[]>(name, { retries: 1, backoff: { initial: 0 } }));
    const fleetQueues = [queuesOf(one), queuesOf(two)];
    for (const queue of fleetQueues.flat()) run(queue.worker(handle, { concurrency: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 10 }), async (program) => {
        const jobs: GraphJob[] = [];
        const end = async ({ step: { action }, theirs, id }: GraphJob) => {
          if (action === 'cancel') await theirs.cancel(id);
          if (action === 'remove') await theirs.remove(id);
        };
        for (const [n, step] of program.entries()) {
          const [ours, theirs] = [n % 2, 1 - (n % 2)].map((fleet) => fleetQueues[fleet]?.[step.queue]);
          if (!ours || !theirs) throw new Error('There is no such queue');
          const dependencies = step.edges.flatMap((edge) => jobs[edge % Math.max(1, n)] ?? []);
          const id = await ours.enqueue(
            { n, action: step.action },
            { after: dependencies.map((job) => job.id), delay: delayOf(step) },
          );
          const job = { step, n, id, theirs, dependencies };
          jobs.push(job);
          if (step.action === 'cancel' && step.early) await end(job);
        }
        await Promise.all(jobs.map(end));
        await Promise.all(jobs.map(checkResult));
      }),
      { numRuns: Math.ceil(rounds / 3) },
    );
    const unfinished = `
      select from ${fleets.schema}.job_after
      where queue = any('{${names.join(',')}}') and completed is not true`;
    await waitUntil(async () => (await statement(await sharedUrl(), unfinished)).length === 0);
  });

  it('do not concern a job that was cancelled, while it is retried', async () => {
    const [first, last] = [one.queue<number>(newName()), two.queue<number>(newName())];
    run(
      first.worker((n) => n),
      last.worker(outputsOf),
    );
    const url = await sharedUrl();
    const after = await first.enqueueMany([1, 2], { delay: hour });
    const [completed = '', waiting = ''] = after;
    const job = await last.enqueue(1, { after });
    await last.cancel(job);
    const [cancelled] = await statement<{ at: string }>(
      url,
      `select completed_on::text as at from ${fleets.schema}_jobs.job where id = '${job}'`,
    );
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      await client.query('begin');
      await client.query(retryStoredJob(fleets.schema), [last.name, job, `${last.name}.dead`, cancelled?.at]);
      await statement(
        url,
        `update ${fleets.schema}_jobs.job set state = 'completed', output = '7' where id = '${completed}'`,
      );
      let isSettled = false;
      const settled = servicesOf(one)
        .dependents.settle([completed])
        .then(() => (isSettled = true));
      const isWaiting = async () =>
        (
          await statement(
            url,
            `select from pg_stat_activity where wait_event_type = 'Lock' and query ~ '${fleets.schema}'`,
          )
        ).length > 0;
      await waitUntil(async () => isSettled || (await isWaiting()));
      await client.query('commit');
      await settled;
    } finally {
      await client.end();
    }
    await first.promote(waiting);
    expect(await lastValueFrom(last.result(job))).to.deep.equal([7, 2]);
  });

  it('are found among thousands of jobs that have not ended', async () => {
    const [first, last] = [one.queue<number>(newName()), two.queue<number>(newName())];
    const ids = await first.enqueueMany(
      Array.from({ length: 2500 }, (_, n) => n),
      { delay: hour },
    );
    for (let start = 0; start < ids.length; start += 500)
      await last.enqueue(1, { after: ids.slice(start, start + 500) });
    const lost = ids.toSorted().at(-1) ?? '';
    const result = lastValueFrom(last.submit(1, { after: [lost] })).catch(
      (error: unknown) => (error as JobError).failure,
    );
    await waitUntil(async () => (await last.jobs({ state: 'blocked' })).length === 6);
    await statement(await sharedUrl(), `delete from ${fleets.schema}_jobs.job where id = '${lost}'`);
    expect(((await result) as JobFailure).name).to.equal('JobDeletedError');
  });
});
