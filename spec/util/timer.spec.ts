import { expect } from 'chai';
import { Subject, throwError } from 'rxjs';
import { joinAll, launch, launchRunner, supervise, task, taskRunner, withCancel } from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { outlastOverflow } from '../helpers/wait.js';

describe('A timer', () => {
  it('waits longer than 2³¹−1 ms with real timers: in a grace, a join, a backoff and a drain', async () => {
    // On real timers, because virtual time has no such limit.
    const tooLongMs = 2 ** 31 + 5000;
    const [ctx, cancel] = withCancel();
    const end$ = new Subject<string>();
    const graceful = taskRunner(task('graceful', { execute: () => end$, grace: tooLongMs }));
    const failing = supervise(
      task('failing', () => throwError(() => new Error('boom'))),
      { backoff: { initial: tooLongMs, max: Infinity } },
    );
    failing.events$.subscribe();
    const backingOff = failing.start().subscribe();
    const draining = launch([task('draining', () => end$)], { drainDelay: tooLongMs });
    const stopped = draining.stop();
    launchRunner(ctx, cancel, graceful);
    cancel();
    const joined = collect(joinAll(ctx, tooLongMs, [graceful]));

    await outlastOverflow();
    expect([graceful.status, failing.status, draining.live]).to.deep.equal(['running', 'initializing', true]);
    expect(joined).to.deep.equal([]);

    end$.complete();
    backingOff.unsubscribe();
    expect([graceful.status, failing.status]).to.deep.equal(['done', 'done']);
    expect(joined).to.have.length(2);
    expect((await stopped).outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
  });
});
