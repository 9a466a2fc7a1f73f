import { expect } from 'chai';
import sinon from 'sinon';
import { AttemptResultWriter, type AttemptResult } from '../../lib/fleet/attempt-results.js';
import type { Claim } from '../../lib/fleet/job-store.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const lost = Object.assign(new Error('lost'), { code: 'ECONNRESET' });
const failure = { name: 'Error', message: 'no' };
const claim: Claim = { id: 'x', retryCount: 1, at: '5' };
const row = { id: 'x', attempt: 1, at: '5', state: 'completed', hasDependents: false };

describe('The result of an attempt', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /**
   * Writes a result. Returns it as it was written, and the calls to the database.
   *
   * @param answers those of the statements, one for each try. An error is that of a try.
   * @param rows the jobs in the table, if they are read.
   */
  async function write(
    result: AttemptResult,
    answers: readonly unknown[],
    rows: readonly object[] = [],
    own: Claim = claim,
  ) {
    const left = [...answers];
    const calls: unknown[] = [];
    const answer = (name: string) => {
      calls.push(name);
      const next = left.shift();
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    };
    const database = fakeDatabase((_, [, ids]) => {
      calls.push(['read', ids]);
      return Promise.resolve({ rows: [...rows] });
    });
    database.events$.subscribe();
    Object.assign(database.boss, { fail: () => answer('fail') });
    const services = {
      database,
      events: { completionsPayload: () => undefined },
      jobs: { complete: () => answer('complete'), keep: () => answer('keep'), release: () => answer('release') },
      dependents: { settleInBackground: (jobs: string[]) => jobs.length > 0 && calls.push(['settle', jobs]) },
      control: { send: ({ type }: { type: string }) => calls.push(type) },
    };
    const writer = new AttemptResultWriter({ name: 'q', services } as unknown as QueueHandle);
    const written = writer.write(own, result, false);
    await clock.tickAsync(1000);
    return { written: await written, calls };
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
      calls: ['release', 'work', ['read', ['x']]],
    });
  });

  it('that the server refuses is the failure of its job', async () => {
    const refused = Object.assign(new Error('stack depth limit exceeded'), { code: '54001' });
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
});
