import { expect } from 'chai';
import { map, NEVER, Observable, of, Subject, take, throwError, timer } from 'rxjs';
import sinon from 'sinon';
import { task, TaskError, taskRunner, withCancel } from '../../lib/index.js';
import { collect, listenerCount, unhandledDuring } from '../helpers/collect.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { deferred, outcomeOf, settled, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

describe('A runner', () => {
  it('has done$ and ready$ of the current run, or else of the last one, or else of the next', () => {
    virtually((_, scheduler) => {
      const runner = taskRunner(task('x', { initialize: () => timer(2), execute: () => timer(3) }));
      const log: string[] = [];
      const observe = (label: string) => {
        runner.ready$.subscribe({
          next: () => log.push(`${scheduler.now()} ${label} ready`),
          complete: () => log.push(`${scheduler.now()} ${label} ready complete`),
        });
        runner.done$.subscribe(({ status }) => log.push(`${scheduler.now()} ${label} ${status}`));
      };
      observe('idle');
      scheduler.schedule(() => runner.start().subscribe(), 1);
      scheduler.schedule(() => observe('running'), 4);
      scheduler.schedule(() => observe('done'), 8);
      scheduler.schedule(() => runner.start().subscribe(), 10);
      scheduler.schedule(() => observe('second'), 11);
      scheduler.flush();
      expect(log).to.deep.equal([
        '3 idle ready',
        '3 idle ready complete',
        '4 running ready',
        '4 running ready complete',
        '6 idle completed',
        '6 running completed',
        '8 done ready',
        '8 done ready complete',
        '8 done completed',
        '12 second ready',
        '12 second ready complete',
        '15 second completed',
      ]);
    });
  });

  it('has results$ and events$ of all runs, which never error and never complete', () => {
    let runs = 0;
    const runner = taskRunner(task('x', () => (++runs === 2 ? throwError(() => new Error('boom')) : of(runs))));
    const results = collect(runner.results$);
    const emitted = collect(runner.events$);
    for (let i = 0; i < 3; i++) runner.start().subscribe({ error: () => undefined });
    expect(results).to.deep.equal([1, 3]);
    expect(emitted).to.not.include('complete');
    expect(emitted.filter((event) => event instanceof Error)).to.deep.equal([]);
  });

  it('creates no event without a subscriber', () => {
    const now = sinon.spy();
    const [ctx] = withCancel(undefined, {
      scheduler: Object.assign(Object.create({ schedule: () => undefined }) as never, { now: () => (now(), 0) }),
    });
    const runner = taskRunner(task('x', { execute: () => 1 }));
    runner.start(ctx).subscribe();
    const unobserved = now.callCount;
    const subscription = runner.events$.subscribe();
    runner.start(ctx).subscribe();
    // The `done` has the time of the outcome.
    expect(now.callCount - 2 * unobserved).to.equal(3);
    subscription.unsubscribe();
    now.resetHistory();
    runner.start(ctx).subscribe();
    expect(now.callCount).to.equal(unobserved);
  });

  it('writes a late error without a listener with console.error', async () => {
    const written = await writtenDuring(async () => {
      const work = deferred<void>();
      const [ctx, cancel] = withCancel();
      taskRunner(task('x', { execute: () => work.promise, grace: 0 }))
        .start(ctx)
        .subscribe();
      cancel();
      work.reject(new Error('no listener'));
      await settled();
    });
    expect(written).to.have.length(1);
    expect(written[0]).to.be.instanceOf(TaskError).and.have.property('message', 'x failed in execute: no listener');
  });

  it('is in its outcome, which tells apart two tasks of one name', () => {
    const [a, b] = [1, 2].map((n) => taskRunner(task('same', () => n)));
    a?.start().subscribe();
    b?.start().subscribe();
    const outcomes = [a, b].map((runner) => runner && outcomeOf(runner));
    expect(outcomes.map((outcome) => outcome?.task)).to.deep.equal(['same', 'same']);
    expect(outcomes.map((outcome) => outcome?.runner)).to.deep.equal([a, b]);
  });

  it('reports the errors of its listeners and continues the run', async () => {
    const runner = taskRunner(task('x', { execute: () => of(1, 2) }));
    const boom = new Error('boom');
    for (const stream of [runner.done$, runner.events$, runner.results$, runner.ready$] as Observable<unknown>[])
      stream.subscribe(throwing(boom));
    const received: unknown[] = [];
    const errors = await unhandledDuring(() => received.push(...collect(runner.start())));
    expect(received).to.deep.equal([1, 2, 'complete']);
    expect(new Set(errors)).to.deep.equal(new Set([boom]));
  });

  it('does not notify and does not store listeners of done$ and ready$ that have unsubscribed', () => {
    const subject = new Subject<void>();
    const runner = taskRunner(task('x', { initialize: () => subject, execute: () => 1 }));
    runner.start().subscribe();
    const listener = sinon.spy();
    const subscriptions = [runner.done$.subscribe(listener), runner.ready$.subscribe(listener)];
    const { awaitingReady } = runner as unknown as { awaitingReady: object };
    expect([listenerCount(runner), listenerCount(awaitingReady)]).to.deep.equal([1, 1]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect([listenerCount(runner), listenerCount(awaitingReady)]).to.deep.equal([0, 0]);
    subject.complete();
    expect(listener.callCount).to.equal(0);
  });

  it('delivers a value to its current listeners, not to one that subscribes or unsubscribes meanwhile', () => {
    const subject = new Subject<number>();
    const runner = taskRunner(task('x', () => subject));
    runner.start().subscribe();
    const [early, unsubscribed, late] = [sinon.spy(), sinon.spy(), sinon.spy()];
    runner.results$.pipe(take(1)).subscribe(() => {
      runner.results$.subscribe(late);
      unsubscribing.unsubscribe();
    });
    const unsubscribing = runner.results$.subscribe(unsubscribed);
    runner.results$.subscribe(early);
    subject.next(1);
    subject.next(2);
    expect([early.args, unsubscribed.args, late.args]).to.deep.equal([[[1], [2]], [], [[2]]]);
  });

  it('delivers a value or an event to all listeners even if one throws', async () => {
    const boom = new Error('boom');
    const runner = taskRunner(task('x', () => 1));
    const delivered: unknown[] = [];
    const streams: Observable<unknown>[] = [runner.results$, runner.events$.pipe(map(({ type }) => type))];
    for (const stream$ of streams) {
      stream$.subscribe(() => {
        throw boom;
      });
      stream$.subscribe((value) => delivered.push(value));
    }
    const errors = await unhandledDuring(() => runner.start().subscribe());
    expect(delivered).to.deep.equal(['ready', 1, 'done']);
    expect(errors).to.deep.equal([boom, boom, boom]);
  });

  it('notifies a listener that restarts it of the next end, not of the current one', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => NEVER));
    const [next, other] = [sinon.spy(), sinon.spy()];
    runner.done$.subscribe(() => {
      runner.start().subscribe();
      runner.done$.subscribe(next);
    });
    runner.done$.subscribe(other);
    runner.start(ctx).subscribe();
    cancel();
    expect([runner.status, next.callCount, other.callCount]).to.deep.equal(['running', 0, 1]);
  });

  it('completes ready$ without a value when the run ends first', () => {
    const runner = taskRunner(
      task('x', {
        initialize: () => {
          throw new Error('boom');
        },
        execute: () => 1,
      }),
    );
    const early = collect(runner.ready$);
    runner.start().subscribe({ error: () => undefined });
    expect(early).to.deep.equal(['complete']);
  });

  it('has no method to emit on results$ and events$', () => {
    const runner = taskRunner(task('x', () => 1));
    for (const stream of [runner.results$, runner.events$]) {
      expect(stream).to.be.instanceOf(Observable);
      for (const name of ['next', 'error', 'complete']) expect(stream).to.not.have.property(name);
    }
  });
});
