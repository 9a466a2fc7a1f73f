import { expect } from 'chai';
import type { Grant } from '../helpers/history/database-record.js';
import type { RecordedEntry } from '../helpers/history/entries.js';
import { changes, entries, faultsOf, regular, regularJob } from '../helpers/history/sample-history.js';

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
      'the submitter of 1 got no result',
      'job 1 was acknowledged, but never started',
    ]);
  });

  it('shows a result that was reported and is not the stored one', () => {
    expect(faultsOf({ jobs: [{ ...regularJob, output: { value: 'y' } }] })).to.deep.equal([
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

  it('shows a job with the input of another one', () => {
    expect(faultsOf({ jobs: [{ ...regularJob, n: 2 }] })).to.deep.equal(['job 1 has the input 2, but 1 was asked']);
  });

  it('shows a job that has failed, and a result that was refused', () => {
    const failed = entries(
      ['b', { type: 'failed', job: '1', error: 'Error: x' }],
      ['a', { type: 'refused', job: '1', error: 'JobError: x' }],
    );
    expect(faultsOf({ entries: [...regular, ...failed] })).to.deep.equal([
      'job 1 has failed: Error: x',
      'the result of job 1 was refused: JobError: x',
    ]);
  });

  it('shows an attempt that starts without a claim', () => {
    expect(faultsOf({ changes: changes({ job: '1', state: 'created' }) })).to.deep.equal([
      'attempt 1 1 has started without a claim',
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
    const cutOff = entries(['a', { type: 'disconnected' }]);
    const late = entries(['a', { type: 'written', error: 'Not ready after 10 s: work' }]);
    expect(faultsOf({ entries: [...regular, ...cutOff, ...late] })).to.deep.equal([]);
    expect(faultsOf({ entries: [...regular, ...late, ...cutOff] })).to.deep.equal([
      'a: written Not ready after 10 s: work',
    ]);
  });
});
