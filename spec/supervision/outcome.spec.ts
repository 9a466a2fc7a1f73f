import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { joinAll, supervise, task, withCancel, type Outcome } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { events, outcomeOf, throwing } from '../helpers/tasks.js';

describe('The outcome of a supervised task', () => {
  it('keeps the error from before a time-out', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const runner = supervise(task('consumer', { execute: throwing(), finalize: () => NEVER }));
    const outcomes: Outcome[] = [];
    runner.start(ctx).subscribe({ error: () => undefined });
    joinAll(ctx, 10, [runner]).subscribe((outcome) => outcomes.push(outcome));
    cancel();
    clock.advance(10);
    expect(outcomes).to.have.lengthOf(1);
    expect(outcomes[0]).to.include({ status: 'timed-out', phase: 'finalize' });
    expect(outcomes[0]?.error).to.include({ task: 'consumer', phase: 'execute' });
  });

  it('names no hook when it failed at its `finalizeTimeout`', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const runner = supervise(task('consumer', { execute: throwing(), finalize: () => NEVER }), { finalizeTimeout: 10 });
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(10);
    expect(outcomeOf(runner)).to.include({ status: 'failed' }).and.not.have.property('phase');
  });

  it('counts the children of its last run', () => {
    const runner = supervise(
      task('consumer', (ctx) => {
        supervise(task('job', () => 1))
          .start(ctx)
          .subscribe();
      }),
    );
    runner.start().subscribe();
    expect(outcomeOf(runner)?.children).to.deep.equal({ started: 1, failed: 0 });
  });

  it('is in a `done` event with the number of the last run, also after a `finalizeTimeout`', () => {
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
