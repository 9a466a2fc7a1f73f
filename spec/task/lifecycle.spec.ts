import { expect } from 'chai';
import { defer, finalize, interval, lastValueFrom, NEVER, Observable, Subject, take, tap, timer } from 'rxjs';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  CancelledError,
  task,
  taskRunner,
  withCancel,
  type CancelFunc,
  type Context,
  type RunContext,
} from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { events, eventTypes, outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

describe('A run', () => {
  it('calls initialize, execute and finalize one after another, and completes after the last', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const initialize = cold('--i|');
      const execute = cold('   -a-b|');
      const finalize = cold('      ---f|');
      const runner = taskRunner(
        task('seq', { initialize: () => initialize, execute: () => execute, finalize: () => finalize }),
      );
      expectObservable(runner.start()).toBe('----a-b----|');
      expectSubscriptions(initialize.subscriptions).toBe('^--!');
      expectSubscriptions(execute.subscriptions).toBe('---^---!');
      expectSubscriptions(finalize.subscriptions).toBe('-------^---!');
      expectObservable(runner.ready$).toBe('---(r|)', { r: undefined });
      expectObservable(runner.done$.pipe(tap((outcome) => void Object.assign(outcome, { runner: undefined })))).toBe(
        '-----------(d|)',
        {
          d: { task: 'seq', runner: undefined, status: 'completed', startedAt: 0, endedAt: 11 },
        },
      );
      expectObservable(runner.results$).toBe('----a-b');
    });
  });

  it('has a status for each hook', () => {
    virtually(({ cold }, scheduler) => {
      const runner = taskRunner(
        task('x', { initialize: () => timer(2), execute: () => timer(2), finalize: () => cold('--|') }),
      );
      const statuses: string[] = [];
      for (const frame of [0, 1, 3, 5, 7]) scheduler.schedule(() => statuses.push(runner.status), frame);
      scheduler.schedule(() => runner.start().subscribe(), 0);
      scheduler.flush();
      expect(statuses).to.deep.equal(['idle', 'initializing', 'running', 'finalizing', 'done']);
    });
  });

  it("emits events with the scheduler's time", () => {
    virtually((_, scheduler) => {
      const runner = taskRunner(
        task('x', { initialize: () => timer(2), execute: () => timer(3), finalize: () => timer(4) }),
      );
      const emitted = events(runner);
      runner.start().subscribe();
      scheduler.flush();
      const common = { task: 'x', runId: 1 };
      expect(emitted).to.deep.equal([
        { ...common, type: 'initializing', at: 0 },
        { ...common, type: 'ready', at: 2 },
        { ...common, type: 'finalizing', at: 5 },
        { ...common, type: 'done', at: 9, outcome: outcomeOf(runner) },
      ]);
    });
  });

  it('skips a hook that the task does not have', () => {
    const finalized = sinon.spy();
    expect(collect(taskRunner({ execute: () => 1 }).start())).to.deep.equal([1, 'complete']);
    const runner = taskRunner({ execute: () => 1, finalize: finalized });
    const types = eventTypes(runner);
    runner.start().subscribe();
    expect(finalized.callCount).to.equal(1);
    expect(types).to.deep.equal(['ready', 'finalizing', 'done']);
  });

  it('passes its context to each hook', () => {
    const contexts: RunContext[] = [];
    const [ctx, cancel] = withCancel();
    const cancels: CancelFunc[] = [];
    const runner = taskRunner(
      task('x', {
        initialize: (run) => contexts.push(run),
        execute(run, cancelApp) {
          contexts.push(run);
          cancels.push(cancelApp);
        },
      }),
    );
    runner.start(ctx, cancel).subscribe();
    runner.start(ctx, cancel).subscribe();
    expect(contexts.map(({ task, runId }) => [task, runId])).to.deep.equal([
      ['x', 1],
      ['x', 1],
      ['x', 2],
      ['x', 2],
    ]);
    expect(contexts[0]).to.equal(contexts[1]);
    expect(contexts[0]).to.not.equal(contexts[2]);
    expect(cancels).to.deep.equal([cancel, cancel]);
    for (const name of ['cancel', 'abort', 'unsubscribe']) expect(contexts[0]).to.not.have.property(name);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('passes a cancel function that by default cancels only this run', () => {
    const [ctx] = withCancel();
    const runner = taskRunner(
      task('x', (_, cancel) =>
        defer(() => {
          cancel('enough');
          return NEVER;
        }),
      ),
    );
    expect(collect(runner.start(ctx))).to.deep.equal(['complete']);
    expect([ctx.cancelled, outcomeOf(runner)?.status]).to.deep.equal([false, 'cancelled']);
  });

  it('cancels its context after execute has ended and before finalize', () => {
    const log: unknown[] = [];
    const [parent] = withCancel();
    const runner = taskRunner(
      task('x', {
        execute(ctx) {
          ctx.cancelled$.subscribe((cause) => log.push(cause));
          return new Observable((subscriber) => {
            subscriber.complete();
            return () => log.push(['teardown', ctx.cancelled]);
          });
        },
        finalize: () => log.push('finalize'),
      }),
    );
    runner.start(parent).subscribe();
    expect(log).to.have.length(3);
    expect(log[0]).to.deep.equal(['teardown', false]);
    expect(log[1]).to.be.instanceOf(CancelledError);
    expect(log[2]).to.equal('finalize');
    expect(parent.cancelled).to.equal(false);
  });

  it('cancels its context with the TaskError after a failure', () => {
    let ctx: Context | undefined;
    const runner = taskRunner(
      task('x', (run) => {
        ctx = run;
        throw new Error('boom');
      }),
    );
    runner.start().subscribe({ error: () => undefined });
    expect(ctx?.cause).to.equal(outcomeOf(runner)?.error);
  });

  for (const [how, end] of [
    ['completes', (subscriber: { complete(): void }) => subscriber.complete()],
    ['errors', (subscriber: { error(error: unknown): void }) => subscriber.error(new Error('boom'))],
  ] as const) {
    for (const when of ['synchronously', 'later'] as const) {
      it(`runs the teardown of execute before the cancel and finalize when execute ${how} ${when}`, async () => {
        const log: string[] = [];
        const runner = taskRunner(
          task('x', {
            execute(ctx) {
              ctx.cancelled$.subscribe(() => log.push('cancelled'));
              return new Observable<never>((subscriber) => {
                subscriber.add(() => log.push('added'));
                if (when === 'synchronously') end(subscriber);
                else setTimeout(() => end(subscriber), 1);
                return () => log.push('returned');
              }).pipe(finalize(() => log.push('operator')));
            },
            finalize: () => log.push('finalize'),
          }),
        );
        await lastValueFrom(runner.start(), { defaultValue: 0 }).catch(() => undefined);
        expect(log.slice(0, 3)).to.have.members(['added', 'returned', 'operator']);
        expect(log.slice(3)).to.deep.equal(['cancelled', 'finalize']);
      });
    }
  }

  it('cancels the runs that were started under its context when it ends', () => {
    virtually(({ cold, expectSubscriptions }) => {
      const inner = cold('-x');
      const outer = taskRunner(
        task('outer', (ctx) => {
          taskRunner(task('inner', () => inner))
            .start(ctx)
            .subscribe();
          return timer(5);
        }),
      );
      outer.start().subscribe();
      expectSubscriptions(inner.subscriptions).toBe('^----!');
    });
  });

  it('gives its context one cause, which is the same for each reader, after it has completed', () => {
    let ctx: RunContext | undefined;
    taskRunner(task('x', (run) => void (ctx = run)))
      .start()
      .subscribe();
    expect(ctx?.cause).to.be.instanceOf(Error).and.equal(ctx?.cause);
    expect(ctx?.signal.reason).to.equal(ctx?.cause);
  });

  it('does not call finalize of a task without initialize when execute was not called', () => {
    const finalized = sinon.spy();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner({ execute: () => 1, finalize: finalized });
    runner.ready$.subscribe(() => cancel());
    runner.start(ctx).subscribe();
    expect([finalized.callCount, outcomeOf(runner)?.status]).to.deep.equal([0, 'cancelled']);
  });

  it('is synchronous, or in virtual time, when the task uses no promise', () => {
    virtually(({ expectObservable }) => {
      const runner = taskRunner(
        task('x', { initialize: () => timer(1), execute: () => interval(1).pipe(take(2)), finalize: () => timer(1) }),
      );
      expectObservable(runner.start()).toBe('--01|', [0, 1]);
    });
    expect(collect(taskRunner(task('y', { execute: () => 1 })).start())).to.deep.equal([1, 'complete']);
  });
});

describe('A runner', () => {
  it('errors with AlreadyRunningError when it is started during a run, finalize included', () => {
    const finalizing = new Subject();
    const runner = taskRunner(task('x', { execute: () => NEVER, finalize: () => finalizing }));
    const subscription = runner.start().subscribe();
    for (const unsubscribe of [false, true]) {
      if (unsubscribe) subscription.unsubscribe();
      const [error] = collect(runner.start());
      expect(error).to.be.instanceOf(AlreadyRunningError).and.include({ task: 'x', message: 'x is already running' });
    }
    finalizing.complete();
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('has an outcome that is written as JSON with the name of its runner', () => {
    const runner = taskRunner(task('x', () => 1));
    runner.start().subscribe();
    expect(JSON.parse(JSON.stringify(outcomeOf(runner)))).to.include({ task: 'x', runner: 'x', status: 'completed' });
  });

  it('can be started again by a listener of its end', () => {
    const runs: number[] = [];
    const runner = taskRunner(task('x', (ctx) => runs.push(ctx.runId)));
    const outcomes: (number | undefined)[] = [];
    runner.done$.subscribe((outcome) => {
      outcomes.push(runs.length);
      expect(outcome.status).to.equal('completed');
      runner.start().subscribe();
      runner.done$.subscribe(() => outcomes.push(runs.length));
    });
    runner.start().subscribe({ complete: () => runs.length < 4 && runner.start().subscribe() });
    expect(runs).to.deep.equal([1, 2, 3]);
    expect(outcomes).to.deep.equal([1, 2]);
    expect(collect(runner.start())).to.deep.equal([4, 'complete']);
  });

  it('can be started again by a listener of the done event', () => {
    let runs = 0;
    const runner = taskRunner(task('x', () => ++runs));
    const received: unknown[] = [];
    const first = collect(runner.done$);
    runner.events$.subscribe(({ type }) => type === 'done' && runs < 2 && received.push(...collect(runner.start())));
    runner.start().subscribe();
    expect([received, runs, first.length]).to.deep.equal([[2, 'complete'], 2, 2]);
  });
});
