import { expect } from 'chai';
import {
  map,
  NEVER,
  Observable,
  of,
  Subject,
  Subscription,
  take,
  throwError,
  VirtualTimeScheduler,
  type Subscriber,
} from 'rxjs';
import sinon from 'sinon';
import {
  joinAll,
  launch,
  launchRunner,
  task,
  taskRunner,
  withCancel,
  type Outcome,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { ManualRunner } from '../helpers/custom-runners.js';
import { deferred, events, failAfter, lasting, outcomeOf, settled, slow, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const brief = ({ task: name, status }: Outcome) => `${name} ${status}`;
const joined = (stream: Observable<Outcome>) => collect(stream.pipe(map(brief)));

describe('launchRunner', () => {
  const written = spyOnConsoleError();

  it('starts a runner under a context, and passes the cancel to its hooks', () => {
    const [ctx, cancel] = withCancel();
    const values: unknown[] = [];
    const runner = taskRunner(task('x', (_, cancelApp) => of(1, cancelApp === cancel)));
    const subscription = launchRunner(ctx, cancel, runner, (value) => values.push(value));
    expect([values, subscription.closed]).to.deep.equal([[1, true], true]);
  });

  it('unsubscribes what the stream of a custom runner returns when it is subscribed', () => {
    const unsubscribed = sinon.spy();
    class OwnSubscription extends Observable<never> {
      override subscribe(): Subscription {
        return new Subscription(unsubscribed);
      }
    }
    const custom = Object.assign(new ManualRunner(), { start: () => new OwnSubscription() });
    launchRunner(...withCancel(), custom).unsubscribe();
    expect(unsubscribed.callCount).to.equal(1);
  });

  it('returns a subscription that cancels this run alone', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => NEVER));
    launchRunner(ctx, cancel, runner).unsubscribe();
    expect([outcomeOf(runner)?.status, ctx.cancelled]).to.deep.equal(['cancelled', false]);
  });

  it('writes a failure with console.error when there is no observer', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => throwError(() => new Error('boom'))));
    launchRunner(ctx, cancel, runner);
    expect(written.all()).to.deep.equal([outcomeOf(runner)?.error]);
    const emitted: unknown[] = [];
    launchRunner(ctx, cancel, runner, { error: (error: unknown) => emitted.push(error) });
    expect([written.all().length, emitted]).to.deep.equal([1, [outcomeOf(runner)?.error]]);
  });

  it('writes no failure after it was unsubscribed, if the outcome has a listener', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => new Observable(() => throwing())));
    const outcomes = joined(runner.done$);
    launchRunner(ctx, cancel, runner).unsubscribe();
    expect([outcomes, written.all()]).to.deep.equal([['x failed', 'complete'], []]);
  });

  it('does not affect other runners when one of them fails', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const failing = taskRunner(task('failing', () => failAfter(1)));
      const other = lasting('other', 5);
      launchRunner(ctx, cancel, failing, { error: () => undefined });
      launchRunner(ctx, cancel, other);
      expectObservable(joinAll(ctx, 100, [failing, other]).pipe(map(brief))).toBe('-f---(o|)', {
        f: 'failing failed',
        o: 'other completed',
      });
    });
  });

  it('returns a closed subscription when the run has already ended', () => {
    const [ctx, cancel] = withCancel();
    expect(launchRunner(ctx, cancel, taskRunner(task('x', () => 1))).closed).to.equal(true);
  });

  it('starts a custom runner', () => {
    const [ctx, cancel] = withCancel();
    const { done$, ready$, results$, events$ } = taskRunner(task('x', () => 1));
    const given: unknown[] = [];
    const custom: TaskRunner = {
      start(...args) {
        given.push(...args);
        return NEVER;
      },
      ...{ done$, ready$, results$, events$, status: 'idle' as const },
    };
    launchRunner(ctx, cancel, custom);
    expect(given).to.deep.equal([ctx, cancel]);
  });

  it('writes an error when the runner is already running', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('busy', () => NEVER));
    launchRunner(ctx, cancel, runner);
    launchRunner(ctx, cancel, runner);
    expect(written.all().map(String)).to.deep.equal(['AlreadyRunningError: busy is already running']);
  });

  it('refuses a value that is not a runner', () => {
    const [ctx, cancel] = withCancel();
    expect(() => launchRunner(ctx, cancel, task('x', () => 1) as never)).to.throw(
      TypeError,
      'Expected `runner` to be a TaskRunner',
    );
  });
});

describe('joinAll', () => {
  it('emits each outcome when its runner ends, and completes when all have ended', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runners = [lasting('a', 5), lasting('b', 2), lasting('c', 9)];
      for (const runner of runners) launchRunner(ctx, cancel, runner);
      expectObservable(joinAll(ctx, 1, runners).pipe(map(brief))).toBe('--b--a---(c|)', {
        a: 'a completed',
        b: 'b completed',
        c: 'c completed',
      });
    });
  });

  it('gives all runners one deadline, counted from the cancel', () => {
    virtually(({ hot, expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runners = [slow('a', 3), slow('b', 20), slow('c', 30)];
      for (const runner of runners) launchRunner(ctx, cancel, runner);
      hot('----c').subscribe(cancel);
      expectObservable(joinAll(ctx, 10, runners).pipe(map(brief))).toBe('-------a------(bc|)', {
        a: 'a cancelled',
        b: 'b timed-out',
        c: 'c timed-out',
      });
    });
  });

  it('counts the deadline from the subscription when that is later than the cancel', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runner = slow('a', 100);
      launchRunner(ctx, cancel, runner);
      cancel();
      expectObservable(joinAll(ctx, 10, [runner]).pipe(map(brief)), '-----^').toBe('---------------(a|)', {
        a: 'a timed-out',
      });
    });
  });

  it('names a runner whose initialize hangs as timed-out at the deadline', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      const hanging = taskRunner(task('hanging', { initialize: () => new Promise(() => undefined), execute: () => 1 }));
      launchRunner(ctx, cancel, hanging);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 5, [hanging])).toBe('-------(h|)', {
        h: { task: 'hanging', runner: hanging, status: 'timed-out', phase: 'initialize', startedAt: 0 },
      });
    });
  });

  it('names a runner whose execute ignores the cancel as timed-out at the deadline', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      const stubborn = taskRunner(task('stubborn', () => new Promise(() => undefined)));
      launchRunner(ctx, cancel, stubborn);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 5, [stubborn])).toBe('-------(d|)', {
        d: { task: 'stubborn', runner: stubborn, status: 'timed-out', phase: 'execute', startedAt: 0 },
      });
    });
  });

  it('ends on time when finalize hangs, and names the runner', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      const hanging = slow('hanging', Infinity);
      launchRunner(ctx, cancel, hanging);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 5, [hanging]).pipe(map(brief))).toBe('-------(h|)', { h: 'hanging timed-out' });
    });
  });

  it('drops the result of an execute that settles after the deadline, with an event, and finalizes', async () => {
    for (const settle of ['resolve', 'reject'] as const) {
      const work = deferred<unknown>();
      const finalize = sinon.spy();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', { execute: () => work.promise, finalize }));
      const emitted = events(runner);
      const values: unknown[] = [];
      launchRunner(ctx, cancel, runner, { next: (value) => values.push(value), error: () => undefined });
      runner.results$.subscribe((value) => values.push(value));
      cancel();
      expect(joined(joinAll(ctx, 0, [runner]))).to.deep.equal(['x timed-out', 'complete']);
      work[settle](new Error('late'));
      await settled();
      expect(values).to.deep.equal([]);
      expect(emitted.map(({ type }) => type)).to.deep.equal([
        'initializing',
        'ready',
        'cancelling',
        'result-dropped',
        ...(settle === 'reject' ? ['failed'] : []),
        'finalizing',
        'done',
      ]);
      expect([finalize.callCount, outcomeOf(runner)?.status]).to.deep.equal([
        1,
        settle === 'resolve' ? 'cancelled' : 'failed',
      ]);
    }
  });

  it('keeps a failure after the deadline, even if a listener of its event ends the work', () => {
    const [ctx, cancel] = withCancel();
    let work: Subscriber<unknown> | undefined;
    const runner = taskRunner(
      task('x', { execute: () => new Observable((subscriber) => void (work = subscriber)), grace: 60_000 }),
    );
    runner.events$.subscribe(({ type }) => {
      if (type === 'result-dropped') work?.complete();
    });
    launchRunner(ctx, cancel, runner, { error: () => undefined });
    cancel();
    expect(joined(joinAll(ctx, 0, [runner]))).to.deep.equal(['x timed-out', 'complete']);
    work?.error(new Error('boom'));
    expect(outcomeOf(runner)?.status).to.equal('failed');
  });

  it('does not wait with timeout 0, and emits the runners that ended during the cancel', () => {
    const [ctx, cancel] = withCancel();
    const runners = [taskRunner(task('quick', () => NEVER)), slow('slow', 1)];
    for (const runner of runners) launchRunner(ctx, cancel, runner);
    const emitted = joined(joinAll(ctx, 0, runners));
    expect(emitted).to.deep.equal([]);
    cancel();
    expect(emitted).to.deep.equal(['quick cancelled', 'slow timed-out', 'complete']);
    expect(joined(joinAll(ctx, 0, runners.slice(1)))).to.deep.equal(['slow timed-out', 'complete']);
  });

  it('emits the own outcome of a run whose end is being reported at the deadline', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const end = new Subject();
    const runner = taskRunner(task('a', { execute: () => NEVER, finalize: () => end }));
    runner.events$.subscribe(({ type }) => type === 'done' && clock.advance(10));
    launchRunner(ctx, cancel, runner);
    const outcomes = collect(joinAll(ctx, 10, [runner]));
    cancel();
    end.complete();
    expect(outcomes).to.deep.equal([outcomeOf(runner), 'complete']);
  });

  it('emits the own outcome of a run that an instrumentation ends at the deadline, once', async () => {
    const work = new Subject<unknown>();
    const [ctx, cancel] = withCancel();
    const app = launch([task('x', { execute: () => work, grace: 60_000 }), task('y', () => new Promise(() => 0))], {
      timeout: 0,
      parent: ctx,
      observer: {},
      instrumentation: [{ onRunEnd: ({ task: name }) => name === 'x' && work.complete() }],
    });
    cancel();
    expect((await app).outcomes.map(brief)).to.deep.equal(['x cancelled', 'y timed-out']);
  });

  it('waits for ever with timeout Infinity', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runner = slow('a', 2 ** 33);
      launchRunner(ctx, cancel, runner);
      cancel();
      expectObservable(joinAll(ctx, Infinity, [runner]).pipe(map(brief))).toBe(`${2 ** 33}ms (a|)`, {
        a: 'a cancelled',
      });
    });
  });

  it('waits for the cancel while a runner is running', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('a', () => NEVER));
      launchRunner(ctx, cancel, runner);
      expectObservable(joinAll(ctx, 5, [runner])).toBe('-');
    });
  });

  it('emits runners that were never started when all started ones have ended', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const [a, idle] = [lasting('a', 3), lasting('idle', 1)];
      launchRunner(ctx, cancel, a);
      expectObservable(joinAll(ctx, 10, [idle, a]).pipe(map(brief))).toBe('---(ai|)', {
        a: 'a completed',
        i: 'idle not-started',
      });
    });
  });

  it('emits runners that were never started at the cancel, without waiting', () => {
    virtually(({ hot, expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const [a, idle] = [slow('a', 5), lasting('idle', 1)];
      launchRunner(ctx, cancel, a);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 10, [idle, a])).toBe('--i----(a|)', {
        i: { task: 'idle', runner: idle, status: 'not-started' },
        a: outcome(a),
      });
    });

    function outcome(runner: TaskRunner): Outcome {
      return { task: 'a', runner, status: 'cancelled', startedAt: 0, endedAt: 7 };
    }
  });

  it('emits a runner that was never started once, and waits for all others', () => {
    virtually(({ hot, expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const [a, b, idle] = [slow('a', 2), slow('b', 5), lasting('idle', 1)];
      launchRunner(ctx, cancel, a);
      launchRunner(ctx, cancel, b);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 10, [idle, a, b]).pipe(map(brief))).toBe('--i-a--(b|)', {
        i: 'idle not-started',
        a: 'a cancelled',
        b: 'b cancelled',
      });
    });
  });

  it('waits for a runner that is started during the wait', () => {
    virtually(({ expectObservable }, scheduler) => {
      const [ctx, cancel] = withCancel();
      const [a, b, c] = [lasting('a', 3), lasting('b', 5), lasting('c', 1)];
      launchRunner(ctx, cancel, a);
      scheduler.schedule(() => launchRunner(ctx, cancel, b), 1);
      expectObservable(joinAll(ctx, 10, [c, b, a]).pipe(map(brief))).toBe('---a--(bc|)', {
        a: 'a completed',
        b: 'b completed',
        c: 'c not-started',
      });
    });
  });

  it('decides at once which runners were never started, even if a subscriber then starts one', () => {
    const [ctx, cancel] = withCancel();
    const [a, b] = [lasting('a', 1), taskRunner(task('b', () => NEVER))];
    const outcomes: string[] = [];
    joinAll(ctx, 10, [a, b]).subscribe({
      next(outcome) {
        outcomes.push(brief(outcome));
        if (outcome.runner === a) launchRunner(ctx, cancel, b);
      },
      complete: () => outcomes.push('complete'),
    });
    expect(outcomes).to.deep.equal(['a not-started', 'b not-started', 'complete']);
    cancel();
  });

  it('completes immediately without runners, and when none was started', () => {
    const [ctx] = withCancel();
    expect(joined(joinAll(ctx, 10, []))).to.deep.equal(['complete']);
    expect(joined(joinAll(ctx, 10, [lasting('a', 1)]))).to.deep.equal(['a not-started', 'complete']);
  });

  it('emits the outcome of the last run of runners that have ended', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('a', () => 1));
    launchRunner(ctx, cancel, runner);
    expect(joined(joinAll(ctx, 10, [runner]))).to.deep.equal(['a completed', 'complete']);
    cancel();
    expect(joined(joinAll(ctx, 10, [runner]))).to.deep.equal(['a completed', 'complete']);
  });

  it('emits two distinguishable outcomes for two tasks of one name', () => {
    const [ctx, cancel] = withCancel();
    const [a, b] = [taskRunner(task('same', () => 1)), taskRunner(task('same', () => 2))];
    for (const runner of [a, b]) launchRunner(ctx, cancel, runner);
    const outcomes = collect(joinAll(ctx, 10, [a, b]).pipe(map(({ runner }) => runner)));
    expect(outcomes).to.deep.equal([a, b, 'complete']);
  });

  it('stops waiting and cancels nothing when it is unsubscribed', () => {
    virtually(({ hot, expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('a', () => NEVER));
      launchRunner(ctx, cancel, runner);
      hot('-----c').subscribe(cancel);
      expectObservable(joinAll(ctx, 5, [runner]), '--!').toBe('-');
      expectObservable(runner.done$.pipe(map(brief))).toBe('-----(a|)', { a: 'a cancelled' });
    });
    const clock = sinon.useFakeTimers();
    try {
      const [ctx, cancel] = withCancel();
      const runners = [slow('a', 100), taskRunner(task('b', () => NEVER))];
      for (const runner of runners) launchRunner(ctx, cancel, runner);
      const subscription = joinAll(ctx, 50, runners).subscribe();
      expect(listenerCount(ctx)).to.equal(3);
      subscription.unsubscribe();
      expect(listenerCount(ctx)).to.equal(2);
      const leaving = joinAll(ctx, 50, runners).subscribe();
      cancel();
      expect(clock.countTimers()).to.equal(2);
      leaving.unsubscribe();
      expect(clock.countTimers()).to.equal(1);
    } finally {
      clock.restore();
    }
  });

  it('supports a subscriber that unsubscribes at the first outcome', () => {
    const [ctx, cancel] = withCancel();
    const runners = [1, 2, 3].map((n) => taskRunner(task(`${n}`, () => n)));
    for (const runner of runners) launchRunner(ctx, cancel, runner);
    expect(joined(joinAll(ctx, 10, runners).pipe(take(1)))).to.deep.equal(['1 completed', 'complete']);
    const running = [1, 2, 3].map((n) => slow(`${n}`, 1000));
    for (const runner of running) launchRunner(ctx, cancel, runner);
    cancel();
    expect(joined(joinAll(ctx, 0, running).pipe(take(1)))).to.deep.equal(['1 timed-out', 'complete']);
  });

  it('waits for the done$ of a custom runner, and unsubscribes from it', () => {
    const [ctx, cancel] = withCancel();
    const own = taskRunner(task('a', () => NEVER));
    const done$ = new Subject<Outcome>();
    const custom: TaskRunner = { ...own, start: () => NEVER, status: 'running', done$, toString: () => 'custom' };
    Object.defineProperty(custom, 'events$', { value: NEVER });
    const emitted = joined(joinAll(ctx, 0, [custom]));
    done$.next({ task: 'custom', runner: custom, status: 'completed' });
    expect(emitted).to.deep.equal(['custom completed', 'complete']);
    expect(done$.observed).to.equal(false);
    const late = joined(joinAll(ctx, 0, [custom]));
    cancel();
    expect([late, done$.observed]).to.deep.equal([['custom timed-out', 'complete'], false]);
  });

  it('accepts an AbortSignal as its context', () => {
    const controller = new AbortController();
    const runner = taskRunner(task('a', () => NEVER));
    runner.start(controller.signal).subscribe();
    const emitted = joined(joinAll(controller.signal, 10, [runner]));
    controller.abort();
    expect(emitted).to.deep.equal(['a cancelled', 'complete']);
  });

  it('has a copy of its runners, which the caller may change', () => {
    const [ctx, cancel] = withCancel();
    const runners = [taskRunner(task('a', () => NEVER))];
    const join$ = joinAll(ctx, 10, runners);
    runners.push(taskRunner(task('b', () => NEVER)));
    const emitted = joined(join$);
    cancel();
    expect(emitted).to.deep.equal(['a not-started', 'complete']);
  });

  it('refuses a negative timeout, and values that are not runners', () => {
    const [ctx] = withCancel();
    expect(() => joinAll(ctx, [1, 2, 3, 4] as never, [])).to.throw(
      TypeError,
      'Expected `timeout` to be a number of ms, got `[ 1, 2, 3, ... 1 more item ]` (object)',
    );
    expect(() => joinAll(ctx, -1, [])).to.throw(
      RangeError,
      'Expected `timeout` to be a number of ms from 0 and up, got `-1` (number)',
    );
    expect(() => joinAll(ctx, NaN, [])).to.throw(RangeError);
    expect(() => joinAll(ctx, '1' as never, [])).to.throw(TypeError);
    expect(() => joinAll(ctx, 1, undefined as never)).to.throw(
      TypeError,
      'Expected `runners` to be an array, got undefined',
    );
    expect(() => joinAll(ctx, 1, [{}] as never)).to.throw(TypeError, 'Expected `runner`');
    expect(() => joinAll({} as never, 1, [])).to.throw(TypeError, 'Expected `ctx`');
  });

  it('waits after the cancel for a runner that was started during the wait', () => {
    virtually(({ hot, expectObservable }, scheduler) => {
      const [ctx, cancel] = withCancel();
      const [a, b] = [slow('a', 1), slow('b', 3)];
      launchRunner(ctx, cancel, a);
      scheduler.schedule(() => launchRunner(ctx, cancel, b), 1);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 10, [a, b]).pipe(map(brief))).toBe('---a-(b|)', {
        a: 'a cancelled',
        b: 'b cancelled',
      });
    });
  });

  it('leaves no listener in the runners when it is unsubscribed, or has ended', () => {
    const waiting = (runner: TaskRunner) => listenerCount(runner);
    const [ctx, cancel] = withCancel();
    const ended = taskRunner(task('ended', () => 1));
    const running = taskRunner(task('running', () => new Promise(() => undefined)));
    for (const runner of [ended, running]) launchRunner(ctx, cancel, runner);
    const subscription = joinAll(ctx, 10, [running]).subscribe();
    expect(waiting(running)).to.equal(1);
    subscription.unsubscribe();
    expect(waiting(running)).to.equal(0);
    joinAll(ctx, 10, [ended, running]).pipe(take(1)).subscribe();
    expect(waiting(running)).to.equal(0);
    cancel();
    joinAll(ctx, 0, [running]).subscribe();
    expect(waiting(running)).to.equal(0);
  });

  it('starts no timer when its subscriber unsubscribes at the cancel', () => {
    const clock = sinon.useFakeTimers();
    try {
      const [ctx, cancel] = withCancel();
      const [running, idle] = [taskRunner(task('running', () => new Promise(() => undefined))), lasting('idle', 1)];
      launchRunner(ctx, cancel, running);
      const emitted = joined(joinAll(ctx, 50, [running, idle]).pipe(take(1)));
      cancel();
      expect([emitted, clock.countTimers()]).to.deep.equal([['idle not-started', 'complete'], 0]);
    } finally {
      clock.restore();
    }
  });

  it('uses the scheduler of its context', () => {
    const scheduler = new VirtualTimeScheduler();
    const [ctx, cancel] = withCancel(undefined, { scheduler });
    const runner = taskRunner(task('stubborn', () => new Promise(() => undefined)));
    launchRunner(ctx, cancel, runner);
    const emitted = joined(joinAll(ctx, 1e6, [runner]));
    cancel();
    scheduler.flush();
    expect([emitted, scheduler.frame]).to.deep.equal([['stubborn timed-out', 'complete'], 1e6]);
  });
});
