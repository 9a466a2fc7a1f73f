import { expect } from 'chai';
import type { AcknowledgedJob, HistoryEntry, RecordedEntry } from '../helpers/history/entries.js';
import { groupConcurrency, rate } from '../helpers/history/queue-limits.js';
import { changes, entries, faultsAmong, faultsOf, regular, regularJob } from '../helpers/history/sample-history.js';

/** Returns an entry of a process that ends before it gets the result. */
function enqueued(job: Partial<AcknowledgedJob>): HistoryEntry {
  return { type: 'enqueued', job: '1', queue: 'keyed', n: 1, since: 0, ...job };
}

/** Returns the faults that concern keys, of jobs that are otherwise unknown. */
function keyFaultsOf(calls: RecordedEntry[], keyed: Parameters<typeof changes>[0][]): string[] {
  const withKey = keyed.map((change) => ({ key: 'k', queue: 'keyed', ...change }));
  return faultsAmong({ entries: calls, changes: changes(...withKey) }).filter((fault) => /its? key/.test(fault));
}

describe('The history of the queues of a fleet', () => {
  it('shows a job that is inserted while another one with its key waits', () => {
    const inserted = [
      { job: '1', state: 'created' },
      { job: '2', state: 'created' },
    ] as const;
    const fault = 'job 2 was inserted while job 1 with its key waited';
    expect(keyFaultsOf([], [...inserted])).to.deep.equal([fault]);
    expect(keyFaultsOf([], [inserted[0], { job: '1', state: 'active' }, inserted[1]])).to.deep.equal([]);
    expect(keyFaultsOf([], [inserted[0], { job: '2', state: 'created', key: 'other' }])).to.deep.equal([]);
    const retried = [inserted[0], { job: '1', state: 'active' }, { job: '1', state: 'retry' }, inserted[1]];
    const calls = (since: number) =>
      entries(['b', { type: 'retrying', job: '1', attempt: 1 }], ['a', enqueued({ job: '2', since })]);
    expect(keyFaultsOf(calls(1), retried)).to.deep.equal([fault]);
    // The call may have come before the retry.
    expect(keyFaultsOf(calls(0), retried)).to.deep.equal([]);
  });

  it('shows a job that is inserted within the window of its key', () => {
    const calls = entries(
      ['a', enqueued({ since: 0, keyWindow: 100 })],
      ['a', enqueued({ job: '2', since: 50, keyWindow: 100 })],
    );
    const inserted = (at: number) => [
      { job: '1', state: 'created', at: 1 },
      { job: '1', state: 'active', at: 2 },
      { job: '2', state: 'created', at },
    ];
    expect(keyFaultsOf(calls, inserted(99))).to.deep.equal([
      'job 2 was inserted 99 ms after job 1, within the window of its key',
    ]);
    expect(keyFaultsOf(calls, inserted(100))).to.deep.equal([]);
  });

  it('shows a job that is returned for its key although it has started', () => {
    const started = { type: 'started', job: '1', attempt: 1, at: 10, by: 'b' } as const;
    const call = (since: number, keyWindow: number): RecordedEntry => {
      return { ...enqueued({ since, keyWindow }), at: 30, by: 'a' };
    };
    const claimed = [
      { job: '1', state: 'created' },
      { job: '1', state: 'active' },
    ];
    const fault = 'job 1 was returned for its key, but it had started before';
    expect(keyFaultsOf([started, call(20, 10)], claimed)).to.deep.equal([fault]);
    expect(keyFaultsOf([started, call(20, 21)], claimed)).to.deep.equal([]);
    expect(keyFaultsOf([started, call(9, 0)], claimed)).to.deep.equal([]);
    expect(keyFaultsOf([started, call(20, 0)], [...claimed, { job: '1', state: 'retry', at: 25 }])).to.deep.equal([]);
  });

  it('shows more active jobs of a group than its limit', () => {
    const claims = Array.from({ length: groupConcurrency + 1 }, (_, n) => {
      return { job: String(n), state: 'active', group: 'a', queue: 'limited' };
    });
    expect(faultsAmong({ changes: changes(...claims) })).to.deep.equal([
      'job 2 was claimed while 2 jobs of group a were active',
    ]);
    for (const end of [{ state: 'completed' }, { state: null }, { state: 'retry' }])
      expect(
        faultsAmong({
          changes: changes(...claims.slice(0, 2), { ...claims[0], job: '0', ...end }, ...claims.slice(2)),
        }),
      ).to.deep.equal([]);
    const others = claims.map((claim, n) => ({ ...claim, group: String(n) }));
    expect(faultsAmong({ changes: changes(...others) })).to.deep.equal([]);
  });

  it('shows more claims than a rate allows', () => {
    const claims = (lastAt: number) =>
      Array.from({ length: rate.jobs + 1 }, (_, n) => {
        return { job: String(n), state: 'active', queue: 'limited', at: n === rate.jobs ? lastAt : 0 };
      });
    const per = 500;
    expect(faultsAmong({ changes: changes(...claims(per - 1)) })).to.deep.equal([
      'job 8 was claimed 499 ms after the 8th before it',
    ]);
    expect(faultsAmong({ changes: changes(...claims(per)) })).to.deep.equal([]);
  });

  it('shows a job that is claimed before its time', () => {
    const [asked, ...others] = regular;
    const due = (at: number) => [{ ...asked, due: at } as RecordedEntry, ...others];
    expect(faultsOf({ entries: due(1) })).to.deep.equal([]);
    expect(faultsOf({ entries: due(2) })).to.deep.equal(['job 1 was claimed 1 ms before its time']);
    const promoted: RecordedEntry = { type: 'called', call: 'promote', job: '1', at: 0, by: 'a' };
    expect(faultsOf({ entries: [...due(2), promoted] })).to.deep.equal([]);
  });

  it('shows a delayed job that does not run after it was promoted', () => {
    const delayed: RecordedEntry = { ...enqueued({ queue: 'work', due: 3_600_000 }), at: 0, by: 'a' };
    const killed: RecordedEntry = { type: 'killed', at: 9, by: 'a' };
    const promoted: RecordedEntry = { type: 'called', call: 'promote', job: '1', at: 1, by: 'a' };
    const jobs = [{ ...regularJob, state: 'created' }];
    expect(faultsAmong({ entries: [delayed, killed], jobs })).to.deep.equal([]);
    expect(faultsAmong({ entries: [delayed, promoted, killed], jobs })).to.deep.equal([
      'job 1 was acknowledged, but never started',
      'job 1 is created, but was acknowledged',
    ]);
  });

  it('shows a claim of a paused queue', () => {
    const pausedFrom = (...later: RecordedEntry[]): RecordedEntry[] => [
      { type: 'pausing', queue: 'pausable', at: 0, by: 'a' },
      { type: 'paused', queue: 'pausable', at: 10, by: 'a' },
      ...later,
    ];
    const resumed: RecordedEntry[] = [
      { type: 'resuming', queue: 'pausable', at: 20, by: 'a' },
      { type: 'resumed', queue: 'pausable', at: 30, by: 'a' },
    ];
    const claimedAt = (begun: number) =>
      changes({ job: '1', state: 'active', queue: 'pausable', attempt: 1, at: begun + 5, begun });
    const fault = 'job 1 was claimed while its queue was paused';
    expect(faultsAmong({ entries: pausedFrom(...resumed), changes: claimedAt(11) })).to.deep.equal([fault]);
    for (const begun of [10, 20, 40])
      expect(faultsAmong({ entries: pausedFrom(...resumed), changes: claimedAt(begun) })).to.deep.equal([]);
    expect(faultsAmong({ entries: pausedFrom(), changes: claimedAt(40) })).to.deep.equal([fault]);
    // The resume of another process may have come after the pause.
    const resuming: RecordedEntry = { type: 'resuming', queue: 'pausable', at: 5, by: 'b' };
    expect(faultsAmong({ entries: pausedFrom(resuming), changes: claimedAt(11) })).to.deep.equal([]);
    const killed: RecordedEntry = { type: 'killed', at: 0, by: 'b' };
    const before: RecordedEntry = { ...resuming, at: -1 };
    expect(faultsAmong({ entries: [before, killed, ...pausedFrom()], changes: claimedAt(11) })).to.deep.equal([fault]);
  });

  it('shows a job without its order, an order without its job, and a job that was rolled back', () => {
    const inserted = changes({ job: '1', state: 'created' }, { job: '2', state: 'created' });
    const ordered = entries(['a', { type: 'ordered', jobs: ['1', '2'] }]);
    expect(faultsAmong({ entries: ordered, changes: inserted, orders: ['1', '2'] })).to.deep.equal([]);
    expect(faultsAmong({ entries: ordered, changes: [], orders: [] })).to.deep.equal([]);
    expect(faultsAmong({ entries: ordered, changes: inserted, orders: ['1'] })).to.deep.equal([
      'job 2 exists without its order',
    ]);
    expect(faultsAmong({ entries: ordered, changes: inserted.slice(0, 1), orders: ['1', '2'] })).to.deep.equal([
      'job 2 is missing, but has its order',
    ]);
    const rolledBack = entries(['a', { type: 'rolled-back', jobs: ['1', '2'] }]);
    expect(faultsAmong({ entries: rolledBack, changes: inserted.slice(1) })).to.deep.equal([
      'job 2 exists, but was rolled back',
    ]);
  });

  it('shows an answer to a call that is not what happened to the job', () => {
    const answered = (call: 'cancel' | 'remove' | 'promote' | 'retry', done: boolean) =>
      entries(['a', { type: 'called', call, job: '1' }], ['a', { type: 'answered', call, job: '1', done }]);
    const delayed = changes({ job: '1', state: 'created' });
    for (const call of ['cancel', 'remove', 'promote'] as const)
      expect(faultsAmong({ entries: answered(call, false), changes: delayed, jobs: [regularJob] })).to.deep.equal([
        `${call} of job 1 was refused, but it never started`,
      ]);
    expect(faultsOf({ entries: [...regular, ...answered('cancel', false)] })).to.deep.equal([]);
    expect(faultsOf({ entries: [...regular, ...answered('cancel', true)] })).to.deep.equal([
      'job 1 is completed, but was cancelled',
    ]);
    expect(faultsOf({ entries: [...regular, ...answered('remove', true)] })).to.deep.equal([
      'job 1 is completed, but was removed',
    ]);
    expect(faultsOf({ entries: [...regular, ...answered('retry', true)] })).to.deep.equal([
      'job 1 did not run again after its retry',
    ]);
    expect(faultsOf({ entries: [...regular, ...answered('retry', false)] })).to.deep.equal([
      'retry of job 1 was refused, but it had failed',
    ]);
    const cancelled = { ...regularJob, state: 'cancelled', output: null };
    expect(faultsOf({ entries: answered('cancel', false), jobs: [cancelled] })).to.deep.equal([
      'cancel of job 1 was refused, but it is cancelled',
    ]);
    expect(faultsOf({ entries: answered('remove', false), jobs: [] })).to.deep.equal([
      'remove of job 1 was refused, but it is missing',
    ]);
  });

  it('shows a job that runs again after an unrecoverable error, unless its process has lost it', () => {
    const claims = changes(
      { job: '1', state: 'active', queue: 'doomed' },
      { job: '1', state: 'active', queue: 'doomed', attempt: 2 },
    );
    const run = (...between: RecordedEntry[]): RecordedEntry[] => [
      { type: 'started', job: '1', attempt: 1, at: 0, by: 'b' },
      ...between,
      { type: 'started', job: '1', attempt: 2, at: 20, by: 'c' },
    ];
    const fault = 'job 1 ran again after an unrecoverable error';
    expect(faultsAmong({ entries: run(), changes: claims })).to.deep.equal([fault]);
    for (const excuse of [
      { type: 'lost', job: '1', attempt: 1 },
      { type: 'killed' },
      { type: 'closing' },
      { type: 'called', call: 'retry', job: '1' },
    ] as const)
      expect(faultsAmong({ entries: run({ ...excuse, at: 10, by: 'b' }), changes: claims })).to.deep.equal([]);
    expect(faultsAmong({ entries: [...run(), { type: 'killed', at: 30, by: 'b' }], changes: claims })).to.deep.equal([
      fault,
    ]);
  });
});
