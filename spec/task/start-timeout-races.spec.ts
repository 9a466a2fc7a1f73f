import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import { task, taskRunner, withCancel, type RunContext } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { outcomeOf } from '../helpers/tasks.js';

describe('A `startTimeout`', () => {
  it('does not apply to a run that a listener of `initializing` cancels', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const runner = taskRunner(task('db', { initialize: () => NEVER, startTimeout: 5, grace: 10 }));
    runner.events$.subscribe(({ type }) => {
      if (type === 'initializing') cancel();
    });
    runner.start(ctx).subscribe();
    clock.advance(9);
    expect(outcomeOf(runner)).to.equal(undefined);
    clock.advance(1);
    expect(outcomeOf(runner)).to.include({ status: 'cancelled' });
    expect(clock.timers).to.equal(0);
  });

  it('leaves no timer when the hook ends at its cancel', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const initialized = new Subject<void>();
    const initialize = ({ cancelled$ }: RunContext) => {
      cancelled$.subscribe(() => initialized.complete());
      return initialized;
    };
    const runner = taskRunner(task('db', { initialize, finalize: () => NEVER, startTimeout: 5, grace: 10 }));
    runner.start(ctx).subscribe();
    clock.advance(5);
    expect(runner.status).to.equal('finalizing');
    expect(clock.timers).to.equal(0);
  });
});
