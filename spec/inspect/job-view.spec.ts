import { expect } from 'chai';
import type { JobState } from '../../lib/fleet/queue-types.js';
import { toDeadLetterView, toJobDetails, toJobView } from '../../lib/inspect/server/job-view.js';

const secret = 'ann@example.com';
const shown = { id: '1', state: 'failed', attempt: 2, priority: 3 } as const;
const failure = { name: 'RangeError', message: secret };
const waiting: JobState = { ...shown, input: { to: secret }, createdAt: new Date(10) };
const ended: JobState = {
  ...waiting,
  key: 'k',
  group: 'g',
  after: ['7'],
  output: secret,
  progress: [secret],
  failure,
  dueAt: new Date(20),
  startedAt: new Date(30),
  endedAt: new Date(40),
};

describe('The view of a job', () => {
  it('has what is known of it, with times in ms, and not its data', () => {
    expect(toJobView(waiting, true)).to.deep.equal({ ...shown, createdAt: 10 });
    expect(toJobView(ended, true)).to.deep.equal({
      ...shown,
      key: 'k',
      group: 'g',
      after: ['7'],
      failure,
      createdAt: 10,
      dueAt: 20,
      startedAt: 30,
      endedAt: 40,
    });
  });

  it('has the name of its failure alone unless data is shown', () => {
    expect(toJobView(ended, false).failure).to.deep.equal({ name: 'RangeError' });
    expect(toJobView({ ...ended, failure: { ...failure, name: secret } }, false).failure).to.deep.equal({
      name: 'Error',
    });
    const letter = { id: '5', job: '1', input: secret, at: new Date(50), failure };
    expect(toDeadLetterView(letter, true)).to.deep.equal({ id: '5', job: '1', at: 50, failure });
    expect(toDeadLetterView(letter, false).failure).to.deep.equal({ name: 'RangeError' });
  });

  it('has its data if they are shown and not too long, and always their lengths in bytes', () => {
    const bytes = { input: 24, output: 17, progress: 19 };
    expect(toJobDetails(ended, false)).to.deep.equal({ ...toJobView(ended, false), bytes });
    const { input, output, progress } = ended;
    expect(toJobDetails(ended, true)).to.deep.equal({ ...toJobView(ended, true), input, output, progress, bytes });
    expect(toJobDetails(waiting, true))
      .to.deep.include({ input, bytes: { input: 24 } })
      .and.not.have.any.keys('output', 'progress');
    const ofLength = (length: number) => toJobDetails({ ...waiting, input: 'x'.repeat(length - 2) }, true);
    expect(ofLength(100_000)).to.have.property('input');
    expect(ofLength(100_001)).to.not.have.property('input');
    expect(toJobDetails({ ...waiting, input: '€' }, true).bytes).to.deep.equal({ input: 5 });
  });
});
