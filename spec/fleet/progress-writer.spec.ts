import { expect } from 'chai';
import sinon from 'sinon';
import { ProgressWriter } from '../../lib/fleet/progress-writer.js';
import { warningsDuring } from '../helpers/collect.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The last progress of a job', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  const progressOf = (job: string, value = job) => ({ queue: 'q', job, attempt: 1, value });

  /** Creates a writer whose statements take 10 ms. The server refuses the values `bad`. */
  function create({ onAnswer = (): unknown => undefined, code = '22P02' } = {}) {
    const statements: unknown[] = [];
    const deletions: number[] = [];
    const stored: string[] = [];
    const errors: string[] = [];
    const database = fakeDatabase(async (sql, [, jobs, , json]) => {
      if (sql.startsWith('delete')) {
        deletions.push(Date.now());
        return { rows: [] };
      }
      const values = JSON.parse(json as string) as string[];
      statements.push(jobs);
      await new Promise((resolve) => setTimeout(resolve, 10));
      onAnswer();
      if (values.includes('bad')) throw Object.assign(new Error('refused'), { code });
      return { rows: [] };
    });
    database.events$.subscribe((event) => event.type === 'degraded' && errors.push(event.what));
    const writer = new ProgressWriter(database);
    const report = (job: string, value?: string) =>
      writer.add(progressOf(job, value), () => stored.push(`${job}: ${value ?? job}`));
    return { writer, report, statements, deletions, stored, errors, database };
  }

  /** Whether a promise is settled without the passing of time. */
  async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
    let settled = false;
    void promise?.then(() => (settled = true));
    await clock.tickAsync(0);
    return settled;
  }

  it('is stored with the next statement at its end, although other jobs report theirs during each', async () => {
    const { writer, report, statements, stored } = create({
      onAnswer: () => statements.length < 10 && report(`other ${statements.length}`),
    });
    report('first');
    const first = writer.settle(progressOf('first'));
    report('last');
    const last = writer.settle(progressOf('last'));
    await clock.tickAsync(20);
    await last;
    expect(statements.slice(0, 2)).to.deep.equal([['first'], ['last', 'other 1']]);
    expect(stored).to.include('last: last');
    await first;
    const all = writer.flush();
    await clock.tickAsync(100);
    await all;
    expect(statements.length).to.equal(10);
  });

  it('replaces those before it, and is stored 250 ms after the last statement began', async () => {
    const { report, statements, stored } = create();
    report('a');
    await clock.tickAsync(0);
    expect([statements, stored]).to.deep.equal([[['a']], []]);
    await clock.tickAsync(10);
    report('a', '1');
    report('b');
    report('a', '2');
    await clock.tickAsync(239);
    expect([statements.length, stored]).to.deep.equal([1, ['a: a']]);
    await clock.tickAsync(1);
    expect(statements).to.deep.equal([['a'], ['a', 'b']]);
    await clock.tickAsync(10_000);
    expect(stored).to.deep.equal(['a: a', 'a: 2', 'b: b']);
    expect([statements.length, clock.countTimers()]).to.deep.equal([2, 0]);
  });

  it('is stored by a later statement if it is reported during one', async () => {
    const { writer, report, statements, stored } = create();
    report('a');
    await clock.tickAsync(5);
    report('a', 'later');
    await clock.tickAsync(5);
    expect([statements.length, stored]).to.deep.equal([1, ['a: a']]);
    await clock.tickAsync(250);
    expect(stored).to.deep.equal(['a: a', 'a: later']);
    expect(writer.settle(progressOf('a'))).to.equal(undefined);
  });

  it('is stored by a timer that Node does not warn of', async () => {
    clock.restore();
    const { writer, report, stored } = create();
    const warnings = await warningsDuring(() => {
      report('a');
      return writer.flush();
    });
    expect([warnings, stored]).to.deep.equal([[], ['a: a']]);
  });

  it('is not stored after it was dropped, while that of other jobs is', async () => {
    const { writer, report, statements } = create();
    report('a');
    report('b');
    writer.drop(progressOf('a'));
    await clock.tickAsync(10);
    expect(statements).to.deep.equal([['b']]);
    report('c');
    writer.drop(progressOf('c'));
    expect(clock.countTimers()).to.equal(0);
    await clock.tickAsync(1000);
    expect(statements.length).to.equal(1);
  });

  it('is waited for at the end of its job alone', async () => {
    const { writer, report } = create();
    for (const job of ['a', 'c']) report(job);
    await clock.tickAsync(1);
    const settled = writer.settle(progressOf('a'));
    expect(writer.settle(progressOf('b'))).to.equal(undefined);
    expect(await isSettled(settled)).to.equal(false);
    await clock.tickAsync(9);
    expect(await isSettled(settled)).to.equal(true);
  });

  it('is stored before a flush ends, also by the statement that has begun', async () => {
    const { writer, report, stored } = create();
    report('a');
    await clock.tickAsync(1);
    const begun = writer.flush();
    expect(await isSettled(begun)).to.equal(false);
    await clock.tickAsync(9);
    expect(await isSettled(begun)).to.equal(true);
    report('b');
    const waiting = writer.flush();
    await clock.tickAsync(10);
    expect(await isSettled(waiting)).to.equal(true);
    expect([stored, clock.countTimers()]).to.deep.equal([['a: a', 'b: b'], 0]);
    expect(await isSettled(writer.flush())).to.equal(true);
  });

  it('is stored with that of up to 500 jobs in one statement', async () => {
    const { report, statements } = create();
    for (let n = 0; n <= 500; n++) report(String(n));
    await clock.tickAsync(300);
    expect((statements as string[][]).map((jobs) => jobs.length)).to.deep.equal([500, 1]);
  });

  it('is dropped alone if the server refuses it', async () => {
    const { report, statements, stored, errors } = create();
    for (const job of ['a', 'b', 'c']) report(job, job === 'b' ? 'bad' : job);
    await clock.tickAsync(100);
    expect(statements).to.deep.equal([['a', 'b', 'c'], ['a'], ['b', 'c'], ['b'], ['c']]);
    expect(stored).to.deep.equal(['a: a', 'c: c']);
    expect(errors.join()).to.include('refused');
  });

  it('is given up by one statement if that fails after the close', async () => {
    const { report, statements, database } = create({ code: '57P01' });
    for (const job of ['a', 'b']) report(job, 'bad');
    await clock.tickAsync(5);
    await database.stopRetrying();
    await clock.tickAsync(1000);
    expect(statements).to.deep.equal([['a', 'b']]);
  });

  it('is deleted, when old, with a write, and once a minute at most', async () => {
    const { report, deletions } = create();
    for (const ms of [0, 1000, 59_000, 1, 59_999]) {
      await clock.tickAsync(ms);
      report('a');
    }
    await clock.tickAsync(10);
    expect(deletions).to.deep.equal([10, 60_260]);
  });
});
