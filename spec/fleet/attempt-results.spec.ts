import { expect } from 'chai';
import sinon from 'sinon';
import { AttemptResultWriter, type AttemptResult } from '../../lib/fleet/attempt-results.js';
import type { Claim, JobStore } from '../../lib/fleet/job-store.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });
const failure = { name: 'Error', message: 'no' };
const claim: Claim = { id: 'x', retryCount: 1, at: '5' };
const refused = Object.assign(new Error('stack depth limit exceeded'), { code: '54001' });
const row = { id: 'x', attempt: 1, at: '5', state: 'completed', hasDependents: false };

describe('The result of an attempt', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /**
   * Writes results together. Returns them as they were written, and the calls to the database: their names, and what
   * they have got.
   *
   * @param answers those of the statements, one for each try. An error is that of a try.
   * @param rows the jobs in the table, if they are read.
   */
  async function writeAll(
    attempts: readonly { own?: Claim; result: AttemptResult; awaited?: boolean }[],
    answers: readonly unknown[],
    rows: readonly object[] = [],
    closing = false,
  ) {
    const left = [...answers];
    const calls: unknown[] = [];
    const statements: unknown[][] = [];
    const answer = (name: string, queue: string, claims: readonly Claim[], ...further: unknown[]) => {
      calls.push(name);
      statements.push([name, queue, claims.map(({ id }) => id).join(), ...further]);
      const next = left.shift();
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next as never);
    };
    const database = fakeDatabase((_, [, ids]) => {
      calls.push(['read', ids]);
      return Promise.resolve({ rows: [...rows] });
    });
    database.events$.subscribe();
    if (closing) await database.stopRetrying();
    Object.assign(database.boss, {
      fail: (queue: string, claims: Claim[], stored: object) => answer('fail', queue, claims, stored),
    });
    const jobs: Partial<JobStore> = {
      complete: (queue, completions, message) =>
        answer(
          'complete',
          queue,
          completions.map((completion) => completion.claim),
          message,
        ),
      keep: (...args) => answer('keep', ...args),
      release: (...args) => answer('release', ...args),
    };
    const services = {
      database,
      events: { completionsPayload: (queue: string, ended: object[]) => ended.length > 0 && { queue, ended } },
      jobs,
      dependents: { settleInBackground: (ids: string[]) => ids.length > 0 && calls.push(['settle', ids]) },
      control: { send: ({ type, queue }: { type: string; queue: string }) => calls.push(`${type} ${queue}`) },
    };
    const writer = new AttemptResultWriter({ name: 'q', services } as unknown as QueueHandle);
    const written = Promise.all(
      attempts.map(({ own = claim, result, awaited = false }) =>
        writer.write(own, result, awaited).catch((error: unknown) => error),
      ),
    );
    await clock.tickAsync(1000);
    return { written: await written, calls, statements };
  }

  /** Writes the result of one attempt. */
  async function write(
    result: AttemptResult,
    answers: readonly unknown[],
    rows: readonly object[] = [],
    own: Claim = claim,
  ) {
    const { written, calls } = await writeAll([{ own, result }], answers, rows);
    return { written: written[0], calls };
  }

  it('is written by the first answer, if there is one', async () => {
    const [output, json] = [{ value: 7 }, '{"value":7}'];
    for (const [answer, written, calls] of [
      [[{ id: 'x', hasDependents: false }], { output, notified: false }, []],
      [[{ id: 'x', hasDependents: true, notified: true }], { output, notified: true }, [['settle', ['x']]]],
      // Another claim is the current one, whatever the table has.
      [[], undefined, []],
    ] as const)
      expect(await write({ output, json }, [answer], [row])).to.deep.equal({ written, calls: ['complete', ...calls] });
  });

  it('is that of the table if the answer to a completion was lost, for the last claim alone', async () => {
    const [output, json] = [{ value: 7 }, '{"value":7}'];
    const written = { output, notified: false };
    const read = ['read', ['x']];
    for (const [rows, expected, calls] of [
      [[row], written, []],
      [[{ ...row, hasDependents: true }], written, [['settle', ['x']]]],
      [[{ ...row, attempt: 2 }], undefined, []],
      [[{ ...row, at: '6' }], undefined, []],
      [[{ ...row, state: 'active' }], undefined, []],
      [[], undefined, []],
    ] as const)
      expect(await write({ output, json }, [lost, []], rows)).to.deep.equal({
        written: expected,
        calls: ['complete', 'complete', read, ...calls],
      });
    const bossClaim = { id: 'x', retryCount: 1 };
    expect((await write({ output, json }, [lost, []], [row], bossClaim)).written).to.deep.equal(written);
    expect((await write({ output, json }, [lost, []], [{ ...row, attempt: 0 }], bossClaim)).written).to.equal(
      undefined,
    );
    // The second try has completed it.
    expect((await write({ output, json }, [lost, [{ id: 'x' }]])).calls).to.deep.equal(['complete', 'complete']);
  });

  it('that is a failure lets the job fail or run again, as the table has it', async () => {
    for (const [state, outcome] of [
      ['retry', 'retrying'],
      ['failed', 'failed'],
    ] as const) {
      const rows = [{ ...row, state, hasDependents: true }];
      expect(await write({ failure }, [['x'], { settled: ['x'] }], rows)).to.deep.equal({
        written: { failure, outcome },
        calls: ['keep', 'fail', ['read', ['x']], ...(state === 'failed' ? [['settle', ['x']]] : [])],
      });
      expect((await write({ failure }, [[]], rows)).written).to.equal(undefined);
    }
  });

  it('that is a failure is that of the table if an answer was lost, for the last claim alone', async () => {
    const retried = { failure, outcome: 'retrying' };
    for (const [changes, written] of [
      [{ state: 'retry' }, retried],
      [{ state: 'failed' }, { failure, outcome: 'failed' }],
      [{ state: 'completed' }, undefined],
      [{ state: 'active' }, undefined],
      [{ state: 'retry', attempt: 2 }, undefined],
      [{ state: 'retry', at: '6' }, undefined],
    ] as const)
      expect(await write({ failure }, [['x'], lost, []], [{ ...row, ...changes }])).to.deep.equal({
        written,
        calls: ['keep', 'fail', 'keep', ['read', ['x']]],
      });
    expect((await write({ failure }, [['x'], lost, []], [])).written).to.equal(undefined);
  });

  it('that is released lets other workers claim the job', async () => {
    const rows = [{ ...row, state: 'retry' }];
    expect(await write({ released: failure }, [['x']], rows)).to.deep.equal({
      written: { failure, outcome: 'retrying' },
      calls: ['release', 'work q', ['read', ['x']]],
    });
    // No value can be the reason of a refusal.
    expect((await write({ released: failure }, [refused, ['x']], rows)).calls).to.deep.equal([
      ...['release', 'release', 'work q'],
      ['read', ['x']],
    ]);
  });

  it('that the server refuses is the failure of its job', async () => {
    const { written } = await write(
      { output: {}, json: '{}' },
      [refused, ['x'], { settled: ['x'] }],
      [{ ...row, state: 'retry' }],
    );
    expect(written).to.deep.equal({
      failure: { name: 'Error', message: 'stack depth limit exceeded' },
      outcome: 'retrying',
    });
  });

  it('is refused alone, and those that were to be written with it are written', async () => {
    const attempts = ['a', 'b', 'c'].map((id) => ({
      own: { id, retryCount: 0 },
      result: { output: { value: id }, json: `{"value":"${id}"}` },
      awaited: id !== 'a',
    }));
    const answers = [refused, [{ id: 'a' }], refused, refused, ['b'], { settled: ['b'] }, [{ id: 'c' }]];
    const { written, statements } = await writeAll(attempts, answers, [{ ...row, id: 'b', state: 'failed' }]);
    expect(written).to.deep.equal([
      { output: { value: 'a' }, notified: false },
      { failure: { name: 'Error', message: refused.message }, outcome: 'failed' },
      { output: { value: 'c' }, notified: false },
    ]);
    const messageOf = (...ids: string[]) => ({ queue: 'q', ended: ids.map((job) => ({ job, attempt: 1 })) });
    expect(statements).to.deep.equal([
      ['complete', 'q', 'a,b,c', messageOf('b', 'c')],
      ['complete', 'q', 'a', false],
      ['complete', 'q', 'b,c', messageOf('b', 'c')],
      ['complete', 'q', 'b', messageOf('b')],
      ['keep', 'q', 'b', false],
      ['fail', 'q', 'b', { name: 'Error', message: refused.message }],
      ['complete', 'q', 'c', messageOf('c')],
    ]);
  });

  it('is written with all equal failures, but not with final ones, or too long ones', async () => {
    const attempts = [{ failure }, { failure, final: true }, { failure: { ...failure } }].map((result, n) => ({
      own: { id: `${n}`, retryCount: 0 },
      result,
    }));
    const answers = [['0', '2'], ['1'], { settled: ['0', '2'] }, { settled: ['1'] }];
    expect((await writeAll(attempts, answers)).statements).to.deep.equal([
      ['keep', 'q', '0,2', false],
      ['keep', 'q', '1', true],
      ['fail', 'q', '0,2', failure],
      ['fail', 'q', '1', failure],
    ]);
    const long = { result: { output: {}, json: 'x'.repeat(3_000_000) } };
    expect((await writeAll([long, long], [[], []])).calls).to.deep.equal(['complete', 'complete']);
  });

  it('that is a failure is in plain letters if the database cannot store its own', async () => {
    const odd = { name: 'Ошибка', message: 'no “😀” ~' };
    const plain = { name: '??????', message: 'no ??? ~' };
    const { written, statements } = await writeAll(
      [{ result: { failure: odd } }],
      [['x'], refused, { settled: ['x'] }],
      [{ ...row, state: 'retry' }],
    );
    expect(written).to.deep.equal([{ failure: plain, outcome: 'retrying' }]);
    expect(statements.slice(1)).to.deep.equal([
      ['fail', 'q', 'x', odd],
      ['fail', 'q', 'x', plain],
    ]);
    expect((await write({ failure }, [['x'], refused, refused])).written).to.equal(refused);
  });

  it('is not written without a connection while the fleet is closed', async () => {
    const completion = { result: { output: {}, json: '{}' } };
    expect(await writeAll([completion], [lost], [], true)).to.deep.include({ written: [lost], calls: ['complete'] });
  });
});
