import { expect } from 'chai';
import sinon from 'sinon';
import type { JobsFilter } from '../../lib/fleet/queue-types.js';
import { cancelJob, promoteJob, readJob, readPage, removeJob, retryJob } from '../../lib/fleet/stored-jobs.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';

const id = 'x';
const createdAt = new Date(1);
const [dueAt, startedAt, endedAt] = [new Date(2), new Date(3), new Date(4)];
const nothing = { key: null, group: null, progress: null, hasProgress: false, startedAt: null, endedAt: null };
const row = { ...nothing, id, state: 'waiting', data: { input: 5 }, output: null, attempt: 0, priority: 1 };
const stored = { ...row, createdAt, dueAt };
const waiting = { id, state: 'waiting', input: 5, attempt: 0, priority: 1, createdAt };
const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });

describe('The jobs in the table', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Creates a database whose statements, and whose cancels, have such answers, one after the other. */
  function answering(...answers: (Error | object[])[]) {
    const statements: [string, readonly unknown[]][] = [];
    const answer = (text: string, values: readonly unknown[]) => {
      statements.push([text, values]);
      // It is not retried.
      const next = answers.shift() ?? new TypeError(`An unexpected statement: ${text}`);
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    };
    const database = fakeDatabase(async (sql, values) => ({ rows: await answer(sql, values) }));
    database.events$.subscribe();
    const cancel = async (...values: unknown[]) => ({ settled: await answer('cancel', values) });
    Object.assign(database.boss, { cancel });
    return { database, statements };
  }

  it('have the fields that belong to their states', async () => {
    const failure = { name: 'E', message: 'no' };
    for (const [changes, expected] of [
      [{}, {}],
      [{ output: failure, progress: 1 }, {}],
      [
        { state: 'delayed', output: failure },
        { state: 'delayed', dueAt },
      ],
      [
        { state: 'blocked', data: { input: 5, after: ['bad'] } },
        { state: 'blocked', after: [] },
      ],
      [{ state: 'retrying' }, { state: 'retrying', dueAt }],
      [
        { state: 'retrying', output: failure },
        { state: 'retrying', failure, dueAt },
      ],
      [
        { state: 'active', startedAt, progress: null, hasProgress: true },
        { state: 'active', startedAt, progress: null },
      ],
      [
        { state: 'completed', output: { value: 7 }, endedAt },
        { state: 'completed', output: 7, endedAt },
      ],
      [{ state: 'completed' }, { state: 'completed', output: undefined }],
      [
        { state: 'failed', output: failure },
        { state: 'failed', failure },
      ],
      [{ state: 'cancelled', output: failure }, { state: 'cancelled' }],
      [
        { key: 'k', group: 'g' },
        { key: 'k', group: 'g' },
      ],
    ] as const) {
      const { database, statements } = answering([{ ...stored, ...changes }]);
      expect(await readJob(database, 'q', id)).to.deep.equal({ ...waiting, ...expected });
      expect(statements.map(([, values]) => values)).to.deep.equal([['q', id]]);
    }
    expect(await readJob(answering([{ ...stored, state: null }]).database, 'q', id)).to.equal(undefined);
    expect(await readJob(answering([]).database, 'q', id)).to.equal(undefined);
  });

  it('are read in pages, without those in an unknown state', async () => {
    const pageOf = async (filter: JobsFilter, ...answers: object[][]) => {
      const { database, statements } = answering(...answers);
      return { page: await readPage(database, 'q', filter), values: statements.map(([, values]) => values) };
    };
    const rows = [stored, { ...stored, state: null }];
    expect(await pageOf({}, rows)).to.deep.equal({ page: [waiting], values: [['q', 100, null]] });
    expect(await pageOf({ limit: 3, after: id }, rows)).to.deep.equal({ page: [waiting], values: [['q', 3, id]] });
    expect(await pageOf({}, [])).to.deep.equal({ page: [], values: [['q', 100, null]] });
    const last = await pageOf({ after: id }, [], [stored]);
    expect(last).to.deep.equal({
      page: [],
      values: [
        ['q', 100, id],
        ['q', id],
      ],
    });
    const error = await rejectionOf(readPage(answering([], []).database, 'q', { after: id }));
    expect(error).to.be.instanceOf(RangeError);
    expect(error.message).to.equal("Expected `after` to be a job of q, got `'x'` (string)");
  });

  it('are changed once, and if the answer was lost, the table shows whether they were', async () => {
    for (const [change, condition, wanted] of [
      [cancelJob, `(state = 'cancelled')`, true],
      [promoteJob, `(state >= 'active' or (not blocked and start_after <= now()))`, true],
      [removeJob, '(true)', false],
    ] as const) {
      for (const [answers, changed] of [
        [[[id]], true],
        [[[]], false],
        [[lost, [id]], true],
        [[lost, [], [{}]], wanted],
        [[lost, [], []], !wanted],
        [[new Error('busy'), []], false],
      ] as const) {
        const { database, statements } = answering(...(answers as readonly (Error | object[])[]));
        const answer = change(database, 'q', id);
        await clock.tickAsync(1000);
        expect(await answer).to.equal(changed);
        expect(statements.map(([, values]) => values)).to.deep.equal(answers.map(() => ['q', id]));
        if (answers.length === 3) expect(statements[2]?.[0].endsWith(` and ${condition}`)).to.equal(true);
      }
    }
  });

  it('run again from the end that they had, once', async () => {
    const ended = [{ at: 'then' }];
    for (const [answers, retried] of [
      [[[]], undefined],
      [[ended, [{ failed: true }]], { failed: true }],
      [[ended, []], undefined],
      [[ended, lost, []], {}],
      [[ended, lost, [{ failed: true }]], { failed: true }],
    ] as const) {
      const { database, statements } = answering(...(answers as readonly (Error | object[])[]));
      const answer = retryJob(database, 'q', id);
      await clock.tickAsync(1000);
      expect(await answer).to.deep.equal(retried);
      const [read, ...changes] = statements.map(([, values]) => values);
      expect(read).to.deep.equal(['q', id]);
      expect(changes).to.deep.equal(answers.slice(1).map(() => ['q', id, 'q.dead', 'then']));
    }
  });
});
