import { expect } from 'chai';
import {
  checkHistory,
  type FleetHistory,
  type Grant,
  type HistoryEntry,
  type RecordedEntry,
  type StoredJob,
} from '../helpers/fleet-history.js';

/** A job that was submitted by `a`, and run by `b`, as it should be. */
const regular: readonly RecordedEntry[] = entries(
  ['a', { type: 'enqueued', job: '1', queue: 'work', n: 1 }],
  ['b', { type: 'started', job: '1', attempt: 1 }],
  ['b', { type: 'completed', job: '1', attempt: 1, value: 'x' }],
  ['a', { type: 'result', job: '1', value: 'x' }],
);
const jobs: readonly StoredJob[] = [{ id: '1', state: 'completed', output: { value: 'x' } }];

/** Creates entries, one in each ms. */
function entries(...list: (readonly [by: string, entry: HistoryEntry])[]): RecordedEntry[] {
  return list.map(([by, entry], at) => ({ ...entry, at, by }));
}

function faultsOf(history: Partial<FleetHistory>): string[] {
  return checkHistory({ entries: regular, jobs, grants: [], ...history });
}

function grant(fields: Partial<Grant>): Grant {
  return { slot: 2, member: 'b', lastSlot: 1, lastMember: 'a', free: true, ...fields };
}

describe('The history of a fleet', () => {
  it('has no fault if each job has one stored result', () => {
    expect(faultsOf({})).to.deep.equal([]);
  });

  it('shows an acknowledged job that is lost, or never started', () => {
    expect(faultsOf({ jobs: [] })).to.include('job 1 is missing, but was acknowledged');
    const [enqueued] = regular;
    expect(enqueued && faultsOf({ entries: [enqueued] })).to.deep.equal([
      'job 1 was acknowledged, but never started',
      'the submitter of 1 got no result',
    ]);
  });

  it('shows a result that was reported and is not the stored one', () => {
    expect(faultsOf({ jobs: [{ id: '1', state: 'completed', output: { value: 'y' } }] })).to.deep.equal([
      'job 1 has the result "y", but "x" was reported as completed',
      'job 1 has the result "y", but "x" was received by its submitter',
    ]);
  });

  it('shows a job that is reported as completed twice, and an attempt that starts twice', () => {
    expect(faultsOf({ entries: [...regular, ...regular.slice(2, 3)] })).to.deep.equal([
      'job 1 was reported as completed twice',
    ]);
    expect(faultsOf({ entries: [...regular, ...regular.slice(1, 2)] })).to.deep.equal([
      'attempt 1 1 has started twice',
    ]);
  });

  it('shows a slot that runs twice, and one that begins during a slot of another process', () => {
    const twice = entries(
      ['a', { type: 'slot', slot: 1 }],
      ['a', { type: 'slot-ended', slot: 1 }],
      ['b', { type: 'slot', slot: 1 }],
    );
    expect(faultsOf({ entries: [...regular, ...twice] })).to.deep.equal(['slot 1 has run twice']);
    const during = entries(['a', { type: 'slot', slot: 1 }], ['b', { type: 'slot', slot: 2 }]);
    expect(faultsOf({ entries: [...regular, ...during] })).to.deep.equal(['slot 2 of b began during slot 1 of a']);
    const stalled: RecordedEntry = { type: 'stalled', since: 0, at: 9, by: 'a' };
    expect(faultsOf({ entries: [...regular, ...during, stalled] })).to.deep.equal([]);
    const killed = entries(
      ['a', { type: 'slot', slot: 1 }],
      ['a', { type: 'killed' }],
      ['b', { type: 'slot', slot: 2 }],
    );
    expect(faultsOf({ entries: [...regular, ...killed] })).to.deep.equal([]);
  });

  it('shows a lease that was granted during another one, or for an earlier slot', () => {
    expect(faultsOf({ grants: [grant({})] })).to.deep.equal([]);
    expect(faultsOf({ grants: [grant({ free: false })] })).to.deep.equal(['slot 2 was granted during another lease']);
    expect(faultsOf({ grants: [grant({ free: false, lastMember: 'b' })] })).to.deep.equal([]);
    expect(faultsOf({ grants: [grant({ lastSlot: 2 })] })).to.deep.equal(['slot 2 was granted after slot 2']);
  });

  it('shows an error that nobody has handled', () => {
    const unhandled = entries(['a', { type: 'unhandled', error: 'TypeError: x' }]);
    expect(faultsOf({ entries: [...regular, ...unhandled] })).to.deep.equal(['a: unhandled TypeError: x']);
  });
});
