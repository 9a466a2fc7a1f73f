import { expect } from 'chai';
import {
  map,
  NEVER,
  Observable,
  of,
  Subject,
  take,
  throwError,
  timer,
  VirtualTimeScheduler,
  type Subscriber,
} from 'rxjs';
import sinon from 'sinon';
import { joinAll, launchRunner, task, taskRunner, withCancel, type Outcome, type TaskRunner } from '../../lib/index.js';
import { collect, hangingOn } from '../helpers/collect.js';
import { deferred, events, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const brief = ({ task: name, status }: Outcome) => `${name} ${status}`;
const joined = (stream: Observable<Outcome>) => collect(stream.pipe(map(brief)));

function lasting(name: string, ms: number): TaskRunner {
  return taskRunner(task(name, () => timer(ms)));
}

/** A task that takes its time to end. */
function slow(name: string, ms: number): TaskRunner {
  return taskRunner(task(name, { execute: () => NEVER, finalize: () => timer(ms) }));
}

describe('launchRunner', () => {
  it('starts a runner under a context, with the cancel for its hooks', () => {
    const [ctx, cancel] = withCancel();
    const values: unknown[] = [];
    const runner = taskRunner(task('x', (_, cancelAll) => of(1, cancelAll === cancel)));
    const subscription = launchRunner(ctx, cancel, runner, (value) => values.push(value));
    expect([values, subscription.closed]).to.deep.equal([[1, true], true]);
  });

  it('gives a subscription that cancels this run alone', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => NEVER));
    launchRunner(ctx, cancel, runner).unsubscribe();
    expect([outcomeOf(runner)?.status, ctx.cancelled]).to.deep.equal(['cancelled', false]);
  });

  it('writes a failure with console.error when there is no observer', () => {
    const written = sinon.stub(console, 'error');
    try {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => throwError(() => new Error('boom'))));
      launchRunner(ctx, cancel, runner);
      expect(written.args).to.deep.equal([[outcomeOf(runner)?.error]]);
      const told: unknown[] = [];
      launchRunner(ctx, cancel, runner, { error: (error: unknown) => told.push(error) });
      expect([written.callCount, told]).to.deep.equal([1, [outcomeOf(runner)?.error]]);
    } finally {
      written.restore();
    }
  });

  it('one fails, others run, low-level API: the others do not notice', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const failing = taskRunner(
        task('failing', () =>
          timer(1).pipe(
            map(() => {
              throw new Error('boom');
            }),
          ),
        ),
      );
      const other = lasting('other', 5);
      launchRunner(ctx, cancel, failing, { error: () => undefined });
      launchRunner(ctx, cancel, other);
      expectObservable(joinAll(ctx, 100, [failing, other]).pipe(map(brief))).toBe('-f---(o|)', {
        f: 'failing failed',
        o: 'other completed',
      });
    });
  });

  it('gives a subscription that is closed when the run has ended', () => {
    const [ctx, cancel] = withCancel();
    expect(launchRunner(ctx, cancel, taskRunner(task('x', () => 1))).closed).to.equal(true);
  });

  it('starts a runner of any make', () => {
    const [ctx, cancel] = withCancel();
    const { done$, ready$, results$, events$ } = taskRunner(task('x', () => 1));
    const given: unknown[] = [];
    const foreign: TaskRunner = {
      start(...args) {
        given.push(...args);
        return NEVER;
      },
      ...{ done$, ready$, results$, events$, status: 'idle' as const },
    };
    launchRunner(ctx, cancel, foreign);
    expect(given).to.deep.equal([ctx, cancel]);
  });

  it('writes that a runner is under way already', () => {
    const written = sinon.stub(console, 'error');
    try {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('busy', () => NEVER));
      launchRunner(ctx, cancel, runner);
      launchRunner(ctx, cancel, runner);
      expect(written.args.map(String)).to.deep.equal(['AlreadyRunningError: busy is already running']);
    } finally {
      written.restore();
    }
  });

  it('refuses what is no runner', () => {
    const [ctx, cancel] = withCancel();
    expect(() => launchRunner(ctx, cancel, task('x', () => 1) as never)).to.throw(
      TypeError,
      'Expected `runner` to be a TaskRunner',
    );
  });
});

describe('joinAll', () => {
  it('emits each outcome as it comes, and completes when all runners have ended by themselves', () => {
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

  it('gives all of them one deadline, counted from the cancel', () => {
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

  it('counts from the subscription when that is later', () => {
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

  it('initialize hangs, then cancel: timed-out at the deadline, named', () => {
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

  it('execute ignores the abort: timed-out, named', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      const deaf = taskRunner(task('deaf', () => new Promise(() => undefined)));
      launchRunner(ctx, cancel, deaf);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 5, [deaf])).toBe('-------(d|)', {
        d: { task: 'deaf', runner: deaf, status: 'timed-out', phase: 'execute', startedAt: 0 },
      });
    });
  });

  it('finalize hangs: the join ends on time, named', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      const hanging = slow('hanging', Infinity);
      launchRunner(ctx, cancel, hanging);
      hot('--c').subscribe(cancel);
      expectObservable(joinAll(ctx, 5, [hanging]).pipe(map(brief))).toBe('-------(h|)', { h: 'hanging timed-out' });
    });
  });

  it('execute settles after the deadline: a late event; nothing is delivered; finalize runs', async () => {
    for (const settle of ['resolve', 'reject'] as const) {
      const work = deferred<unknown>();
      const finalize = sinon.spy();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', { execute: () => work.promise, finalize }));
      const told = events(runner);
      const values: unknown[] = [];
      launchRunner(ctx, cancel, runner, { next: (value) => values.push(value), error: () => undefined });
      runner.results$.subscribe((value) => values.push(value));
      cancel();
      expect(joined(joinAll(ctx, 0, [runner]))).to.deep.equal(['x timed-out', 'complete']);
      work[settle](new Error('late'));
      await settled();
      expect(values).to.deep.equal([]);
      expect(told.map(({ type }) => type)).to.deep.equal([
        'initializing',
        'ready',
        'cancelling',
        'result-dropped',
        'finalizing',
        'done',
      ]);
      expect([finalize.callCount, outcomeOf(runner)?.status]).to.deep.equal([
        1,
        settle === 'resolve' ? 'cancelled' : 'failed',
      ]);
    }
  });

  it('a failure after the deadline is one, also when whoever is told of it ends the work', () => {
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

  it('does not wait with timeout 0, and takes who has ended with the cancel itself', () => {
    const [ctx, cancel] = withCancel();
    const runners = [taskRunner(task('quick', () => NEVER)), slow('slow', 1)];
    for (const runner of runners) launchRunner(ctx, cancel, runner);
    const told = joined(joinAll(ctx, 0, runners));
    expect(told).to.deep.equal([]);
    cancel();
    expect(told).to.deep.equal(['quick cancelled', 'slow timed-out', 'complete']);
    expect(joined(joinAll(ctx, 0, runners.slice(1)))).to.deep.equal(['slow timed-out', 'complete']);
  });

  it('waits for ever with Infinity', () => {
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

  it('waits for the cancel while a runner goes on', () => {
    virtually(({ expectObservable }) => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('a', () => NEVER));
      launchRunner(ctx, cancel, runner);
      expectObservable(joinAll(ctx, 5, [runner])).toBe('-');
    });
  });

  it('judges who was never started when all started ones have ended', () => {
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

  it('judges who was never started at the cancel, without waiting', () => {
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

  it('waits for who is started while it waits', () => {
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

  it('no tasks at all: a defined, immediate end; none started: likewise', () => {
    const [ctx] = withCancel();
    expect(joined(joinAll(ctx, 10, []))).to.deep.equal(['complete']);
    expect(joined(joinAll(ctx, 10, [lasting('a', 1)]))).to.deep.equal(['a not-started', 'complete']);
  });

  it('takes the last run of those that have ended', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('a', () => 1));
    launchRunner(ctx, cancel, runner);
    expect(joined(joinAll(ctx, 10, [runner]))).to.deep.equal(['a completed', 'complete']);
    cancel();
    expect(joined(joinAll(ctx, 10, [runner]))).to.deep.equal(['a completed', 'complete']);
  });

  it('two tasks with one name: two distinguishable outcomes', () => {
    const [ctx, cancel] = withCancel();
    const [a, b] = [taskRunner(task('same', () => 1)), taskRunner(task('same', () => 2))];
    for (const runner of [a, b]) launchRunner(ctx, cancel, runner);
    const outcomes = collect(joinAll(ctx, 10, [a, b]).pipe(map(({ runner }) => runner)));
    expect(outcomes).to.deep.equal([a, b, 'complete']);
  });

  it('stops waiting and cancels nothing when it is left', () => {
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
      expect(hangingOn(ctx)).to.equal(3);
      subscription.unsubscribe();
      expect(hangingOn(ctx)).to.equal(2);
      const leaving = joinAll(ctx, 50, runners).subscribe();
      cancel();
      expect(clock.countTimers()).to.equal(2);
      leaving.unsubscribe();
      expect(clock.countTimers()).to.equal(1);
    } finally {
      clock.restore();
    }
  });

  it('stands a subscriber who leaves at the first outcome', () => {
    const [ctx, cancel] = withCancel();
    const runners = [1, 2, 3].map((n) => taskRunner(task(`${n}`, () => n)));
    for (const runner of runners) launchRunner(ctx, cancel, runner);
    expect(joined(joinAll(ctx, 10, runners).pipe(take(1)))).to.deep.equal(['1 completed', 'complete']);
    const going = [1, 2, 3].map((n) => slow(`${n}`, 1000));
    for (const runner of going) launchRunner(ctx, cancel, runner);
    cancel();
    expect(joined(joinAll(ctx, 0, going).pipe(take(1)))).to.deep.equal(['1 timed-out', 'complete']);
  });

  it('takes a runner of any make by its done$, and lets go of it', () => {
    const [ctx, cancel] = withCancel();
    const own = taskRunner(task('a', () => NEVER));
    const done$ = new Subject<Outcome>();
    const foreign: TaskRunner = { ...own, start: () => NEVER, status: 'running', done$, toString: () => 'foreign' };
    Object.defineProperty(foreign, 'events$', { value: NEVER });
    const told = joined(joinAll(ctx, 0, [foreign]));
    done$.next({ task: 'foreign', runner: foreign, status: 'completed' });
    expect(told).to.deep.equal(['foreign completed', 'complete']);
    expect(done$.observed).to.equal(false);
    const late = joined(joinAll(ctx, 0, [foreign]));
    cancel();
    expect([late, done$.observed]).to.deep.equal([['foreign timed-out', 'complete'], false]);
  });

  it('takes an AbortSignal', () => {
    const controller = new AbortController();
    const runner = taskRunner(task('a', () => NEVER));
    runner.start(controller.signal).subscribe();
    const told = joined(joinAll(controller.signal, 10, [runner]));
    controller.abort();
    expect(told).to.deep.equal(['a cancelled', 'complete']);
  });

  it('refuses a negative timeout, and what is no runner', () => {
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

  it('waits past the cancel for who was started while it waited', () => {
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

  it('leaves nothing in the runners when it is left, or when it has ended', () => {
    // Those who wait for its end stand in the runner itself.
    const waiting = (runner: TaskRunner) => hangingOn(runner);
    const [ctx, cancel] = withCancel();
    const ended = taskRunner(task('ended', () => 1));
    const going = taskRunner(task('going', () => new Promise(() => undefined)));
    for (const runner of [ended, going]) launchRunner(ctx, cancel, runner);
    const subscription = joinAll(ctx, 10, [going]).subscribe();
    expect(waiting(going)).to.equal(1);
    subscription.unsubscribe();
    expect(waiting(going)).to.equal(0);
    joinAll(ctx, 10, [ended, going]).pipe(take(1)).subscribe();
    expect(waiting(going)).to.equal(0);
    cancel();
    joinAll(ctx, 0, [going]).subscribe();
    expect(waiting(going)).to.equal(0);
  });

  it('arms no deadline for a subscriber who leaves at the cancel', () => {
    const clock = sinon.useFakeTimers();
    try {
      const [ctx, cancel] = withCancel();
      const [going, idle] = [taskRunner(task('going', () => new Promise(() => undefined))), lasting('idle', 1)];
      launchRunner(ctx, cancel, going);
      const told = joined(joinAll(ctx, 50, [going, idle]).pipe(take(1)));
      cancel();
      expect([told, clock.countTimers()]).to.deep.equal([['idle not-started', 'complete'], 0]);
    } finally {
      clock.restore();
    }
  });

  it('goes by the scheduler of its context', () => {
    const scheduler = new VirtualTimeScheduler();
    const [ctx, cancel] = withCancel(undefined, { scheduler });
    const runner = taskRunner(task('deaf', () => new Promise(() => undefined)));
    launchRunner(ctx, cancel, runner);
    const told = joined(joinAll(ctx, 1e6, [runner]));
    cancel();
    scheduler.flush();
    expect([told, scheduler.frame]).to.deep.equal([['deaf timed-out', 'complete'], 1e6]);
  });
});
