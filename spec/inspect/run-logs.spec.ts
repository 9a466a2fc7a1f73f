import { expect } from 'chai';
import type { EndedRun } from '../../lib/app/application-info.js';
import { JobError } from '../../lib/fleet/index.js';
import { TaskError } from '../../lib/index.js';
import { JobMessages } from '../../lib/inspect/server/job-messages.js';
import { RunLogs } from '../../lib/inspect/server/run-logs.js';
import { waitUntil } from '../helpers/wait.js';

const ended = (task: string, at: number, error?: TaskError) =>
  ({ run: { task }, end: { status: error ? 'failed' : 'completed', startedAt: at, at, error } }) as EndedRun;

describe('RunLogs', () => {
  it('keep at most 5,000 paths, those whose runs ended last', () => {
    const logs = new RunLogs(undefined);
    for (let index = 0; index < 20_000; index++) {
      logs.add(ended(`path ${index}`, index));
      logs.add(ended('often', index));
    }
    const kept = Array.from({ length: 20_000 }, (_, index) => logs.get(`path ${index}`)).filter(Boolean);
    expect(kept.length).to.be.within(2400, 5000);
    expect([logs.get('often')?.runs, logs.get('path 19999')?.runs, logs.get('path 0')]).to.deep.equal([
      20_000,
      1,
      undefined,
    ]);
  });

  it('count the runs of each path, and those that have failed or timed out', () => {
    const logs = new RunLogs(undefined);
    for (const status of ['completed', 'failed', 'cancelled', 'timed-out'] as const)
      logs.add({ run: { task: 'a' }, end: { status, startedAt: 1, at: 2 } } as EndedRun);
    const { runs, failures, lastRuns } = logs.get('a') ?? expect.fail('No runs');
    expect([runs, failures, lastRuns.map(({ status }) => status)]).to.deep.equal([
      4,
      2,
      ['completed', 'failed', 'cancelled', 'timed-out'],
    ]);
    expect(logs.get('b')).to.equal(undefined);
  });

  it('keep no error in memory, but its texts', async () => {
    const logs = new RunLogs(undefined);
    const response = new WeakRef({ body: 'x'.repeat(1000) });
    logs.add(
      ended('a', 1, Object.assign(new TaskError('a', 'execute', new Error('no')), { response: response.deref() })),
    );
    await waitUntil(() => {
      global.gc?.();
      return response.deref() === undefined;
    });
    expect(logs.get('a')?.lastError?.message).to.equal('a failed in execute: no');
    logs.end();
  });

  it('hide the message and the stack of an error within a job, unless data is shown', () => {
    const secret = 'ann@example.com';
    const worker = { task: 'worker' };
    const job = { task: 'worker/job', parent: worker, job: { id: '1', queue: 'mail', attempt: 1, awaited: false } };
    const child = { task: 'worker/job/send', parent: job };
    for (const run of [worker, job, child])
      for (const showData of [true, false]) {
        const logs = new RunLogs(showData ? undefined : new JobMessages());
        const error = new TaskError(run.task, 'execute', new RangeError(secret));
        logs.add({ ...ended(run.task, 1, error), run } as EndedRun);
        const { lastError } = logs.get(run.task) ?? {};
        const isShown = showData || run === worker;
        expect([lastError?.message.includes(secret), lastError?.stack.includes(secret)]).to.deep.equal([
          isShown,
          isShown,
        ]);
        expect(lastError).to.include({ name: 'TaskError', task: run.task, phase: 'execute', at: 1 });
        if (!isShown)
          expect(lastError?.stack).to.equal(
            `TaskError: ${run.task} failed in execute: the message is hidden, inspector({ showData: true }) shows it`,
          );
        logs.end();
      }
  });

  it('hide the message and the stack of an error that has that of a job as its cause', () => {
    const secret = 'ann@example.com';
    const jobError = new JobError('mail', '1', { name: 'RangeError', message: secret });
    const causes = [
      jobError,
      new Error(`not sent: ${jobError.message}`, { cause: jobError }),
      new AggregateError([new Error('first'), jobError], 'none was sent'),
    ];
    for (const cause of causes) {
      const logs = new RunLogs(new JobMessages());
      logs.add(ended('a', 1, new TaskError('a', 'execute', cause)));
      const { lastError } = logs.get('a') ?? {};
      expect(JSON.stringify(lastError)).to.include('a failed in execute: the message is hidden');
      expect(JSON.stringify(lastError)).not.to.include(secret);
      logs.end();
    }
  });

  it('bound the stack of an error of any length', () => {
    const logs = new RunLogs(undefined);
    const chain = Array.from({ length: 50 }).reduce<Error>(
      (cause) => new Error('x'.repeat(100_000), { cause }),
      new Error('first'),
    );
    logs.add(ended('a', 1, new TaskError('a', 'execute', chain)));
    expect(logs.get('a')?.lastError?.stack.length).to.be.within(1000, 10_000);
    logs.end();
  });
});
