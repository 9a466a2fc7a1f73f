import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { filter, map, NEVER, switchMap, take, throwError, timer, VirtualTimeScheduler, type Observable } from 'rxjs';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  CancelledError,
  cron,
  orchestrate,
  ShutdownReport,
  SignalError,
  signalListener,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
  type Context,
  type Runnable,
  type SimpleTask,
  type TaskRunner,
} from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { ManualRunner } from '../helpers/custom-runners.js';
import { throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const boom = new Error('boom');

/** Returns the events of the application itself, each by its first letter: d(raining), c(ancelled), s(hutdown). */
function landmarks(app$: Observable<AppEvent>): Observable<string> {
  return app$.pipe(
    filter(({ type }) => type === 'draining' || type === 'cancelled' || type === 'shutdown'),
    map(({ type }) => type.charAt(0)),
  );
}

function reportOf(events: readonly unknown[]): ShutdownReport {
  const last = events.at(-2) as AppEvent;
  if (last.type !== 'shutdown') throw new Error(`Expected a shutdown event, got ${last.type}`);
  return last.report;
}

const server: Runnable = task('server', { execute: () => NEVER, finalize: () => timer(3) });
const failing = (ms: number): Runnable => task('failing', () => timer(ms).pipe(map(throwing(boom))));

describe('orchestrate', () => {
  it('starts no task before it is subscribed', () => {
    let started = 0;
    const app$ = orchestrate([task('x', () => ++started)]);
    expect(started).to.equal(0);
    app$.subscribe();
    expect(started).to.equal(1);
  });

  it('emits every event of every task, then the report, and completes', () => {
    const runner = taskRunner(task('a', { execute: () => 1 }));
    const events = collect(orchestrate([runner, task('b', () => 2)]));
    expect(
      events.map((event) =>
        typeof event === 'object' && 'task' in event
          ? `${event.task} ${event.type}`
          : event === 'complete'
            ? event
            : (event as AppEvent).type,
      ),
    ).to.deep.equal([
      'a initializing',
      'a ready',
      'a finalizing',
      'a done',
      'b ready',
      'b done',
      'shutdown',
      'complete',
    ]);
    const report = reportOf(events);
    expect(report).to.be.instanceOf(ShutdownReport);
    expect(report.outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
      ['a', 'completed'],
      ['b', 'completed'],
    ]);
    expect(report.outcomes[0]?.runner).to.equal(runner);
    expect([report.clean, report.cause, report.durationMs]).to.deep.equal([true, undefined, 0]);
  });

  it('reports the outcome of the task whose failure stops it even with a timeout of 0', () => {
    const events: AppEvent[] = [];
    const scheduler = new VirtualTimeScheduler();
    const fails = task('fails', () => timer(5, scheduler).pipe(switchMap(() => throwError(() => boom))));
    const hangs = task('hangs', () => new Promise(() => undefined));
    orchestrate([hangs, fails], { timeout: 0, scheduler }).subscribe((event) => events.push(event));
    scheduler.flush();
    const last = events.at(-1);
    const outcomes = last?.type === 'shutdown' ? last.report.outcomes : [];
    expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.have.members([
      'fails failed',
      'hangs timed-out',
    ]);
  });

  it('emits the report last, although a listener of it requests a stop', () => {
    for (const options of [{}, { drainDelay: 10 }]) {
      const [parent, cancel] = withCancel();
      const types: string[] = [];
      orchestrate([task('a', () => 1)], { ...options, parent }).subscribe(({ type }) => {
        types.push(type);
        if (type === 'shutdown') cancel();
      });
      expect(types).to.deep.equal(['ready', 'done', 'shutdown']);
    }
  });

  it('ends immediately and cleanly without tasks', () => {
    const events = collect(orchestrate([]));
    expect(events).to.have.length(2);
    expect(reportOf(events)).to.include({ clean: true, cause: undefined });
  });

  it('cancels all tasks when a task cancels, and waits for them', () => {
    virtually(({ expectObservable }, scheduler) => {
      const quitter = () => task('quitter', (_, cancel) => timer(5).pipe(map(() => cancel('enough'))));
      const app$ = () => orchestrate([server, quitter()], { timeout: 10 });
      expectObservable(landmarks(app$())).toBe('-----c--(s|)');
      const events = collect(app$());
      scheduler.schedule(() => {
        const cancelled = events.filter(
          (event) => typeof event === 'object' && 'type' in event && event.type === 'cancelled',
        );
        expect(cancelled).to.deep.equal([{ type: 'cancelled', cause: 'enough' }]);
        expect(reportOf(events)).to.include({ cause: 'enough', clean: true, durationMs: 3 });
      }, 20);
    });
  });

  it('cancels all tasks with the error when a task fails', () => {
    virtually(({ expectObservable }, scheduler) => {
      expectObservable(landmarks(orchestrate([server, failing(2)]))).toBe('--c--(s|)');
      const events = collect(orchestrate([server, failing(2)]));
      scheduler.schedule(() => {
        const report = reportOf(events);
        expect(report.cause).to.be.instanceOf(TaskError).and.include({ cause: boom });
        expect(report.clean).to.equal(false);
        expect(report.outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
          ['failing', 'failed'],
          ['server', 'cancelled'],
        ]);
        expect(report.outcomes[0]?.error).to.equal(report.cause);
      }, 20);
    });
  });

  it('reports the cause even if the last task fails, and starts no task after a failure', () => {
    const events = collect(
      orchestrate([
        task('x', () => throwError(() => boom)),
        task('after', { initialize: () => expect.fail('The task was started'), execute: () => 1 }),
      ]),
    );
    expect(reportOf(events).cause).to.be.instanceOf(TaskError);
    expect(reportOf(events).outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
      ['x', 'failed'],
      ['after', 'cancelled'],
    ]);
    const alone = collect(orchestrate([task('x', () => throwError(() => boom))]));
    expect(alone.map((event) => event !== 'complete' && 'type' in event && event.type)).to.deep.equal([
      'ready',
      'failed',
      'cancelled',
      'done',
      'shutdown',
      false,
    ]);
  });

  it("continues after a failure if `onFailure` is 'continue'", () => {
    virtually(({ expectObservable }, scheduler) => {
      const app$ = () => orchestrate([failing(2), task('other', () => timer(6))], { onFailure: 'continue' });
      expectObservable(landmarks(app$())).toBe('------(s|)');
      const events = collect(app$());
      scheduler.schedule(() => expect(reportOf(events)).to.include({ cause: undefined, clean: false }), 20);
    });
  });

  it('continues after a failed run of a cron', () => {
    virtually(({ expectObservable }) => {
      expectObservable(landmarks(orchestrate([cron(failing(1) as never, 5)])), '^-----------!').toBe('-');
    });
  });

  it('ends at the deadline and reports the unfinished tasks as timed out', () => {
    virtually(({ expectObservable }, scheduler) => {
      const app$ = () => orchestrate([task('stuck', () => new Promise(() => undefined)), failing(1)], { timeout: 4 });
      expectObservable(landmarks(app$())).toBe('-c---(s|)');
      const events = collect(app$());
      scheduler.schedule(() => {
        expect(reportOf(events)).to.include({ clean: false, durationMs: 4 });
        expect(reportOf(events).outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
          ['failing', 'failed'],
          ['stuck', 'timed-out'],
        ]);
      }, 20);
    });
  });

  it('has a default timeout of 20 s', () => {
    virtually(({ expectObservable }) => {
      const stuck = task('stuck', () => new Promise(() => undefined));
      expectObservable(landmarks(orchestrate([stuck, failing(0)]))).toBe('c 19999ms (s|)');
    });
  });

  describe('when a stop is requested from outside', () => {
    it("cancels with the parent's cause and leaves no listener in the parent", () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [parent, cancel] = withCancel();
        hot('----c').subscribe(() => cancel('parent'));
        const events = collect(orchestrate([server], { parent }));
        expectObservable(landmarks(orchestrate([server], { parent }))).toBe('----c--(s|)');
        scheduler.schedule(() => {
          expect(reportOf(events)).to.include({ cause: 'parent', clean: true });
          expect(listenerCount(parent)).to.equal(0);
        }, 20);
      });
    });

    it('starts no task under a cancelled parent', () => {
      const events = collect(
        orchestrate([task('x', () => expect.fail('The task was started'))], {
          parent: AbortSignal.abort('gone'),
          drainDelay: 10,
        }),
      );
      expect(events.map((event) => event !== 'complete' && 'type' in event && event.type)).to.deep.equal([
        'cancelled',
        'done',
        'shutdown',
        false,
      ]);
      expect(reportOf(events)).to.include({ cause: 'gone', clean: true });
    });

    it('emits draining immediately and cancels after the drainDelay', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [parent, cancel] = withCancel();
        hot('--c').subscribe(() => cancel('parent'));
        expectObservable(landmarks(orchestrate([server], { parent, drainDelay: 5 }))).toBe('--d----c--(s|)');
        const events = collect(orchestrate([server], { parent, drainDelay: 5 }));
        scheduler.schedule(() => {
          expect(
            events.filter(
              (event) => typeof event === 'object' && 'type' in event && ['draining', 'cancelled'].includes(event.type),
            ),
          ).to.deep.equal([
            { type: 'draining', cause: 'parent' },
            { type: 'cancelled', cause: 'parent' },
          ]);
          expect(reportOf(events)).to.include({ cause: 'parent', durationMs: 8 });
        }, 30);
      });
    });

    it("drains after a signal, but not after a task's own cancel or a failure", () => {
      virtually(({ hot, expectObservable }) => {
        const target = new EventEmitter();
        hot('--c').subscribe(() => target.emit('SIGTERM'));
        expectObservable(landmarks(orchestrate([server, signalListener({ target })], { drainDelay: 5 }))).toBe(
          '--d----c--(s|)',
        );
        expectObservable(
          landmarks(orchestrate([server, failing(4), signalListener({ target })], { drainDelay: 5 })),
        ).toBe('--d-c--(s|)');
        const quitter = task('quitter', (_, cancel) => timer(4).pipe(map(() => cancel(new Error('now')))));
        expectObservable(landmarks(orchestrate([server, quitter], { drainDelay: 5 }))).toBe('----c--(s|)');
      });
    });

    it('keeps the cause of the first request when a second one comes while it drains', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [target, other] = [new EventEmitter(), new EventEmitter()];
        const [parent, cancel] = withCancel();
        hot('--a--b').subscribe((turn) => (turn === 'a' ? target.emit('SIGINT') : cancel('parent')));
        const events = collect(
          orchestrate([server, signalListener({ target }), signalListener({ target: other })], {
            parent,
            drainDelay: 5,
          }),
        );
        expectObservable(timer(20)).toBe('20ms (a|)', { a: 0 });
        scheduler.schedule(
          () => expect(reportOf(events).cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGINT' }),
          20,
        );
      });
    });

    it('ends without a cancel when all tasks end while it drains', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [parent, cancel] = withCancel();
        hot('--c').subscribe(() => cancel('parent'));
        expectObservable(landmarks(orchestrate([task('x', () => timer(4))], { parent, drainDelay: 50 }))).toBe(
          '--d-(s|)',
        );
        const events = collect(orchestrate([task('x', () => timer(4))], { parent, drainDelay: 50 }));
        scheduler.schedule(
          () => expect(reportOf(events)).to.include({ cause: 'parent', clean: true, durationMs: 2 }),
          30,
        );
      });
    });
  });

  it('cancels all tasks when it is unsubscribed', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a');
      let cause: unknown;
      const app$ = orchestrate([task('x', (ctx) => (ctx.cancelled$.subscribe((value) => (cause = value)), source))]);
      expectObservable(landmarks(app$), '^--!').toBe('-');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectObservable(timer(4).pipe(map(() => [cause instanceof CancelledError, String(cause)]))).toBe('----(t|)', {
        t: [true, 'CancelledError: Unsubscribed'],
      });
    });
  });

  it("uses its own scheduler, or else its parent's", () => {
    for (const source of ['scheduler', 'parent'] as const) {
      const scheduler = new VirtualTimeScheduler();
      const events = collect(
        orchestrate(
          [task('x', (ctx) => timer(1e6, ctx.scheduler))],
          source === 'scheduler' ? { scheduler } : { parent: withCancel(undefined, { scheduler })[0] },
        ),
      );
      expect(events).to.have.length(1);
      scheduler.flush();
      expect(reportOf(events).outcomes[0]).to.include({ startedAt: 0, endedAt: 1e6 });
    }
  });

  it('cancels the others and fails when one of the runners is already running', () => {
    const busy = taskRunner(task('busy', () => NEVER));
    const subscription = busy.start().subscribe();
    const other = taskRunner(task('other', () => NEVER));
    const events = collect(orchestrate([other, busy]));
    expect(events.at(-1)).to.be.instanceOf(AlreadyRunningError).and.include({ task: 'busy' });
    expect([other.status, busy.status]).to.deep.equal(['done', 'running']);
    subscription.unsubscribe();
  });

  it('has a report and events that convert to JSON', () => {
    const events = collect(orchestrate([task('x', () => 1)]));
    expect(JSON.parse(JSON.stringify(reportOf(events)))).to.have.nested.property('outcomes[0].runner', 'x');
    expect(() => JSON.stringify(events)).to.not.throw();
  });

  it('can be subscribed to again when it has ended', () => {
    const app$ = orchestrate([task('x', (ctx) => ctx.runId)]);
    expect(reportOf(collect(app$)).clean).to.equal(true);
    expect(reportOf(collect(app$)).clean).to.equal(true);
  });

  it('throws for invalid input when it is created', () => {
    expect(() => orchestrate([{} as never])).to.throw(TypeError, 'Expected `task`');
    const twice = taskRunner(task('twice', () => 1));
    expect(() => orchestrate([twice, twice])).to.throw(TypeError, 'Expected `runnables` to be distinct runners');
    expect(() => orchestrate([], { timeout: -1 })).to.throw(RangeError, 'Expected `timeout`');
    expect(() => orchestrate([], { drainDelay: NaN })).to.throw(RangeError, 'Expected `drainDelay`');
    expect(() => orchestrate([], { onFailure: 'ignore' as never })).to.throw(
      RangeError,
      "Expected `onFailure` to be 'cancel' or 'continue', got `'ignore'` (string)",
    );
    expect(() => orchestrate([], { parent: {} as never })).to.throw(TypeError, 'Expected `ctx`');
    expect(() => orchestrate(undefined as never)).to.throw(
      TypeError,
      'Expected `runnables` to be an array, got undefined',
    );
    expect(() => orchestrate([], null as never)).to.throw(
      TypeError,
      'Expected `options` of `orchestrate` to be an object, got null',
    );
    expect(() => orchestrate([], { timeOut: 1 } as never)).to.throw(TypeError, 'got `timeOut`');
  });

  it('emits no second draining event and keeps the delay when a second request comes while it drains', () => {
    virtually(({ hot, expectObservable }) => {
      const [parent, cancel] = withCancel();
      const target = new EventEmitter();
      hot('--a-b').subscribe((turn) => (turn === 'a' ? target.emit('SIGINT') : cancel('parent')));
      expectObservable(landmarks(orchestrate([server, signalListener({ target })], { parent, drainDelay: 5 }))).toBe(
        '--d----c--(s|)',
      );
    });
  });

  it('reports a failure while it drains as the cause, and the duration since the request', () => {
    virtually(({ hot }, scheduler) => {
      const [parent, cancel] = withCancel();
      hot('--c').subscribe(() => cancel('parent'));
      const events = collect(orchestrate([server, failing(4)], { parent, drainDelay: 50 }));
      scheduler.schedule(() => {
        expect(reportOf(events).cause).to.be.instanceOf(TaskError).and.include({ cause: boom });
        expect(reportOf(events).durationMs).to.equal(5);
      }, 30);
    });
  });

  it('leaves no timer when it ends or is unsubscribed while it drains', () => {
    const clock = sinon.useFakeTimers();
    try {
      for (const end of ['tasks', 'unsubscribe']) {
        const [parent, cancel] = withCancel();
        const subscription = orchestrate([task('x', () => timer(4))], { parent, drainDelay: 50 }).subscribe();
        cancel('parent');
        if (end === 'tasks') clock.tick(4);
        else subscription.unsubscribe();
        expect(clock.countTimers(), end).to.equal(0);
      }
    } finally {
      clock.restore();
    }
  });

  it('leaves no listener in its parent when all tasks have ended or when it is unsubscribed', () => {
    const [parent] = withCancel();
    collect(orchestrate([task('x', () => 1)], { parent }));
    expect(listenerCount(parent)).to.equal(0);
    orchestrate([server], { parent }).subscribe().unsubscribe();
    expect(listenerCount(parent)).to.equal(0);
  });

  it('starts no further task when it is unsubscribed at the first event', () => {
    const runners = ['a', 'b'].map((name) => taskRunner(task(name, () => NEVER)));
    orchestrate(runners).pipe(take(1)).subscribe();
    expect(runners.map(({ status }) => status)).to.deep.equal(['done', 'idle']);
  });

  describe('after an unsubscribe', () => {
    const output = spyOnConsoleError();

    it('writes the error of each task once', () => {
      const failing = task('failing', { execute: () => NEVER, finalize: () => throwError(() => boom) });
      orchestrate([failing]).subscribe().unsubscribe();
      expect(output.all()).to.have.length(1);
      virtually((_, scheduler) => {
        const slow = task('slow', { execute: () => NEVER, finalize: () => timer(3).pipe(map(throwing(boom))) });
        // The unsubscribe comes while the task is being started.
        orchestrate([slow]).pipe(take(1)).subscribe();
        scheduler.flush();
      });
      expect(output.all().map(String)).to.deep.equal([
        'TaskError: failing failed in finalize: boom',
        'TaskError: slow failed in finalize: boom',
      ]);
    });
  });

  it('emits its cancel before the events of a custom runner that an abort listener ends', () => {
    const custom = new ManualRunner();
    const [parent, cancel] = withCancel();
    const types: string[] = [];
    orchestrate([custom], { parent }).subscribe({
      next: ({ type }) => types.push(type),
      complete: () => types.push('complete'),
    });
    (custom.ctx as Context).signal.addEventListener('abort', () => {
      custom.events$.next({ type: 'finalizing', task: 'custom', runId: 1, at: 0 });
      custom.end('cancelled');
    });
    cancel('enough');
    expect(types).to.deep.equal(['cancelled', 'finalizing', 'shutdown', 'complete']);
  });

  it('stops when a custom runner has failed, even if that runner emits no events', () => {
    virtually(({ expectObservable }) => {
      const inner = taskRunner(failing(2) as SimpleTask);
      const custom: TaskRunner = {
        start: (ctx, cancel) => inner.start(ctx, cancel),
        done$: inner.done$,
        ready$: inner.ready$,
        results$: inner.results$,
        events$: NEVER,
        status: 'running',
        toString: () => 'custom',
      };
      expectObservable(landmarks(orchestrate([server, custom]))).toBe('--c--(s|)');
    });
  });
});
