import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { supervise, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { events, throwing } from '../helpers/tasks.js';

describe('The `done` event of a supervised task that fails at its `finalizeTimeout`', () => {
  it('has the number of the last run', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    let finalized = 0;
    const finalize = () => (++finalized === 1 ? undefined : NEVER);
    const runner = supervise(task('consumer', { execute: throwing(), finalize }), {
      backoff: { initial: 1 },
      finalizeTimeout: 5,
    });
    const emitted = events(runner);
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(10);
    expect(emitted.at(-1)).to.include({ type: 'done', runId: 2 });
  });
});
