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
  type Runnable,
  type SimpleTask,
  type TaskRunner,
} from '../../lib/index.js';
import { collect, hangingOn } from '../helpers/collect.js';
import { virtually } from '../helpers/virtual-time.js';

const boom = new Error('boom');

/** The events of the application itself, each by its first letter: d(raining), c(ancelled), s(hutdown). */
function landmarks(app$: Observable<AppEvent>): Observable<string> {
  return app$.pipe(
    filter(({ type }) => type === 'draining' || type === 'cancelled' || type === 'shutdown'),
    map(({ type }) => type.charAt(0)),
  );
}

function reportOf(events: readonly unknown[]): ShutdownReport {
  const last = events.at(-2) as AppEvent;
  if (last.type !== 'shutdown') throw new Error(`It ends with ${last.type}`);
  return last.report;
}

const server: Runnable = task('server', { execute: () => NEVER, finalize: () => timer(3) });
const failing = (ms: number): Runnable =>
  task('failing', () =>
    timer(ms).pipe(
      map(() => {
        throw boom;
      }),
    ),
  );

describe('orchestrate', () => {
  it('is cold: nothing starts before it is subscribed', () => {
    let started = 0;
    const app$ = orchestrate([task('x', () => ++started)]);
    expect(started).to.equal(0);
    app$.subscribe();
    expect(started).to.equal(1);
  });

  it('emits every event of every task, and last the report, and completes', () => {
    const runner = taskRunner(task('a', { execute: () => 1 }));
    const told = collect(orchestrate([runner, task('b', () => 2)]));
    expect(
      told.map((event) =>
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
    const report = reportOf(told);
    expect(report).to.be.instanceOf(ShutdownReport);
    expect(report.outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
      ['a', 'completed'],
      ['b', 'completed'],
    ]);
    expect(report.outcomes[0]?.runner).to.equal(runner);
    expect([report.clean, report.cause, report.durationMs]).to.deep.equal([true, undefined, 0]);
  });

  it('tells how the task has failed whose failure stops it, though it waits for nobody', () => {
    const told: AppEvent[] = [];
    const scheduler = new VirtualTimeScheduler();
    const fails = task('fails', () => timer(5, scheduler).pipe(switchMap(() => throwError(() => boom))));
    const hangs = task('hangs', () => new Promise(() => undefined));
    orchestrate([hangs, fails], { timeout: 0, scheduler }).subscribe((event) => told.push(event));
    scheduler.flush();
    const last = told.at(-1);
    const outcomes = last?.type === 'shutdown' ? last.report.outcomes : [];
    expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.have.members([
      'fails failed',
      'hangs timed-out',
    ]);
  });

  it('no tasks at all: a defined, immediate end', () => {
    const told = collect(orchestrate([]));
    expect(told).to.have.length(2);
    expect(reportOf(told)).to.include({ clean: true, cause: undefined });
  });

  it('cancels all when a task cancels, and waits for them', () => {
    virtually(({ expectObservable }, scheduler) => {
      const quitter = () => task('quitter', (_, cancel) => timer(5).pipe(map(() => cancel('enough'))));
      const app$ = () => orchestrate([server, quitter()], { timeout: 10 });
      expectObservable(landmarks(app$())).toBe('-----c--(s|)');
      const told = collect(app$());
      scheduler.schedule(() => {
        const cancelled = told.filter(
          (event) => typeof event === 'object' && 'type' in event && event.type === 'cancelled',
        );
        expect(cancelled).to.deep.equal([{ type: 'cancelled', cause: 'enough' }]);
        expect(reportOf(told)).to.include({ cause: 'enough', clean: true, durationMs: 3 });
      }, 20);
    });
  });

  it('cancels all with the error when one fails', () => {
    virtually(({ expectObservable }, scheduler) => {
      expectObservable(landmarks(orchestrate([server, failing(2)]))).toBe('--c--(s|)');
      const told = collect(orchestrate([server, failing(2)]));
      scheduler.schedule(() => {
        const report = reportOf(told);
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

  it('tells the cause of the end also when the last task fails, and starts nothing after a failure', () => {
    const told = collect(
      orchestrate([
        task('x', () => throwError(() => boom)),
        task('after', { initialize: () => expect.fail('It starts'), execute: () => 1 }),
      ]),
    );
    expect(reportOf(told).cause).to.be.instanceOf(TaskError);
    expect(reportOf(told).outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
      ['x', 'failed'],
      ['after', 'cancelled'],
    ]);
    const alone = collect(orchestrate([task('x', () => throwError(() => boom))]));
    expect(alone.map((event) => event !== 'complete' && 'type' in event && event.type)).to.deep.equal([
      'ready',
      'done',
      'cancelled',
      'shutdown',
      false,
    ]);
  });

  it('goes on after a failure with onFailure: "continue"', () => {
    virtually(({ expectObservable }, scheduler) => {
      const app$ = () => orchestrate([failing(2), task('other', () => timer(6))], { onFailure: 'continue' });
      expectObservable(landmarks(app$())).toBe('------(s|)');
      const told = collect(app$());
      scheduler.schedule(() => expect(reportOf(told)).to.include({ cause: undefined, clean: false }), 20);
    });
  });

  it('is not failed by a failed run of a cron', () => {
    virtually(({ expectObservable }) => {
      expectObservable(landmarks(orchestrate([cron(failing(1) as never, 5)])), '^-----------!').toBe('-');
    });
  });

  it('names who is past the deadline, and ends', () => {
    virtually(({ expectObservable }, scheduler) => {
      const app$ = () => orchestrate([task('deaf', () => new Promise(() => undefined)), failing(1)], { timeout: 4 });
      expectObservable(landmarks(app$())).toBe('-c---(s|)');
      const told = collect(app$());
      scheduler.schedule(() => {
        expect(reportOf(told)).to.include({ clean: false, durationMs: 4 });
        expect(reportOf(told).outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
          ['failing', 'failed'],
          ['deaf', 'timed-out'],
        ]);
      }, 20);
    });
  });

  it('gives a shutdown 30 s unless said', () => {
    virtually(({ expectObservable }) => {
      const deaf = task('deaf', () => new Promise(() => undefined));
      expectObservable(landmarks(orchestrate([deaf, failing(0)]))).toBe('c 29999ms (s|)');
    });
  });

  describe('asked from outside to stop', () => {
    it('cancels with the parent, by its cause, and leaves nothing in it', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [parent, cancel] = withCancel();
        hot('----c').subscribe(() => cancel('parent'));
        const told = collect(orchestrate([server], { parent }));
        expectObservable(landmarks(orchestrate([server], { parent }))).toBe('----c--(s|)');
        scheduler.schedule(() => {
          expect(reportOf(told)).to.include({ cause: 'parent', clean: true });
          expect(hangingOn(parent)).to.equal(0);
        }, 20);
      });
    });

    it('starts nothing under a cancelled parent', () => {
      const told = collect(
        orchestrate([task('x', () => expect.fail('It starts'))], { parent: AbortSignal.abort('gone'), drainDelay: 10 }),
      );
      expect(told.map((event) => event !== 'complete' && 'type' in event && event.type)).to.deep.equal([
        'cancelled',
        'done',
        'shutdown',
        false,
      ]);
      expect(reportOf(told)).to.include({ cause: 'gone', clean: true });
    });

    it('drains first: it says so at once and cancels after the drainDelay', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [parent, cancel] = withCancel();
        hot('--c').subscribe(() => cancel('parent'));
        expectObservable(landmarks(orchestrate([server], { parent, drainDelay: 5 }))).toBe('--d----c--(s|)');
        const told = collect(orchestrate([server], { parent, drainDelay: 5 }));
        scheduler.schedule(() => {
          expect(
            told.filter(
              (event) => typeof event === 'object' && 'type' in event && ['draining', 'cancelled'].includes(event.type),
            ),
          ).to.deep.equal([
            { type: 'draining', cause: 'parent' },
            { type: 'cancelled', cause: 'parent' },
          ]);
          expect(reportOf(told)).to.include({ cause: 'parent', durationMs: 8 });
        }, 30);
      });
    });

    it('a signal drains too; a task’s own cancel and a failure do not wait', () => {
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

    it('is asked once: a second request during the drain changes nothing', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [target, other] = [new EventEmitter(), new EventEmitter()];
        const [parent, cancel] = withCancel();
        hot('--a--b').subscribe((turn) => (turn === 'a' ? target.emit('SIGINT') : cancel('parent')));
        const told = collect(
          orchestrate([server, signalListener({ target }), signalListener({ target: other })], {
            parent,
            drainDelay: 5,
          }),
        );
        expectObservable(timer(20)).toBe('20ms (a|)', { a: 0 });
        scheduler.schedule(
          () => expect(reportOf(told).cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGINT' }),
          20,
        );
      });
    });

    it('ends without a cancel when all tasks end during the drain', () => {
      virtually(({ hot, expectObservable }, scheduler) => {
        const [parent, cancel] = withCancel();
        hot('--c').subscribe(() => cancel('parent'));
        expectObservable(landmarks(orchestrate([task('x', () => timer(4))], { parent, drainDelay: 50 }))).toBe(
          '--d-(s|)',
        );
        const told = collect(orchestrate([task('x', () => timer(4))], { parent, drainDelay: 50 }));
        scheduler.schedule(
          () => expect(reportOf(told)).to.include({ cause: 'parent', clean: true, durationMs: 2 }),
          30,
        );
      });
    });
  });

  it('cancels when it is left', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a');
      let cause: unknown;
      const app$ = orchestrate([task('x', (ctx) => (ctx.cancelled$.subscribe((why) => (cause = why)), source))]);
      expectObservable(landmarks(app$), '^--!').toBe('-');
      expectSubscriptions(source.subscriptions).toBe('^--!');
      expectObservable(timer(4).pipe(map(() => [cause instanceof CancelledError, String(cause)]))).toBe('----(t|)', {
        t: [true, 'CancelledError: Unsubscribed'],
      });
    });
  });

  it('goes by its own scheduler, else by its parent’s', () => {
    for (const where of ['scheduler', 'parent'] as const) {
      const scheduler = new VirtualTimeScheduler();
      const told = collect(
        orchestrate(
          [task('x', (ctx) => timer(1e6, ctx.scheduler))],
          where === 'scheduler' ? { scheduler } : { parent: withCancel(undefined, { scheduler })[0] },
        ),
      );
      expect(told).to.have.length(1);
      scheduler.flush();
      expect(reportOf(told).outcomes[0]).to.include({ startedAt: 0, endedAt: 1e6 });
    }
  });

  it('errors when one of the runners is under way already, and cancels the others', () => {
    const busy = taskRunner(task('busy', () => NEVER));
    const subscription = busy.start().subscribe();
    const other = taskRunner(task('other', () => NEVER));
    const told = collect(orchestrate([other, busy]));
    expect(told.at(-1)).to.be.instanceOf(AlreadyRunningError).and.include({ task: 'busy' });
    expect([other.status, busy.status]).to.deep.equal(['done', 'running']);
    subscription.unsubscribe();
  });

  it('gives a report and events that a log can take', () => {
    const told = collect(orchestrate([task('x', () => 1)]));
    expect(JSON.parse(JSON.stringify(reportOf(told)))).to.have.nested.property('outcomes[0].runner', 'x');
    expect(() => JSON.stringify(told)).to.not.throw();
  });

  it('can be subscribed again when it has ended', () => {
    const app$ = orchestrate([task('x', (ctx) => ctx.runId)]);
    expect(reportOf(collect(app$)).clean).to.equal(true);
    expect(reportOf(collect(app$)).clean).to.equal(true);
  });

  it('refuses bad input when it is made', () => {
    expect(() => orchestrate([{} as never])).to.throw(TypeError, 'Expected `task`');
    const twice = taskRunner(task('twice', () => 1));
    expect(() => orchestrate([twice, twice])).to.throw(TypeError, 'Expected `runnables` to be runners that differ');
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
    expect(() => orchestrate([], null as never)).to.throw(TypeError, 'Expected `options` to be an object, got null');
    expect(() => orchestrate([], { timeOut: 1 } as never)).to.throw(TypeError, 'got `timeOut` (unknown)');
  });

  it('a second request during the drain is not told, and does not prolong it', () => {
    virtually(({ hot, expectObservable }) => {
      const [parent, cancel] = withCancel();
      const target = new EventEmitter();
      hot('--a-b').subscribe((turn) => (turn === 'a' ? target.emit('SIGINT') : cancel('parent')));
      expectObservable(landmarks(orchestrate([server, signalListener({ target })], { parent, drainDelay: 5 }))).toBe(
        '--d----c--(s|)',
      );
    });
  });

  it('a failure during the drain is the cause, and the time counts from the request', () => {
    virtually(({ hot }, scheduler) => {
      const [parent, cancel] = withCancel();
      hot('--c').subscribe(() => cancel('parent'));
      const told = collect(orchestrate([server, failing(4)], { parent, drainDelay: 50 }));
      scheduler.schedule(() => {
        expect(reportOf(told).cause).to.be.instanceOf(TaskError).and.include({ cause: boom });
        expect(reportOf(told).durationMs).to.equal(5);
      }, 30);
    });
  });

  it('leaves no timer when it ends, or is left, during the drain', () => {
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

  it('leaves nothing in its parent when all tasks have ended by themselves, or when it is left', () => {
    const [parent] = withCancel();
    collect(orchestrate([task('x', () => 1)], { parent }));
    expect(hangingOn(parent)).to.equal(0);
    orchestrate([server], { parent }).subscribe().unsubscribe();
    expect(hangingOn(parent)).to.equal(0);
  });

  it('starts nothing more when it is left at the first event', () => {
    const runners = ['a', 'b'].map((name) => taskRunner(task(name, () => NEVER)));
    orchestrate(runners).pipe(take(1)).subscribe();
    expect(runners.map(({ status }) => status)).to.deep.equal(['done', 'idle']);
  });

  it('writes an error behind a subscriber who has left, once', () => {
    const written = sinon.stub(console, 'error');
    try {
      const failing = task('failing', { execute: () => NEVER, finalize: () => throwError(() => boom) });
      orchestrate([failing]).subscribe().unsubscribe();
      expect(written.callCount).to.equal(1);
      // Left while the last of them is being started, too, though it takes its time to end.
      const fail = () => {
        throw boom;
      };
      virtually((_, scheduler) => {
        const slow = task('slow', { execute: () => NEVER, finalize: () => timer(3).pipe(map(fail)) });
        orchestrate([slow]).pipe(take(1)).subscribe();
        scheduler.flush();
      });
      expect(written.args.map(([error]) => String(error))).to.deep.equal([
        'TaskError: failing failed in finalize: boom',
        'TaskError: slow failed in finalize: boom',
      ]);
    } finally {
      written.restore();
    }
  });

  it('stops when a runner of any make has failed, though that tells no events', () => {
    virtually(({ expectObservable }) => {
      const inner = taskRunner(failing(2) as SimpleTask);
      const foreign: TaskRunner = {
        start: (ctx, cancel) => inner.start(ctx, cancel),
        done$: inner.done$,
        ready$: inner.ready$,
        results$: inner.results$,
        events$: NEVER,
        status: 'running',
        toString: () => 'foreign',
      };
      expectObservable(landmarks(orchestrate([server, foreign]))).toBe('--c--(s|)');
    });
  });
});
