import { expect } from 'chai';
import { Subject } from 'rxjs';
import { supervise, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { eventTypes } from '../helpers/tasks.js';

describe('A supervised task that fails at its `startTimeout`', () => {
  it('counts one failure, also when a listener of the failure ends the hook', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    let initialized = new Subject<never>();
    const slow = task('slow', { initialize: () => (initialized = new Subject()), startTimeout: 5, grace: 10 });
    const runner = supervise(slow, { maxRestarts: 1, backoff: { initial: 2 } });
    const types = eventTypes(runner);
    runner.events$.subscribe(({ type }) => {
      if (type === 'failed' && types.length < 5) initialized.complete();
    });
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(8);
    expect(types).to.deep.equal(['initializing', 'failed', 'finalizing', 'restarting', 'initializing']);
    // It has not failed for good.
    expect(collect(runner.ready$)).to.deep.equal([]);
    cancel();
  });
});
