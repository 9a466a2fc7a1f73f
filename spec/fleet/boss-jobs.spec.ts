import { expect } from 'chai';
import { BossJobs } from '../../lib/fleet/boss-jobs.js';
import type { Claim, NewJob } from '../../lib/fleet/job-store.js';
import type { SubmitOptions } from '../../lib/fleet/queue-types.js';
import { fakeDatabase } from '../helpers/fake-database.js';

interface Executor {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

const claims: Claim[] = [
  { id: 'a', retryCount: 0 },
  { id: 'b', retryCount: 2 },
];
const jobOf = (id: string, options: SubmitOptions): NewJob<number> => ({ id, data: { input: 1 }, options, length: 1 });

describe("pg-boss's own functions for jobs", () => {
  /** Returns the functions, and the calls of pg-boss and the values of statements, which are answered as given. */
  function create(answer: unknown, rows: readonly object[] = []) {
    const calls: unknown[][] = [];
    const database = fakeDatabase((sql, values) => {
      calls.push([/^\w+/.exec(sql)?.[0], ...values]);
      return Promise.resolve({ rows: [...rows] });
    });
    for (const name of ['insert', 'fetch', 'complete', 'fail', 'touch'])
      Object.assign(database.boss, {
        [name]: (...args: unknown[]) => {
          calls.push([name, ...args]);
          return Promise.resolve(
            typeof answer === 'function' ? (answer as (...all: unknown[]) => unknown)(...args) : answer,
          );
        },
      });
    return { jobs: new BossJobs(database), calls };
  }
  const settled = (_: string, held: readonly Claim[]) => ({ settled: held.map(({ id }) => id) });

  it('insert jobs with their options, and with those of the queue', async () => {
    const { jobs, calls } = create(null);
    const at = new Date(7);
    const inserted = await jobs.insert('q', [
      jobOf('a', { priority: 3, delay: 1500, group: 'g', retries: 0, timeout: 2500 }),
      jobOf('b', { delay: at }),
      jobOf('c', { delay: 0 }),
      jobOf('d', {}),
    ]);
    const data = { input: 1 };
    const bossJobs = [
      {
        id: 'a',
        data,
        priority: 3,
        startAfter: '1500 milliseconds',
        group: { id: 'g' },
        retryLimit: 0,
        expireInSeconds: 63,
      },
      { id: 'b', data, priority: 0, startAfter: at.toISOString() },
      { id: 'c', data, priority: 0 },
      { id: 'd', data, priority: 0 },
    ];
    expect([inserted.size, calls]).to.deep.equal([0, [['insert', 'q', bossJobs, undefined]]]);
  });

  it('insert jobs with a client of the application', async () => {
    const { jobs, calls } = create(null);
    const statements: unknown[] = [];
    const query = (text: string, values: unknown[]) => {
      statements.push([text, values]);
      return Promise.resolve({ rows: [{ x: 1 }] });
    };
    await jobs.insert('q', [], { query });
    const { db } = calls[0]?.[3] as { db: Executor };
    expect(await db.executeSql('select $1', [1])).to.deep.equal({ rows: [{ x: 1 }] });
    await db.executeSql('select');
    expect(statements).to.deep.equal([
      ['select $1', [1]],
      ['select', []],
    ]);
  });

  it('claim jobs, but none of a paused queue', async () => {
    const row = { id: 'a', retryCount: 2, data: { input: 7 }, name: 'q' };
    const { jobs, calls } = create([row]);
    const limits = { maxCount: 3, heartbeatMs: 1000 };
    const data = { input: 7, awaited: false };
    expect(await jobs.claim('q', limits)).to.deep.equal([{ id: 'a', retryCount: 2, data }]);
    expect(calls).to.deep.equal([
      ['select', 'q'],
      ['fetch', 'q', { batchSize: 3, includeMetadata: true }],
    ]);
    const paused = create([row], [{}]);
    expect([await paused.jobs.claim('q', limits), paused.calls]).to.deep.equal([[], [['select', 'q']]]);
  });

  it('complete each job with its own output', async () => {
    const { jobs, calls } = create((queue: string, held: readonly Claim[], output: { value: number }) =>
      output.value === 1 ? { settled: [] } : settled(queue, held),
    );
    const completions = claims.map((claim, value) => ({ claim, output: { value }, json: `{"value":${value}}` }));
    expect(await jobs.complete('q', completions)).to.deep.equal([{ id: 'a', hasDependents: false }]);
    expect(calls).to.deep.equal(claims.map((claim, value) => ['complete', 'q', [claim], { value }]));
  });

  it('keep claims, and let no attempt follow the final ones', async () => {
    const { jobs, calls } = create(null, [{ id: 'b' }]);
    expect([await jobs.keep('q', claims, false), calls]).to.deep.equal([['a', 'b'], []]);
    expect(await jobs.keep('q', claims, true)).to.deep.equal(['b']);
    expect(calls).to.deep.equal([['update', 'q', ['a', 'b'], [0, 2]]]);
  });

  it('release jobs as those that have failed', async () => {
    const { jobs, calls } = create(settled);
    const reason = { name: 'Released', message: 'stopped' };
    expect(await jobs.release('q', claims, reason)).to.deep.equal(['a', 'b']);
    expect(calls).to.deep.equal([['fail', 'q', claims, reason]]);
  });

  it('send the heartbeats of each queue together', async () => {
    const { jobs, calls } = create(settled);
    const [a, b] = claims.map((claim) => ({ queue: 'q', claim }));
    const other = { queue: 'r', claim: { id: 'c', retryCount: 0 } };
    expect(await jobs.touch([a, other, b].filter((claim) => claim !== undefined))).to.deep.equal(['a', 'b', 'c']);
    expect(calls).to.deep.equal([
      ['touch', 'q', claims],
      ['touch', 'r', [other.claim]],
    ]);
  });

  it('delete no ended jobs, and have not all options', async () => {
    const { jobs, calls } = create(null);
    expect([await jobs.deleteEnded(), calls]).to.deep.equal([0, []]);
    expect([...jobs.unsupported]).to.have.members(['key', 'keyWindow', 'groupConcurrency', 'rate', 'after']);
  });
});
