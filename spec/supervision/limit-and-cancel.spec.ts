import { expect } from 'chai';
import { of } from 'rxjs';
import { critical, supervise, task, withCancel } from '../../lib/index.js';
import { outcomeOf, throwing } from '../helpers/tasks.js';

describe('A RestartLimitError that cancels the application', () => {
  it('has the error of `finalize` as its cause, and not among the suppressed ones', () => {
    const [ctx, cancel] = withCancel();
    const consumer = task('consumer', { execute: () => of(1), finalize: throwing() });
    const runner = critical(supervise(consumer, { restart: 'always', maxRestarts: 0 }));
    runner.start(ctx, cancel).subscribe({ error: () => undefined });
    const error = outcomeOf(runner)?.error;
    expect(error?.cause).to.include({ task: 'consumer', phase: 'finalize' });
    expect(error?.suppressed).to.deep.equal([]);
  });
});
