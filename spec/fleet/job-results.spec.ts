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
    const texts: string[] = [];
    results.of(key).subscribe({
      next: (value) => texts.push(String(value)),
      error: (error: unknown) => texts.push(String(error)),
    });
    return { results, texts, marks, messages$, reads: () => reads };
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
    expect([undone, texts]).to.deep.equal([1, ['7']]);
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
