import { expect } from 'chai';
import { interval, NEVER, Observable, Subject, timer } from 'rxjs';
import sinon from 'sinon';
import {
  DeadlineError,
  launch,
  ordered,
  task,
  taskRunner,
  withCancel,
  type RunContext,
  type SimpleTask,
  type TaskDefinition,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { deferred, events, eventTypes, failAfter, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

/** Creates a task that logs its hooks. */
function logging(log: unknown[], definition: Partial<TaskDefinition<unknown>>): SimpleTask {
  return task('x', {
    execute: () => {
      log.push('execute');
      return NEVER;
    },
    finalize: () => void log.push('finalize'),
    ...definition,
  });
}

describe('The startTimeout of a task', () => {
  it('rejects a negative number, NaN, and what is not a number', () => {
    for (const startTimeout of [-1, NaN])
      expect(() => task('x', { execute: () => NEVER, startTimeout })).to.throw(RangeError, 'startTimeout');
    expect(() => task('x', { execute: () => NEVER, startTimeout: '5' as never })).to.throw(TypeError, 'startTimeout');
    task('x', { execute: () => NEVER, startTimeout: undefined });
  });

  it('needs no timer when it is Infinity or left out', () => {
    for (const startTimeout of [Infinity, undefined]) {
      const schedule = sinon.fake();
      const [ctx] = withCancel(undefined, { scheduler: { now: () => 0, schedule } });
      taskRunner(task('x', { initialize: () => NEVER, startTimeout }))
        .start(ctx)
        .subscribe();
      expect(schedule.callCount).to.equal(0);
    }
  });

  it('fails the run with a DeadlineError in initialize, whose Observable is unsubscribed', () => {
    virtually(({ cold, expectSubscriptions }, scheduler) => {
      const log: unknown[] = [];
      const source = cold('-1-2-3-4-5-6');
      const runner = taskRunner(logging(log, { initialize: () => source, startTimeout: 4 }));
      const received = collect(runner.start());
      const emitted = events(runner);
      scheduler.flush();
      expectSubscriptions(source.subscriptions).toBe('^---!');
      const { error, ...outcome } = outcomeOf(runner) ?? {};
      expect(outcome).to.include({ status: 'failed', endedAt: 4 });
      expect(error).to.include({ phase: 'initialize', task: 'x' });
      expect(error?.cause).to.be.instanceOf(DeadlineError).with.property('message', 'Not done within 4 ms');
      expect(received).to.deep.equal([error]);
      expect(log).to.deep.equal(['finalize']);
      expect(emitted.map(({ type, at }) => [type, at])).to.deep.equal([
        ['failed', 4],
        ['finalizing', 4],
        ['done', 4],
      ]);
    });
  });

  it('does not wait for a promise without a grace, and drops its late result with an event', async () => {
    for (const settle of ['resolve', 'reject'] as const) {
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const log: unknown[] = [];
      const opening = deferred<undefined>();
      const runner = taskRunner(logging(log, { initialize: () => opening.promise, startTimeout: 4 }));
      const emitted = events(runner);
      collect(runner.start(ctx));
      clock.advance(4);
      expect(outcomeOf(runner)?.error?.cause).to.be.instanceOf(DeadlineError);
      expect(log).to.deep.equal(['finalize']);
      opening[settle](undefined);
      await settled();
      const dropped = emitted.at(-1);
      expect(dropped).to.include({ type: 'result-dropped', phase: 'initialize' });
      expect('error' in (dropped ?? {})).to.equal(settle === 'reject');
      expectNothingLeft(ctx, clock);
    }
  });

  it('cancels the context of the run with the error', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    let cause: unknown;
    const runner = taskRunner(
      task('x', {
        initialize: (run) => {
          run.cancelled$.subscribe((reason) => (cause = reason));
          return NEVER;
        },
        startTimeout: 4,
      }),
    );
    collect(runner.start(ctx));
    clock.advance(4);
    expect(cause).to.equal(outcomeOf(runner)?.error);
  });

  it('gives the hook its grace first, while the failure is reported at once', () => {
    virtually((_, scheduler) => {
      const log: unknown[] = [];
      const runner = taskRunner(
        logging(log, {
          initialize: () => new Observable(() => () => log.push(['unsubscribed', scheduler.now()])),
          startTimeout: 4,
          grace: 3,
        }),
      );
      const emitted = events(runner);
      collect(runner.start());
      scheduler.flush();
      expect(emitted.map(({ type, at }) => `${type} ${at}`)).to.deep.equal([
        'initializing 0',
        'failed 4',
        'finalizing 7',
        'done 7',
      ]);
      expect(log).to.deep.equal([['unsubscribed', 7], 'finalize']);
    });
  });

  it('fails the run even if initialize completes within its grace, and does not execute', () => {
    virtually((_, scheduler) => {
      const log: unknown[] = [];
      const runner = taskRunner(logging(log, { initialize: () => timer(6), startTimeout: 4, grace: 5 }));
      const types = eventTypes(runner);
      collect(runner.start());
      scheduler.flush();
      expect(types).to.deep.equal(['initializing', 'failed', 'finalizing', 'done']);
      expect(outcomeOf(runner)).to.include({ status: 'failed', endedAt: 6 });
      expect(log).to.deep.equal(['finalize']);
    });
  });

  it('suppresses a later error of initialize on its own', () => {
    virtually((_, scheduler) => {
      const runner = taskRunner(
        task('x', { initialize: () => failAfter(6), execute: () => NEVER, startTimeout: 4, grace: 5 }),
      );
      collect(runner.start());
      scheduler.flush();
      const { error } = outcomeOf(runner) ?? {};
      expect(error?.cause).to.be.instanceOf(DeadlineError);
      expect(error?.suppressed.map(({ phase }) => phase)).to.deep.equal(['initialize']);
    });
  });

  it('is not exceeded by an initialize that ends in time, and leaves no timer', () => {
    for (const initialize of [() => timer(3), () => undefined]) {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const runner = taskRunner(
        task('x', {
          initialize: () => initialize(),
          execute: () => interval(1, clock),
          startTimeout: 4,
        }),
      );
      collect(runner.start(ctx));
      cancel();
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
      expectNothingLeft(ctx, clock);
    }
  });

  it('does not limit execute, nor the initialize of a run that was cancelled before', () => {
    virtually((_, scheduler) => {
      const [ctx, cancel] = withCancel();
      const executing = taskRunner(task('x', { execute: () => timer(10), startTimeout: 4 }));
      const cancelled = taskRunner(
        task('y', { initialize: () => timer(8), execute: () => NEVER, startTimeout: 4, grace: 10 }),
      );
      collect(executing.start());
      collect(cancelled.start(ctx));
      scheduler.schedule(() => cancel(), 2);
      scheduler.flush();
      expect(outcomeOf(executing)?.status).to.equal('completed');
      expect(outcomeOf(cancelled)).to.include({ status: 'cancelled', endedAt: 8 });
    });
  });

  it('of 0 fails what is not ready at once, and no synchronous initialize', () => {
    virtually((_, scheduler) => {
      const sync = taskRunner(task('x', { initialize: () => 1, execute: () => 1, startTimeout: 0 }));
      const slow = taskRunner(task('y', { initialize: () => timer(1), execute: () => 1, startTimeout: 0 }));
      collect(sync.start());
      collect(slow.start());
      scheduler.flush();
      expect([outcomeOf(sync)?.status, outcomeOf(slow)?.status]).to.deep.equal(['completed', 'failed']);
    });
  });
});

describe('The startTimeout of an application', () => {
  it('holds for every task without one of its own, in groups and for children, too', async () => {
    const clock = virtualClock();
    const opening = (name: string, startTimeout?: number) =>
      task(name, { initialize: () => timer(10, clock), execute: () => NEVER, startTimeout });
    const patient = taskRunner(opening('patient', 20));
    const child = taskRunner(opening('child'));
    const parent = task('parent', (ctx) => child.start(ctx));
    const app = launch([ordered('app', patient, parent)], {
      scheduler: clock,
      startTimeout: 4,
      observer: () => undefined,
    });
    clock.advance(10);
    expect(patient.status).to.equal('running');
    clock.advance(4);
    const { outcomes, clean } = await app;
    expect(clean).to.equal(false);
    expect(outcomeOf(child)?.error?.cause).to.be.instanceOf(DeadlineError);
    expect(outcomes[0]?.members?.map(({ status }) => status)).to.deep.equal(['cancelled', 'failed']);
  });

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
