import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import sinon from 'sinon';
import type { JobEventChannel } from '../../lib/fleet/job-event-channel.js';
import { JobResults } from '../../lib/fleet/job-results.js';
import { collect } from '../helpers/collect.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const key = { queue: 'q', job: 'x' };

describe('The result that a process waits for', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Waits for the result of a job whose row, and whose absence, are answered by a function. */
  function wait(state: { row?: object | undefined; undone?: boolean; onMissing?: () => void }) {
    const marks: unknown[] = [];
    let reads = 0;
    const database = fakeDatabase((sql, values) => {
      if (sql.includes('read_jobs')) {
        reads++;
        return Promise.resolve({ rows: state.row ? [{ queue: 'q', id: 'x', retryCount: 0, ...state.row }] : [] });
      }
      marks.push((values[2] as unknown[])[0]);
      state.onMissing?.();
      return Promise.resolve({ rows: state.row ? [] : [{ ...key, undone: state.undone === true }] });
    });
    const messages$ = new Subject<unknown>();
    const events = { messages$, missed$: NEVER, ends$: NEVER } as unknown as JobEventChannel;
    const results = new JobResults(database, events);
    return { results, texts: textsOf(results, key.job), marks, messages$, reads: () => reads };
  }

  /** Creates the results of a process. The jobs that it reads are answered by a table, after 10 ms. */
  function open() {
    const table = new Map<string, object>();
    const reads: string[][] = [];
    let refused = false;
    const database = fakeDatabase(async (sql, [, jobs]) => {
      if (!sql.includes('read_jobs')) return { rows: [] };
      if (refused) {
        refused = false;
        throw Object.assign(new Error('invalid value'), { code: '22P02' });
      }
      reads.push(jobs as string[]);
      const rows = (jobs as string[]).flatMap((id) => {
        const row = table.get(id);
        return row ? [{ queue: 'q', id, retryCount: 0, ...row }] : [];
      });
      await new Promise((resolve) => setTimeout(resolve, 10));
      return { rows };
    });
    database.events$.subscribe();
    const messages$ = new Subject<object>();
    const ends$ = new Subject<object>();
    const events = { messages$, missed$: NEVER, ends$ } as unknown as JobEventChannel;
    const results = new JobResults(database, events);
    const end = (job: string, event: object) => ends$.next({ queue: 'q', job, ...event });
    return { results, table, reads, messages$, ends$, end, refuse: () => void (refused = true) };
  }

  /** Subscribes to the result of a job. Returns an array that grows with its values, and with its error. */
  function textsOf(results: JobResults, job: string): string[] {
    const texts: string[] = [];
    results.of({ queue: 'q', job }).subscribe({
      next: (value) => texts.push(String(value)),
      error: (error: unknown) => texts.push(String(error)),
      complete: () => texts.push('complete'),
    });
    return texts;
  }

  it('fails if the job was deleted, but not before it is known to have been in the table', async () => {
    const { results, texts, marks } = wait({});
    await clock.tickAsync(5000);
    expect([texts, marks]).to.deep.equal([[], []]);
    results.confirm(key);
    await clock.tickAsync(5000);
    expect([texts, marks]).to.deep.equal([['JobDeletedError: A job of q was deleted: x'], [undefined]]);
    await clock.tickAsync(5000);
    expect(marks.length).to.equal(1);
    results.close(new Error('closed'));
  });

  it('is waited for on, and its job inserted again, if a crash of the server has undone the insertion', async () => {
    const state: { row?: object; undone: boolean } = { undone: true };
    const { results, texts, marks } = wait(state);
    let undone = 0;
    results.confirm(key, { mark: 'm1', onUndone: () => undone++ });
    await clock.tickAsync(5000);
    expect([undone, texts, marks]).to.deep.equal([1, [], ['m1']]);
    // It is not in the table for now.
    await clock.tickAsync(5000);
    expect([undone, marks.length]).to.deep.equal([1, 1]);
    results.confirm(key, { mark: 'm2', onUndone: () => undone++ });
    state.row = { state: 'completed', output: { value: 7 } };
    await clock.tickAsync(5000);
    expect([undone, texts]).to.deep.equal([1, ['7', 'complete']]);
    results.close(new Error('closed'));
  });

  it('does not fail if its job was inserted again while the answer was on its way', async () => {
    for (const undone of [true, false]) {
      let insertions = 0;
      const state = { undone, onMissing: () => undefined as void };
      const { results, texts } = wait(state);
      results.confirm(key, { mark: 'm1', onUndone: () => insertions++ });
      state.onMissing = () => results.confirm(key, { mark: 'm2', onUndone: () => insertions++ });
      await clock.tickAsync(5000);
      expect([insertions, texts]).to.deep.equal([0, []]);
      results.close(new Error('closed'));
    }
  });

  it('is on disk a minute after its insertion, which no crash undoes any more', async () => {
    const state: { row?: object | undefined; undone: boolean } = { undone: true, row: { state: 'active' } };
    const { results, texts, marks } = wait(state);
    let undone = 0;
    results.confirm(key, { mark: 'm1', onUndone: () => undone++ });
    await clock.tickAsync(65_000);
    Object.assign(state, { row: undefined, undone: false });
    await clock.tickAsync(5000);
    expect([undone, texts, marks]).to.deep.equal([0, ['JobDeletedError: A job of q was deleted: x'], [undefined]]);
    results.close(new Error('closed'));
  });

  it('is not on disk within a minute of its insertion, although it was read from the table', async () => {
    await clock.tickAsync(40_000);
    const state: { row?: object | undefined; undone: boolean } = { undone: true, row: { state: 'active' } };
    const { results, texts, marks } = wait(state);
    let undone = 0;
    results.confirm(key, { mark: 'm1', onUndone: () => undone++ });
    await clock.tickAsync(5000);
    state.row = undefined;
    await clock.tickAsync(5000);
    expect([undone, texts, marks]).to.deep.equal([1, [], ['m1']]);
    results.close(new Error('closed'));
  });

  it('is waited for on if its job is in the table again when its absence is examined', async () => {
    const { results, reads, table } = open();
    const texts = textsOf(results, 'x');
    results.confirm(key);
    await clock.tickAsync(5010);
    expect([reads.length, texts]).to.deep.equal([1, []]);
    table.set('x', { state: 'completed', output: { value: 7 } });
    await clock.tickAsync(5010);
    expect(texts).to.deep.equal(['7', 'complete']);
    results.close(new Error('closed'));
  });

  it('is that of an event in this process', async () => {
    const { results, reads, table, ends$, end } = open();
    const failure = { name: 'E', message: 'no' };
    table.set('read', { state: 'completed', output: { value: 'from the table' } });
    const ends: [string, object, string[]][] = [
      ['output', { type: 'completed', output: { value: 7 } }, ['7', 'complete']],
      ['failed', { type: 'failed', failure }, ['JobError: A job of q failed: E: no']],
      ['cancelled', { type: 'cancelled' }, ['JobCancelledError: A job of q was cancelled: cancelled']],
      ['read', { type: 'completed' }, ['from the table', 'complete']],
      ['retrying', { type: 'retrying', failure }, []],
    ];
    const texts = ends.map(([job]) => textsOf(results, job));
    for (const [job, event] of ends) {
      end('another', event);
      end(job, event);
    }
    expect(texts).to.deep.equal(ends.map(([job, , expected]) => (job === 'read' ? [] : expected)));
    expect(reads).to.deep.equal([]);
    await clock.tickAsync(10);
    expect(texts).to.deep.equal(ends.map(([, , expected]) => expected));
    expect(reads).to.deep.equal([['read']]);
    expect(ends$.observed).to.equal(true);
    end('retrying', { type: 'cancelled' });
    expect(ends$.observed).to.equal(false);
    // Those of later subscribers, too.
    const later = textsOf(results, 'output');
    end('output', { type: 'completed', output: { value: 8 } });
    expect(later).to.deep.equal(['8', 'complete']);
    results.close(new Error('closed'));
  });

  it('is read at each interval until it has one, in batches of 500', async () => {
    const { results, reads, table } = open();
    const texts = Array.from({ length: 501 }, (_, n) => textsOf(results, `${n}`));
    await clock.tickAsync(5020);
    expect(reads.map((jobs) => jobs.length)).to.deep.equal([500, 1]);
    for (let n = 1; n <= 500; n++) table.set(`${n}`, { state: n === 1 ? 'cancelled' : 'completed', output: null });
    await clock.tickAsync(5020);
    expect([texts[0], texts[1], texts[500]]).to.deep.equal([
      [],
      ['JobCancelledError: A job of q was cancelled: 1'],
      ['undefined', 'complete'],
    ]);
    await clock.tickAsync(5020);
    expect(reads.slice(4)).to.deep.equal([['0']]);
    table.set('0', { state: 'completed', output: null });
    await clock.tickAsync(20_000);
    expect(reads.length).to.equal(6);
    results.close(new Error('closed'));
  });

  it('is read again soon after an error of the server, whatever that is', async () => {
    const { results, table, refuse } = open();
    table.set('x', { state: 'completed', output: { value: 7 } });
    refuse();
    const texts = textsOf(results, 'x');
    await clock.tickAsync(5500);
    expect(texts).to.deep.equal(['7', 'complete']);
    results.close(new Error('closed'));
  });

  it('is read although another row is none of a job', async () => {
    const { results, table } = open();
    table.set('x', { state: 'completed', output: { value: 7 } });
    table.set('y', { state: 8 });
    const texts = ['y', 'x'].map((job) => textsOf(results, job));
    await clock.tickAsync(5010);
    expect(texts).to.deep.equal([[], ['7', 'complete']]);
    results.close(new Error('closed'));
  });

  it('reaches all its subscribers except those that have unsubscribed', async () => {
    const { results, reads, end, ends$ } = open();
    const left: unknown[] = [];
    const [first, second] = [results.of(key).subscribe((value) => left.push(value)), results.of(key).subscribe()];
    const texts = textsOf(results, 'x');
    first.unsubscribe();
    second.unsubscribe();
    end('x', { type: 'completed', output: { value: 7 } });
    expect([texts, left]).to.deep.equal([['7', 'complete'], []]);
    const last = results.of(key).subscribe();
    expect(ends$.observed).to.equal(true);
    last.unsubscribe();
    expect(ends$.observed).to.equal(false);
    // Nobody waits for this job any more.
    results.confirm(key);
    await clock.tickAsync(10_000);
    expect(reads).to.deep.equal([]);
    results.close(new Error('closed'));
  });

  it('reaches a subscriber that came while the answer to an earlier one was on its way', async () => {
    const { results, table } = open();
    table.set('x', { state: 'completed', output: { value: 7 } });
    const subscription = results.of(key).subscribe();
    await clock.tickAsync(5005);
    subscription.unsubscribe();
    const texts = textsOf(results, 'x');
    await clock.tickAsync(5);
    expect(texts).to.deep.equal([]);
    await clock.tickAsync(5010);
    expect(texts).to.deep.equal(['7', 'complete']);
    results.close(new Error('closed'));
  });

  it('can be looked up in the table, while somebody waits for it', async () => {
    const { results, reads, table } = open();
    const isThere = async () => {
      const answer = results.poll(key);
      await clock.tickAsync(10);
      return answer;
    };
    expect([await isThere(), reads]).to.deep.equal([true, []]);
    const texts = textsOf(results, 'x');
    expect([await isThere(), reads, texts]).to.deep.equal([false, [['x']], []]);
    table.set('x', { state: 'completed', output: { value: 7 } });
    expect([await isThere(), texts]).to.deep.equal([true, ['7', 'complete']]);
    results.close(new Error('closed'));
  });

  it('is read at once at a message after one that was true, and 50 ms later after those that were not', async () => {
    const { results, reads, table, messages$ } = open();
    const completed = { state: 'completed', output: null };
    for (const job of ['a', 'b', 'c', 'd']) textsOf(results, job);
    const send = (...jobs: string[]) => {
      for (const job of jobs) messages$.next({ type: 'completed', queue: 'q', job });
    };
    table.set('a', completed);
    send('a', 'b');
    await clock.tickAsync(5);
    send('c');
    await clock.tickAsync(5);
    expect(reads).to.deep.equal([['a', 'b'], ['c']]);
    await clock.tickAsync(5);
    send('d');
    await clock.tickAsync(54);
    expect(reads.length).to.equal(2);
    await clock.tickAsync(1);
    expect(reads.slice(2)).to.deep.equal([['d']]);
    results.close(new Error('closed'));
  });

  it('is read at a message about its end, and those about other jobs have no effect', async () => {
    const { results, texts, messages$, reads } = wait({
      row: { state: 'failed', output: { name: 'E', message: 'no' } },
    });
    for (const message of [
      { type: 'started', ...key },
      { type: 'completed', queue: 'q', job: 'y' },
    ])
      messages$.next(message);
    await clock.tickAsync(100);
    expect(reads()).to.equal(0);
    messages$.next({ type: 'failed', ...key });
    await clock.tickAsync(0);
    expect([reads(), texts]).to.deep.equal([1, ['JobError: A job of q failed: E: no']]);
    results.close(new Error('closed'));
  });

  it('fails at the close, as do all later ones', async () => {
    const { results, texts, reads } = wait({});
    results.close(new Error('closed'));
    expect([texts, collect(results.of(key)).map(String)]).to.deep.equal([['Error: closed'], ['Error: closed']]);
    await clock.tickAsync(10_000);
    expect([reads(), clock.countTimers()]).to.deep.equal([0, 0]);
  });
});
