import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { cron, DeadlineError, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { eventTypes, outcomeOf } from '../helpers/tasks.js';

describe('The `startTimeout` of a task that a cron runs', () => {
  it('fails the cron when its `initialize` takes longer, and `finalize` is called', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const slow = task('slow', { initialize: () => NEVER, execute: () => 1, finalize: () => 2, startTimeout: 5 });
    const runner = cron(slow, 10);
    const types = eventTypes(runner);
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(4);
    expect(types).to.deep.equal(['initializing']);
    clock.advance(1);
    expect(types).to.deep.equal(['initializing', 'failed', 'finalizing', 'done']);
    const outcome = outcomeOf(runner);
    expect(outcome?.error).to.include({ task: 'slow', phase: 'initialize' });
    expect(outcome?.error?.cause).to.be.instanceOf(DeadlineError);
    expect(clock.timers).to.equal(0);
  });
});
