import { expect } from 'chai';
import { NEVER, of, timer } from 'rxjs';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  CancelledError,
  critical,
  dynamic,
  joinAll,
  launch,
  orchestrate,
  ordered,
  parallel,
  RestartLimitError,
  supervise,
  task,
  taskRunner,
  withCancel,
  type AppEvent,
  type Runnable,
  type RunContext,
  type TaskDefinition,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { customRunner } from '../helpers/custom-runners.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { describeEvent, eventLines, exactBackoff } from './helpers.js';

describe('A critical task', () => {
  spyOnConsoleError();

  /** Starts a critical task under a child context of the application's context. */
  const startBelow = (make: (scheduler: VirtualClock) => TaskRunner) => {
    const clock = virtualClock();
    const [appCtx, cancelApp] = withCancel(undefined, { scheduler: clock });
    const [ctx, cancel] = withCancel(appCtx);
    const runner = make(clock);
    const log = eventLines(runner);
    const cancelled: unknown[] = [];
    appCtx.cancelled$.subscribe((cause) => {
      cancelled.push(clock.now(), cause);
    });
    return { clock, appCtx, ctx, cancel, cancelled, runner, log, emitted: collect(runner.start(ctx, cancelApp)) };
  };

  it('cancels the application after finalize when it completes, with an error that names it', () => {
    const { clock, cancelled, emitted, log, runner } = startBelow((scheduler) =>
      critical(task('x', { execute: () => timer(2, scheduler), finalize: () => timer(3, scheduler) })),
    );
    clock.advance(4);
    expect(cancelled).to.deep.equal([]);
    clock.advance(100);
    expect(cancelled).to.have.length(2);
    expect(cancelled[0]).to.equal(5);
    expect(cancelled[1]).to.be.instanceOf(CancelledError);
    expect(String(cancelled[1])).to.equal('CancelledError: x has ended');
    expect(emitted).to.deep.equal([0, 'complete']);
    expect(log).to.deep.equal(['0: x initializing', '0: x ready', '2: x finalizing', '5: x done completed']);
    const outcome = { task: 'x', runner, status: 'completed', startedAt: 0, endedAt: 5 };
    expect(outcomeOf(runner)).to.deep.equal(outcome);
    expect(outcomeOf(runner)?.runner).to.equal(runner);
  });

  it('cancels the application with the error of the hook that fails', () => {
    const hooks: Record<string, Partial<TaskDefinition<unknown>>> = {
      initialize: { initialize: throwing() },
      execute: { execute: throwing() },
      finalize: { finalize: throwing() },
    };
    for (const [phase, failed] of Object.entries(hooks)) {
      const { cancelled, emitted, runner } = startBelow(() => critical(task('x', { execute: () => 1, ...failed })));
      const { error, status } = outcomeOf(runner) ?? {};
      expect([error?.phase, status]).to.deep.equal([phase, 'failed']);
      expect(error?.suppressed).to.deep.equal([]);
      expect(cancelled[1]).to.equal(error);
      expect(emitted.at(-1)).to.equal(error);
    }
  });

  it('cancels the application at the moment of its failure, and is not cancelled itself', () => {
    const { clock, cancelled, log, runner, ctx } = startBelow((scheduler) =>
      critical(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(3, scheduler) })),
    );
    clock.advance(100);
    expect(cancelled).to.deep.equal([2, outcomeOf(runner)?.error]);
    expect(log).to.deep.equal([
      '0: x initializing',
      '0: x ready',
      '2: x failed',
      '2: x finalizing',
      '5: x done failed',
    ]);
    expectNothingLeft(ctx);
  });

  it('cancels the application when it is cancelled alone', () => {
    const { clock, cancelled, cancel, log } = startBelow((scheduler) =>
      critical(task('x', { execute: () => NEVER, finalize: () => timer(3, scheduler) })),
    );
    clock.advance(2);
    cancel(new Error('enough'));
    expect(cancelled).to.deep.equal([]);
    clock.advance(100);
    expect([cancelled[0], String(cancelled[1])]).to.deep.equal([5, 'CancelledError: x has ended']);
    expect(log.slice(-3)).to.deep.equal(['2: x cancelling', '2: x finalizing', '5: x done cancelled']);
  });

  it('cancels the application when it is cancelled with a cause that cannot be read', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const { cancelled, cancel } = startBelow(() => critical(task('x', () => NEVER)));
    cancel(proxy);
    expect(String(cancelled[1])).to.equal('CancelledError: x has ended');
  });

  it('cancels the application when its subscriber leaves', () => {
    const [appCtx, cancelApp] = withCancel();
    critical(task('x', () => NEVER))
      .start(appCtx, cancelApp)
      .subscribe()
      .unsubscribe();
    expect(String(appCtx.cause)).to.equal('CancelledError: x has ended');
  });

  it('cancels nothing when it is cancelled before its start', () => {
    const [appCtx, cancelApp] = withCancel();
    const [ctx, cancel] = withCancel(appCtx);
    cancel();
    const emitted = collect(critical(task('x', () => expect.fail('It starts'))).start(ctx, cancelApp));
    expect([emitted, appCtx.cancelled]).to.deep.equal([['complete'], false]);
  });

  it('fails and cancels the application when its runner already runs elsewhere', () => {
    const [elsewhere] = withCancel();
    const inner = taskRunner(task('x', () => NEVER));
    inner.start(elsewhere).subscribe();
    const [appCtx, cancelApp] = withCancel();
    const runner = critical(inner);
    const emitted = collect(runner.start(appCtx, cancelApp));
    const { error, status } = outcomeOf(runner) ?? {};
    expect([emitted, status, inner.status]).to.deep.equal([[error], 'failed', 'running']);
    expect(error?.cause).to.be.instanceOf(AlreadyRunningError);
    expect([appCtx.cancelled, appCtx.cause]).to.deep.equal([true, error]);
  });

  it('calls the cancel of its start once, with its error', () => {
    const cancel = sinon.fake();
    const runner = critical(task('x', throwing()));
    collect(runner.start(undefined, cancel));
    expect(cancel.args).to.deep.equal([[outcomeOf(runner)?.error]]);
  });

  it('keeps the cause of an application that is cancelled first', () => {
    const [appCtx, cancelApp] = withCancel();
    const runner = critical(task('x', () => NEVER));
    const emitted = collect(runner.start(appCtx, cancelApp));
    cancelApp('enough');
    expect([emitted, appCtx.cause, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'enough', 'cancelled']);
  });

  it('has completed when a cancel comes during finalize after a clean end', () => {
    const { clock, cancel, log } = startBelow((scheduler) =>
      critical(task('x', { execute: () => timer(2, scheduler), finalize: () => timer(3, scheduler) })),
    );
    clock.advance(3);
    cancel();
    clock.advance(10);
    expect(log.slice(-1)).to.deep.equal(['5: x done completed']);
  });

  it('ends like any other task when it is started without a cancel for the application', () => {
    const [ctx] = withCancel();
    const completed = critical(task('x', () => of(1, 2)));
    expect(collect(completed.start(ctx))).to.deep.equal([1, 2, 'complete']);
    const failed = critical(task('x', throwing()));
    const emitted = collect(failed.start(ctx));
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
    expect([outcomeOf(completed)?.status, outcomeOf(failed)?.status]).to.deep.equal(['completed', 'failed']);
    expect([ctx.cancelled, listenerCount(ctx)]).to.deep.equal([false, 0]);
  });

  it('has the readiness and the status of its task', () => {
    virtually(({ cold, expectObservable }, scheduler) => {
      const runner = critical(
        task('x', { initialize: () => timer(2), execute: () => cold('a-b-|'), finalize: () => timer(2) }),
      );
      const seen: string[] = [];
      for (const frame of [1, 3, 7, 9]) scheduler.schedule(() => seen.push(runner.status), frame);
      expectObservable(runner.ready$).toBe('--(r|)', { r: undefined });
      expectObservable(runner.results$).toBe('--a-b');
      expectObservable(runner.start()).toBe('--a-b---|');
      scheduler.flush();
      expect(seen).to.deep.equal(['initializing', 'running', 'finalizing', 'done']);
    });
  });

  it('can be started again after its end', () => {
    const runner = critical(task('x', () => 1));
    for (let n = 0; n < 2; n++) {
      const [appCtx, cancelApp] = withCancel();
      expect(collect(runner.start(appCtx, cancelApp))).to.deep.equal([1, 'complete']);
      expect(appCtx.cancelled).to.equal(true);
    }
  });

  it('stops an application that continues after a failure', () => {
    for (const [ends, status] of [
      [() => timer(2), 'completed'],
      [() => failAfter(2), 'failed'],
    ] as const) {
      virtually((_, scheduler) => {
        const emitted: AppEvent[] = [];
        const runner = critical(task('x', ends));
        orchestrate([runner, task('y', () => NEVER)], { onFailure: 'continue' }).subscribe((event) =>
          emitted.push(event),
        );
        scheduler.flush();
        expect(
          emitted.map((event) => ('task' in event ? `${event.task} ${describeEvent(event)}` : event.type)),
        ).to.deep.equal([
          'x ready',
          'y ready',
          ...(status === 'failed' ? ['x failed'] : []),
          'cancelled',
          'y cancelling',
          'y done cancelled',
          `x done ${status}`,
          'shutdown',
        ]);
        const cause = emitted.find((event) => event.type === 'cancelled')?.cause;
        if (status === 'failed') expect(cause).to.equal(outcomeOf(runner)?.error);
        else expect(String(cause)).to.equal('CancelledError: x has ended');
      });
    }
  });

  it('is refused by supervise when it is critical for its group, which would not see that', () => {
    const message = 'Expected `critical` around `supervise`: write critical(supervise(task))';
    const inner = critical(supervise(task('x', () => NEVER)), { of: 'group' });
    expect(() => supervise(inner)).to.throw(TypeError, message);
  });

  it('cancels the application below supervise, which does not restart it', () => {
    for (const restart of ['on-failure', 'always'] as const) {
      const { clock, cancelled, runner } = startBelow((scheduler) =>
        supervise(critical(task('x', () => failAfter(2, scheduler))), { restart }),
      );
      clock.advance(1000);
      expect(cancelled).to.deep.equal([2, outcomeOf(runner)?.error]);
    }
  });

  it('cancels the application when it is a member of a supervised group, which does not restart', () => {
    for (const restart of ['on-failure', 'always'] as const) {
      const { clock, cancelled, log, runner } = startBelow((scheduler) =>
        supervise(parallel('g', critical(task('x', () => failAfter(2, scheduler)))), { restart }),
      );
      clock.advance(1000);
      expect(cancelled).to.deep.equal([2, outcomeOf(runner)?.error]);
      expect(log.slice(-3)).to.deep.equal(['2: g/x failed', '2: g/x done failed', '2: g done failed']);
    }
  });

  it('cancels the application at the restart limit when it is around supervise', () => {
    const { clock, cancelled, log, runner } = startBelow((scheduler) =>
      critical(
        supervise(
          task('x', () => failAfter(2, scheduler)),
          { backoff: exactBackoff, maxRestarts: 1 },
        ),
      ),
    );
    clock.advance(1000);
    expect(log).to.deep.equal([
      '0: x ready',
      '2: x failed',
      '2: x restarting 1 in 3 (x failed in execute: boom)',
      '5: x ready',
      '7: x failed',
      '7: x done failed',
    ]);
    const { error } = outcomeOf(runner) ?? {};
    expect(error).to.be.instanceOf(RestartLimitError);
    expect(cancelled).to.deep.equal([7, error]);
  });

  it('has its path in a group, and the group ends with the application', () => {
    const { clock, cancelled, log, runner } = startBelow((scheduler) =>
      ordered(
        'app',
        task('a', () => NEVER),
        critical(task('x', () => timer(2, scheduler))),
        task('b', () => NEVER),
      ),
    );
    clock.advance(10);
    expect([cancelled[0], String(cancelled[1])]).to.deep.equal([2, 'CancelledError: app/x has ended']);
    expect(log.filter((line) => line.includes('done'))).to.have.members([
      '2: app/x done completed',
      '2: app/a done cancelled',
      '2: app/b done cancelled',
      '2: app done cancelled',
    ]);
    expect(outcomeOf(runner)?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
      'app/a cancelled',
      'app/x completed',
      'app/b cancelled',
    ]);
  });

  describe('below a dynamic group', () => {
    const start = () => {
      const clock = virtualClock();
      const tenants = dynamic('tenants');
      const events: AppEvent[] = [];
      const app = launch([tenants], { scheduler: clock, observer: (event) => events.push(event) });
      return { clock, tenants, app, events };
    };
    const after1 = ({ scheduler }: RunContext) => timer(1, scheduler);

    it('stops nothing when it, or the member that it is part of, is removed or replaced', async () => {
      const job = () => critical(task('job', { initialize: after1, execute: () => NEVER }));
      const makers: Record<string, () => Runnable> = {
        'a member': job,
        'part of a group': () => ordered('g', job(), job()),
        'part of a supervised group': () => supervise(parallel('g', job())),
        'part of a dynamic group': () => {
          const inner = dynamic('inner');
          inner.add('job', job());
          return inner;
        },
        'a child of a task': () => task('parent', (ctx, cancel) => job().start(ctx, cancel)),
      };
      for (const [title, make] of Object.entries(makers)) {
        const { clock, tenants, app } = start();
        tenants.add('acme', make());
        clock.advance(1);
        const replaced = tenants.replace('acme', make());
        clock.advance(2);
        expect((await replaced)?.status, title).to.equal('cancelled');
        const removed = tenants.remove('acme');
        clock.advance(2);
        expect((await removed)?.status, title).to.equal('cancelled');
        expect([app.ready, tenants.keys], title).to.deep.equal([true, []]);
        expect(String((await app.stop()).cause), title).to.equal('CancelledError: Cancelled');
      }
    });

    it('stops nothing when its finalize fails after its removal, which is an event', async () => {
      const { tenants, app, events } = start();
      tenants.add('acme', critical(task('job', { execute: () => NEVER, finalize: throwing() })));
      expect((await tenants.remove('acme'))?.status).to.equal('failed');
      expect(events.map((event) => event.type)).to.include('done');
      expect(app.ready).to.equal(true);
      await app.stop();
    });

    it('cancels the application when it ends by itself', async () => {
      const own = start();
      own.tenants.add('acme', critical(task('job', after1)));
      own.clock.advance(1);
      expect(String((await own.app).cause)).to.equal('CancelledError: tenants/acme has ended');
    });

    it('cancels the application with its failure, and the report is not clean although the group goes on', async () => {
      const { tenants, app } = start();
      tenants.add('acme', critical(task('job', throwing())));
      const { cause, clean } = await app;
      expect([String(cause), clean]).to.deep.equal(['TaskError: tenants/acme failed in execute: boom', false]);
    });
  });

  it('reports a group with its members', () => {
    const { cancelled, log, runner } = startBelow(() =>
      critical(
        parallel(
          'g',
          task('a', () => 1),
          task('b', () => 2),
        ),
      ),
    );
    expect(String(cancelled[1])).to.equal('CancelledError: g has ended');
    expect(log.filter((line) => line.includes('done'))).to.deep.equal([
      '0: g/a done completed',
      '0: g/b done completed',
      '0: g done completed',
    ]);
    expect(outcomeOf(runner)?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
      'g/a completed',
      'g/b completed',
    ]);
  });

  for (const context of ['its own', 'the same'] as const) {
    it(`takes a custom runner that starts its task under ${context} context`, () => {
      const inner = taskRunner(task('x', () => of(1, 2)));
      const { cancelled, log, emitted, runner } = startBelow(() => critical(customRunner(inner, context)));
      expect(String(cancelled[1])).to.equal('CancelledError: x has ended');
      expect(emitted).to.deep.equal([1, 2, 'complete']);
      expect(log).to.deep.equal(['0: x ready', '0: x done completed']);
      expect(outcomeOf(runner)?.runner).to.equal(runner);
    });
  }

  it('does not cancel the application while it hangs', () => {
    const { clock, appCtx, cancel, runner } = startBelow(() =>
      critical(task('x', () => new Promise<never>(() => undefined))),
    );
    const outcomes = collect(joinAll(appCtx, 10, [runner]));
    cancel();
    clock.advance(100);
    expect([outcomes, appCtx.cancelled]).to.deep.equal([[], false]);
  });

  it('cancels the application with an error whose cause is the cause of its own cancel', () => {
    const { cancel, cancelled } = startBelow(() => critical(task('x', () => NEVER)));
    cancel('why');
    expect(cancelled[1]).to.be.instanceOf(CancelledError).and.include({ message: 'x has ended', cause: 'why' });
  });
});
