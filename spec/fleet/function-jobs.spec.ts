import { expect } from 'chai';
import { FunctionJobs } from '../../lib/fleet/function-jobs.js';
import type { Claim, Completion, NewJob } from '../../lib/fleet/job-store.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const [first, second]: Claim[] = [
  { id: 'a', retryCount: 0, at: '5' },
  { id: 'b', retryCount: 2 },
];
const claims = [first, second].filter((claim) => claim !== undefined);
const columns = [
  ['a', 'b'],
  [0, 2],
  ['5', undefined],
];
const jobOf = (id: string, further: Partial<NewJob<number>> = {}): NewJob<number> => ({
  id,
  data: { input: 1 },
  options: {},
  length: 1,
  ...further,
});

describe('The functions for jobs in the database', () => {
  /** Returns the statements, whose rows are as given, and their calls: the names of the functions and the values. */
  function create(rows: readonly object[], mark?: string) {
    const calls: unknown[][] = [];
    const execute = (sql: string, values: unknown[]) => {
      calls.push([/"schema"\.(\w+)_\d+\(/.exec(sql)?.[1], ...values]);
      return Promise.resolve({ rows: [...rows] });
    };
    const jobs = new FunctionJobs(fakeDatabase(execute), mark === undefined ? undefined : { current: mark });
    return { jobs, calls, client: { query: execute } };
  }

  it('get each job with its options, and times by the clock of the database', async () => {
    const { jobs, calls } = create([]);
    const at = new Date(7);
    const options = { priority: 3, delay: at, key: 'k', keyWindow: 5, group: 'g', retries: 1, timeout: 2500 };
    await jobs.insert('q', [
      jobOf('a', { options }),
      jobOf('b', { options: { delay: 9, after: ['x'] } }),
      jobOf('c', { options: { after: [] } }),
    ]);
    const [name, queue, records, ...further] = calls[0] ?? [];
    expect([name, queue, ...further]).to.deep.equal(['insert_jobs', 'q', null, null]);
    const due = { at: at.toISOString() };
    expect(JSON.parse(String(records))).to.deep.equal([
      { id: 'a', data: { input: 1 }, priority: 3, ...due, key: 'k', key_window: 5, group: 'g', retries: 1, expire: 63 },
      { id: 'b', data: { input: 1 }, delay: 9, after: ['x'] },
      { id: 'c', data: { input: 1 } },
    ]);
  });

  it('may lose insertions in a crash if all of the jobs may be inserted again, outside of a transaction', async () => {
    const volatile = { volatile: true };
    for (const [current, further, within, mark] of [
      ['m', volatile, false, 'm'],
      ['m', {}, false, null],
      ['m', volatile, true, null],
      [undefined, volatile, false, null],
    ] as const) {
      const { jobs, calls, client } = create([], current);
      const inserted = await jobs.insert(
        'q',
        [jobOf('a', volatile), jobOf('b', further)],
        within ? client : undefined,
        'message',
      );
      expect(calls[0]?.slice(3)).to.deep.equal([mark, mark && 'message']);
      expect([...inserted.values()]).to.deep.equal(mark ? ['a', 'b'].map((id) => ({ id, mark: 'm' })) : []);
    }
    const { jobs, calls } = create([], 'm');
    await jobs.insert('q', [jobOf('a', volatile)]);
    expect(calls[0]?.slice(3)).to.deep.equal(['m', null]);
  });

  it('return the jobs in the places of others, those that have failed at once, and refusals', async () => {
    const none = { job: null, missing: null, failure: null };
    const rows = [
      { ...none, asked: 'a', job: 'x' },
      { ...none, asked: 'b', failure: { name: 'E', message: 'no' } },
      { ...none, asked: 'c', missing: 'y' },
    ];
    const { jobs, client } = create(rows);
    const inserted = await jobs.insert('q', [], client);
    const [replaced, failed, refused] = ['a', 'b', 'c'].map((id) => inserted.get(id));
    expect([replaced, failed]).to.deep.equal([{ id: 'x' }, { id: 'b', failure: { name: 'E', message: 'no' } }]);
    expect(refused).to.have.property('refusal').that.is.instanceOf(RangeError);
    expect(refused).to.have.nested.property(
      'refusal.message',
      "Expected `after` to be ids of jobs of the fleet, got `'y'` (string)",
    );
  });

  it('claim jobs within limits, with a heartbeat in whole seconds', async () => {
    const { jobs, calls } = create([{ id: 'a', retryCount: 1, at: '5', data: { input: 7 } }]);
    const limits = { maxCount: 3, heartbeatMs: 1001 };
    expect(await jobs.claim('q', limits)).to.deep.equal([
      { id: 'a', retryCount: 1, at: '5', data: { input: 7, awaited: false } },
    ]);
    await jobs.claim('q', { ...limits, groupConcurrency: 2, rate: { jobs: 4, per: 5 } });
    expect(calls).to.deep.equal([
      ['claim_jobs', 'q', 3, 2, null, undefined, undefined],
      ['claim_jobs', 'q', 3, 2, 2, 4, 5],
    ]);
  });

  it('complete jobs with an output each, and notify other processes only if all of them are completed', async () => {
    const completions: Completion[] = claims.map((claim) => ({ claim, output: {}, json: `["${claim.id}"]` }));
    const values = ['q', ...columns, '{"a":["a"],"b":["b"]}'];
    const done = ['a', 'b'].map((id) => ({ id, hasDependents: false }));
    const { jobs, calls } = create(done);
    expect(await jobs.complete('q', completions)).to.deep.equal(done);
    expect(calls).to.deep.equal([['complete_jobs', ...values]]);
    for (const [completed, notified] of [
      [done, true],
      [done.slice(1), false],
    ] as const) {
      const answer = create([{ completed }]);
      const expected = completed.map((job) => ({ ...job, notified }));
      expect(await answer.jobs.complete('q', completions, 'message')).to.deep.equal(expected);
      expect(answer.calls).to.deep.equal([['complete_and_notify', ...values, 'message']]);
    }
  });

  it('return the ids of those whose claim is the current one', async () => {
    const { jobs, calls } = create([{ id: 'a' }]);
    const touched = claims.map((claim, n) => ({ queue: `q${n}`, claim }));
    const answers = [
      await jobs.keep('q', claims, true),
      await jobs.release('q', claims),
      await jobs.touch(touched),
      await jobs.keep('q', [], false),
    ];
    expect(answers).to.deep.equal(answers.map(() => ['a']));
    expect(calls).to.deep.equal([
      ['keep_claims', 'q', ...columns, true],
      ['release_jobs', 'q', ...columns],
      ['touch_jobs', ['q0', 'q1'], ...columns],
      ['keep_claims', 'q', [], [], [], false],
    ]);
  });

  it('count the ended jobs that they delete', async () => {
    const { jobs, calls } = create([{ deleted: 7 }]);
    expect([await jobs.deleteEnded(9), calls]).to.deep.equal([7, [['delete_ended_jobs', 9]]]);
  });
});
