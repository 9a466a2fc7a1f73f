import { inspect } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { EMPTY, map, NEVER, Observable, of, Subject, take, throwError, timer, type SchedulerLike } from 'rxjs';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  CancelledError,
  critical,
  cron,
  isTaskRunner,
  joinAll,
  orchestrate,
  ordered,
  parallel,
  RestartLimitError,
  snapshot,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
  type CancelFunc,
  type Context,
  type Outcome,
  type RunContext,
  type SimpleTask,
  type SuperviseOptions,
  type TaskDefinition,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect, hangingOn, thrownBy } from '../helpers/collect.js';
import { deferred, events, outcomeOf, settled } from '../helpers/tasks.js';
import { keepWritten } from '../helpers/written.js';
import { virtually } from '../helpers/virtual-time.js';

/** Waits of 3, 6, 12 ms and so on. */
const exact = { initial: 3, jitter: 0 };

/** A task whose runs are these, one after another; then it goes on for ever. */
function through<T>(...runs: readonly Observable<T>[]): SimpleTask<T> {
  let n = 0;
  return task('x', () => runs[n++] ?? NEVER);
}

/** Fails after some time. */
function failingAfter(ms: number, scheduler?: SchedulerLike): Observable<never> {
  return timer(ms, scheduler).pipe(
    map(() => {
      throw new Error('boom');
    }),
  );
}

function failing(reason: unknown = new Error('boom')): () => never {
  return () => {
    throw reason;
  };
}

const boom = (name = 'x'): TaskError => new TaskError(name, 'execute', new Error('boom'));

/** What happens to a runner: `5: x restarting 1 in 3 (x failed in execute: boom)`. */
function storyOf(runner: TaskRunner): string[] {
  const story: string[] = [];
  runner.events$.subscribe((event) => story.push(`${event.at}: ${event.task} ${lineOf(event)}`));
  return story;
}

function lineOf(event: TaskEvent): string {
  switch (event.type) {
    case 'restarting':
      return `restarting ${event.restart} in ${event.delay}${event.error ? ` (${event.error.message})` : ''}`;
    case 'done':
      return `done ${event.outcome.status}`;
    case 'result-dropped':
      return `late in ${event.phase}${event.error ? ` (${event.error.message})` : ''}`;
    default:
      return event.type;
  }
}

interface Played<T> {
  readonly machine: VirtualClock;
  readonly runner: TaskRunner<T>;
  readonly ctx: Context;
  readonly cancel: CancelFunc;
  readonly told: (T | 'complete' | Error)[];
  readonly story: string[];
}

/** Starts a runner on a machine of its own. */
function play<T>(make: (scheduler: VirtualClock) => TaskRunner<T>): Played<T> {
  const machine = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
  const runner = make(machine);
  const story = storyOf(runner);
  return { machine, runner, ctx, cancel, story, told: collect(runner.start(ctx, cancel)) };
}

/** The waits before the restarts of a runner, as they come. */
function waitsOf(runner: TaskRunner): number[] {
  const waits: number[] = [];
  runner.events$.subscribe((event) => {
    if (event.type === 'restarting') waits.push(event.delay);
  });
  return waits;
}

/** These values, over and over. */
function turns<T>(values: readonly T[]): () => T {
  let n = 0;
  return () => values[n++ % values.length] as T;
}

/** A runner that someone else has written, around one of ours, which it may start under the very context that it gets. */
function foreign<T>(runner: TaskRunner<T>, under: 'its own' | 'the same' = 'its own'): TaskRunner<T> {
  const other: TaskRunner<T> = {
    start: (ctx, cancel) => runner.start(under === 'the same' ? ctx : withCancel(ctx)[0], cancel),
    done$: runner.done$.pipe(map((outcome) => ({ ...outcome, runner: other }))),
    ready$: runner.ready$,
    results$: runner.results$,
    events$: runner.events$.pipe(
      map((event) => (event.type === 'done' ? { ...event, outcome: { ...event.outcome, runner: other } } : event)),
    ),
    get status() {
      return runner.status;
    },
    toString: () => String(runner),
  };
  return other;
}

describe('supervise', () => {
  const written = keepWritten();

  describe('when it is made', () => {
    type Refusal = [options: unknown, error: new (message: string) => Error, message: string];
    const oneOf = "Expected `restart` to be 'on-failure' or 'always', got ";
    const known = 'made of `initial`, `max`, `factor`, `jitter`, `random`';
    const ms = (name: string): Refusal[] => {
      const [option, inner] = name.split('.') as [string, string?];
      const given = (value: unknown) => ({ [option]: inner === undefined ? value : { [inner]: value } });
      return [
        [given('1'), TypeError, `Expected \`${name}\` to be a number of ms, got \`'1'\` (string)`],
        [given(null), TypeError, `Expected \`${name}\` to be a number of ms, got null`],
        [given(-1), RangeError, `Expected \`${name}\` to be a number of ms from 0 and up, got \`-1\` (number)`],
        [given(NaN), RangeError, `Expected \`${name}\` to be a number of ms from 0 and up, got \`NaN\` (number)`],
      ];
    };
    const refusals: Record<string, readonly Refusal[]> = {
      'options are an object, of known names': [
        [null, TypeError, 'Expected `options` to be an object, got null'],
        ['always', TypeError, "Expected `options` to be an object, got `'always'` (string)"],
        [
          { retries: 3 },
          TypeError,
          'Expected `options` to be made of `restart`, `backoff`, `maxRestarts`, `window`, `healthyFor`, ' +
            'got `retries` (unknown)',
        ],
      ],
      restart: [
        [{ restart: 'never' }, RangeError, `${oneOf}\`'never'\` (string)`],
        [{ restart: true }, RangeError, `${oneOf}\`true\` (boolean)`],
        [{ restart: null }, RangeError, `${oneOf}null`],
      ],
      'backoff is an object, of known names': [
        [{ backoff: null }, TypeError, 'Expected `backoff` to be an object, got null'],
        [{ backoff: 100 }, TypeError, 'Expected `backoff` to be an object, got `100` (number)'],
        [{ backoff: { delay: 1 } }, TypeError, `Expected \`backoff\` to be ${known}, got \`delay\` (unknown)`],
      ],
      'backoff.initial': ms('backoff.initial'),
      'backoff.max': ms('backoff.max'),
      window: ms('window'),
      healthyFor: ms('healthyFor'),
      'backoff.factor': [
        [
          { backoff: { factor: 0.5 } },
          RangeError,
          'Expected `backoff.factor` to be a number from 1 and up, got `0.5` (number)',
        ],
        [{ backoff: { factor: NaN } }, RangeError, 'Expected `backoff.factor` to be a number from 1 and up, got `NaN`'],
        [{ backoff: { factor: -2 } }, RangeError, 'Expected `backoff.factor` to be a number from 1 and up, got `-2`'],
      ],
      'backoff.jitter': [
        [
          { backoff: { jitter: 1.5 } },
          RangeError,
          'Expected `backoff.jitter` to be a number from 0 to 1, got `1.5` (number)',
        ],
        [{ backoff: { jitter: -0.1 } }, RangeError, 'Expected `backoff.jitter` to be a number from 0 to 1, got `-0.1`'],
        [{ backoff: { jitter: NaN } }, RangeError, 'Expected `backoff.jitter` to be a number from 0 to 1, got `NaN`'],
      ],
      'backoff.random': [
        [{ backoff: { random: 0.5 } }, TypeError, 'Expected `backoff.random` to be a function, got `0.5` (number)'],
        [{ backoff: { random: null } }, TypeError, 'Expected `backoff.random` to be a function, got null'],
      ],
      maxRestarts: [-1, 1.5, NaN, -Infinity, '5'].map((maxRestarts) => [
        { maxRestarts },
        typeof maxRestarts === 'string' ? TypeError : RangeError,
        `Expected \`maxRestarts\` to be a whole number from 0 and up, or Infinity, got \`${inspect(maxRestarts)}\` (${typeof maxRestarts})`,
      ]),
    };
    for (const [title, rows] of Object.entries(refusals)) {
      it(`refuses what is not allowed: ${title}`, () => {
        for (const [options, error, message] of rows) {
          const thrown = thrownBy(() => supervise(through(), options as SuperviseOptions));
          expect(thrown.message).to.include(message);
          expect(thrown).to.be.instanceOf(error);
        }
      });
    }

    for (const options of [
      { backoff: { factor: '2' } },
      { backoff: { factor: [2] } },
      { backoff: { jitter: '0.5' } },
      { backoff: { jitter: null } },
      { backoff: { jitter: true } },
      { maxRestarts: '5' },
      { maxRestarts: null },
    ]) {
      it(`refuses what is no number though it looks like one: ${JSON.stringify(options)}`, () => {
        expect(() => supervise(through(), options as never)).to.throw(/^Expected `/);
      });
    }

    it('takes all that is in range, its ends included, and leaves the rest as it is when it is undefined', () => {
      for (const options of [
        undefined,
        {},
        { backoff: {} },
        { restart: undefined, backoff: undefined, maxRestarts: undefined, window: undefined, healthyFor: undefined },
        { backoff: { initial: undefined, max: undefined, factor: undefined, jitter: undefined, random: undefined } },
        { backoff: { initial: 0, max: 0, factor: 1, jitter: 0 }, maxRestarts: 0, window: 0, healthyFor: 0 },
        { backoff: { initial: Infinity, max: Infinity, factor: 1.5, jitter: 1, random: () => 0 } },
        { maxRestarts: Infinity, window: Infinity, healthyFor: Infinity },
        { restart: 'always' },
      ])
        expect(isTaskRunner(supervise(through(), options as SuperviseOptions))).to.equal(true);
    });

    it('refuses what is neither task nor runner', () => {
      for (const other of [undefined, null, {}, 'x', () => 1]) {
        expect(() => supervise(other as never)).to.throw(TypeError, 'Expected `task` to be a task');
        expect(() => critical(other as never)).to.throw(TypeError, 'Expected `task` to be a task');
      }
    });

    it('has the name of what it runs, is idle, and starts nothing before it is subscribed', () => {
      const execute = sinon.spy();
      for (const runner of [supervise(task('x', execute)), critical(task('x', execute))]) {
        runner.start();
        expect([String(runner), runner.status, execute.callCount]).to.deep.equal(['x', 'idle', 0]);
      }
    });
  });

  describe('restart', () => {
    it("'on-failure', unless said: what fails is started again, and a clean end ends it", () => {
      virtually(({ cold, expectObservable, expectSubscriptions }) => {
        const runs = [cold('-a-#'), cold('--#'), cold('--b|'), cold('c|')] as const;
        for (const options of [{ backoff: exact }, { restart: 'on-failure', backoff: exact }] as const)
          expectObservable(supervise(through(...runs), options).start()).toBe('-a--------------b|');
        for (const [n, marbles] of ['^--!', '------^-!', '--------------^--!'].entries())
          expectSubscriptions(runs[n]?.subscriptions ?? []).toBe([marbles, marbles]);
        expectSubscriptions(runs[3].subscriptions).toBe([]);
      });
    });

    it("'always': it is started again however it ends", () => {
      virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const [ctx, cancel] = withCancel();
        const runs = [cold('-a|'), cold('--#'), cold('b-|'), cold('-c-d-e-f-g')] as const;
        const runner = supervise(through(...runs), { restart: 'always', backoff: { ...exact, factor: 1 } });
        hot('-------------------c').subscribe(cancel);
        expectObservable(runner.start(ctx)).toBe('-a--------b-----c-d|');
        for (const [n, marbles] of ['^-!', '-----^-!', '----------^-!', '---------------^---!'].entries())
          expectSubscriptions(runs[n]?.subscriptions ?? []).toBe(marbles);
      });
    });

    it('is the whole lifecycle again, each time under a context of its own', () => {
      const seen: RunContext[] = [];
      const { machine, story, told, runner } = play((scheduler) =>
        supervise(
          task('x', {
            initialize: (ctx) => (seen.push(ctx), timer(1, scheduler)),
            execute: () =>
              seen.length < 3 ? failingAfter(2, scheduler) : timer(2, scheduler).pipe(map(() => 'value')),
            finalize: () => timer(4, scheduler),
          }),
          { backoff: exact },
        ),
      );
      machine.advance(100);
      expect(story).to.deep.equal([
        '0: x initializing',
        '1: x ready',
        '3: x finalizing',
        '7: x restarting 1 in 3 (x failed in execute: boom)',
        '10: x initializing',
        '11: x ready',
        '13: x finalizing',
        '17: x restarting 2 in 6 (x failed in execute: boom)',
        '23: x initializing',
        '24: x ready',
        '26: x finalizing',
        '30: x done completed',
      ]);
      expect(told).to.deep.equal(['value', 'complete']);
      expect(new Set(seen).size).to.equal(3);
      expect(seen.map(({ cause }) => (cause as Error).name)).to.deep.equal([
        'TaskError',
        'TaskError',
        'CancelledError',
      ]);
      expect(outcomeOf(runner)?.status).to.equal('completed');
    });

    it('whichever hook has failed, and however', () => {
      const kinds: Record<string, Partial<TaskDefinition<unknown>>> = {
        'initialize throws': { initialize: failing() },
        'initialize errors': { initialize: () => throwError(() => new Error('boom')) },
        'execute throws': { execute: failing() },
        'execute errors': { execute: () => throwError(() => new Error('boom')) },
        'finalize throws': { finalize: failing() },
        'finalize errors': { finalize: () => throwError(() => new Error('boom')) },
      };
      for (const [kind, hooks] of Object.entries(kinds)) {
        let runs = 0;
        const definition = (): TaskDefinition<unknown> =>
          runs++ < 2 ? { execute: () => EMPTY, ...hooks } : { execute: () => EMPTY };
        let now = definition();
        const { machine, story, told } = play(() =>
          supervise(
            task('x', {
              initialize: (ctx) => now.initialize?.(ctx),
              execute: (ctx, cancel) => now.execute(ctx, cancel),
              finalize: () => {
                const { finalize } = now;
                now = definition();
                return finalize?.();
              },
            }),
            { backoff: exact },
          ),
        );
        machine.advance(100);
        const phase = kind.split(' ')[0] ?? '';
        expect(
          story.filter((line) => !/initializing|ready|finalizing/.test(line)),
          kind,
        ).to.deep.equal([
          `0: x restarting 1 in 3 (x failed in ${phase}: boom)`,
          `3: x restarting 2 in 6 (x failed in ${phase}: boom)`,
          '9: x done completed',
        ]);
        expect(
          story.filter((line) => line.endsWith('finalizing')),
          kind,
        ).to.have.length(3);
        expect(told).to.deep.equal(['complete']);
      }
    });

    it('a task of promises', async () => {
      let runs = 0;
      const runner = supervise(
        task('x', async () => {
          if (++runs < 3) throw new Error('boom');
          return runs;
        }),
        { backoff: { initial: 0 } },
      );
      const told = collect(runner.start());
      await new Promise((resolve) => runner.done$.subscribe(resolve));
      expect(told).to.deep.equal([3, 'complete']);
    });

    it('leaves nothing of the last run on the context', () => {
      const hanging: number[] = [];
      const { machine, cancel, ctx } = play((scheduler) =>
        supervise(
          task('x', (run) => {
            // The member's context, and above that the one of the supervised run.
            const above = (run as unknown as { list: { list: object } }).list.list;
            hanging.push(hangingOn(above));
            timer(2, scheduler).subscribe(() => hanging.push(hangingOn(above)));
            return failingAfter(1, scheduler);
          }),
          { backoff: { ...exact, factor: 1 } },
        ),
      );
      machine.advance(11);
      // While it runs there is the run; while it waits, what ends the wait.
      expect(hanging).to.deep.equal([1, 1, 1, 1, 1, 1]);
      cancel();
      expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
    });

    it('can be started again after its end, and counts anew', () => {
      const { machine, runner, ctx, story, told } = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(1, scheduler)),
          { backoff: exact, maxRestarts: 2 },
        ),
      );
      machine.advance(100);
      story.length = 0;
      const first = outcomeOf(runner);
      const again = collect(runner.start(ctx));
      expect([outcomeOf(runner), runner.status]).to.deep.equal([undefined, 'running']);
      machine.advance(100);
      expect(story.filter((line) => !line.endsWith('ready'))).to.deep.equal([
        '101: x restarting 1 in 3 (x failed in execute: boom)',
        '105: x restarting 2 in 6 (x failed in execute: boom)',
        '112: x done failed',
      ]);
      expect([told, again]).to.deep.equal([[first?.error], [outcomeOf(runner)?.error]]);
      expect(first).to.not.equal(outcomeOf(runner));
      expect([outcomeOf(runner)?.startedAt, outcomeOf(runner)?.endedAt]).to.deep.equal([100, 112]);
    });

    it('can be started again by whoever is told its end', () => {
      const { machine, runner, ctx, story } = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(1, scheduler)),
          { maxRestarts: 0 },
        ),
      );
      let again: unknown[] = [];
      runner.done$.subscribe(() => (again = collect(runner.start(ctx))));
      machine.advance(10);
      expect(story).to.deep.equal(['0: x ready', '1: x done failed', '1: x ready', '2: x done failed']);
      expect(again).to.deep.equal([outcomeOf(runner)?.error]);
    });

    it('refuses to start while it is under way, waits included, and goes on', () => {
      virtually(({ cold, hot, expectObservable }) => {
        const runner = supervise(through(cold('-#'), cold('--a|')), { backoff: exact });
        const refused: unknown[] = [];
        hot('^a-a-a').subscribe(() => runner.start().subscribe({ error: (error: unknown) => refused.push(error) }));
        expectObservable(
          new Observable((subscriber) => {
            runner.start().subscribe(subscriber);
            subscriber.add(() => {
              expect(refused).to.have.length(3);
              for (const error of refused) expect(error).to.be.instanceOf(AlreadyRunningError);
            });
          }),
        ).toBe('------a|');
      });
    });
  });

  describe('backoff', () => {
    /** The waits of a task that fails at once, up to the limit. */
    const waits = (options: SuperviseOptions, runs = 5): number[] => {
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      const runner = supervise(task('x', failing()), { maxRestarts: runs, window: Infinity, ...options });
      const told = waitsOf(runner);
      runner.start(ctx).subscribe({ error: () => undefined });
      machine.advance(1e12);
      expect(runner.status).to.equal('done');
      return told;
    };

    it('grows from one failure to the next by its factor, up to its max', () => {
      expect(waits({ backoff: { initial: 10, jitter: 0 } })).to.deep.equal([10, 20, 40, 80, 160]);
      expect(waits({ backoff: { initial: 10, factor: 3, max: 200, jitter: 0 } })).to.deep.equal([10, 30, 90, 200, 200]);
      expect(waits({ backoff: { initial: 10, factor: 1, jitter: 0 } })).to.deep.equal([10, 10, 10, 10, 10]);
      expect(waits({ backoff: { initial: 10, factor: 1.5, jitter: 0 } }, 3)).to.deep.equal([10, 15, 22.5]);
      expect(waits({ backoff: { initial: 10, max: 4, jitter: 0 } }, 2)).to.deep.equal([4, 4]);
      expect(waits({ backoff: { initial: 0, jitter: 0 } }, 3)).to.deep.equal([0, 0, 0]);
    });

    it('is 100 ms doubling to 30 s, more or less a fifth, unless said', () => {
      expect(waits({ backoff: { jitter: 0 } }, 10)).to.deep.equal([
        100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000,
      ]);
      const random = sinon.stub(Math, 'random').returns(0);
      try {
        expect(waits({}, 3)).to.deep.equal([80, 160, 320]);
        random.returns(0.75);
        expect(waits({}, 10).map(Math.round)).to.deep.equal([
          110, 220, 440, 880, 1760, 3520, 7040, 14080, 28160, 30000,
        ]);
      } finally {
        random.restore();
      }
    });

    it('is made longer or shorter at random by the part that `jitter` says, and no longer than max', () => {
      expect(waits({ backoff: { initial: 64, jitter: 0.5, random: turns([0, 0.25, 0.5, 0.75]) } }, 4)).to.deep.equal([
        32,
        128 * 0.75,
        256,
        512 * 1.25,
      ]);
      expect(waits({ backoff: { initial: 64, max: 300, jitter: 1, random: turns([0.75]) } })).to.deep.equal([
        96, 192, 300, 300, 300,
      ]);
      // Of what is as long as it may be, half is left.
      expect(waits({ backoff: { initial: 64, max: 300, jitter: 1, random: turns([0.25]) } })).to.deep.equal([
        32, 64, 128, 150, 150,
      ]);
      expect(waits({ backoff: { initial: 64, jitter: 1, random: turns([0]) } }, 2)).to.deep.equal([0, 0]);
    });

    it('is not asked for what is random more than once a restart', () => {
      const random = sinon.stub().returns(0.5);
      expect(waits({ backoff: { random } }, 3)).to.deep.equal([100, 200, 400]);
      expect(random.callCount).to.equal(3);
    });

    it('whose `random` throws is a failure, and not without an end', () => {
      const { machine, told, cancel, ctx, runner } = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(1, scheduler)),
          { backoff: { random: failing(new Error('no dice')) } },
        ),
      );
      expect(() => machine.advance(10)).to.not.throw();
      cancel();
      expect(told.map((error) => (error as TaskError).cause)).to.deep.equal([new Error('no dice')]);
      expect([runner.status, outcomeOf(runner)?.status, hangingOn(ctx)]).to.deep.equal(['done', 'failed', 0]);
    });

    it('stays a number however often it restarts', () => {
      const none = waits({ backoff: { initial: 0 }, maxRestarts: 1200 });
      expect([none.length, new Set(none)]).to.deep.equal([1200, new Set([0])]);
      const longest = waits({ backoff: { initial: 1, max: 10, jitter: 0 }, maxRestarts: 1200 });
      expect([longest.length, new Set(longest)]).to.deep.equal([1200, new Set([1, 2, 4, 8, 10])]);
    });

    it('may be longer than a timer', () => {
      const { machine, story } = play(() =>
        supervise(through(throwError(() => new Error('boom'))), {
          backoff: { initial: 2 ** 32, max: Infinity, jitter: 0 },
        }),
      );
      machine.advance(2 ** 32 - 1);
      expect(story).to.have.length(2);
      machine.advance(1);
      expect(story.at(-1)).to.equal(`${2 ** 32}: x ready`);
    });

    it('may be endless, and still ends at once when it is cancelled', () => {
      const { machine, story, cancel, told } = play(() =>
        supervise(task('x', failing()), { backoff: { initial: Infinity, max: Infinity, jitter: 0 } }),
      );
      machine.advance(1e12);
      cancel();
      expect(story.slice(1)).to.deep.equal([
        '0: x restarting 1 in Infinity (x failed in execute: boom)',
        '1000000000000: x done cancelled',
      ]);
      expect(told).to.deep.equal(['complete']);
    });

    describe('is forgotten after a run that was ready for `healthyFor`', () => {
      interface Life {
        readonly initialize?: number;
        readonly execute: number;
        readonly finalize?: number;
        readonly fails?: 'initialize' | 'finalize';
      }
      /** The waits after runs of these lengths. */
      const after = (options: SuperviseOptions, ...lives: readonly Life[]): number[] => {
        const machine = virtualClock();
        const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
        let life: Life | undefined;
        let n = 0;
        const runner = supervise(
          task('x', {
            initialize: () => {
              life = lives[n++];
              if (life?.fails === 'initialize') return failingAfter(life.initialize ?? 0, machine);
              return life?.initialize === undefined ? undefined : timer(life.initialize, machine);
            },
            execute: () => {
              if (!life) return NEVER;
              return life.fails ? timer(life.execute, machine) : failingAfter(life.execute, machine);
            },
            finalize: () => {
              if (life?.fails === 'finalize') return failingAfter(life.finalize ?? 0, machine);
              return life?.finalize === undefined ? undefined : timer(life.finalize, machine);
            },
          }),
          { backoff: { initial: 10, jitter: 0 }, ...options },
        );
        const told = waitsOf(runner);
        runner.start(ctx).subscribe();
        machine.advance(1e6);
        cancel();
        return told;
      };
      const healthyFor = 50;

      it('and not after a shorter one', () => {
        expect(after({ healthyFor }, { execute: 49 }, { execute: 49 }, { execute: 49 })).to.deep.equal([10, 20, 40]);
        expect(after({ healthyFor }, { execute: 50 }, { execute: 50 }, { execute: 50 })).to.deep.equal([10, 10, 10]);
        expect(after({ healthyFor }, { execute: 1 }, { execute: 1 }, { execute: 60 }, { execute: 1 })).to.deep.equal([
          10, 20, 10, 20,
        ]);
      });

      it('be that 30 s, unless said', () => {
        expect(after({}, { execute: 29_999 }, { execute: 29_999 })).to.deep.equal([10, 20]);
        expect(after({}, { execute: 30_000 }, { execute: 30_000 })).to.deep.equal([10, 10]);
      });

      it('in which the time before it was ready does not count', () => {
        const life = { initialize: 49, execute: 49 };
        expect(after({ healthyFor }, life, life)).to.deep.equal([10, 20]);
        const never = { initialize: 100, execute: 0, fails: 'initialize' } as const;
        expect(after({ healthyFor }, never, never)).to.deep.equal([10, 20]);
        // Nor what an earlier run had.
        expect(after({ healthyFor }, { execute: 60 }, never, never)).to.deep.equal([10, 20, 40]);
      });

      it('in which the time it finalized does not count', () => {
        const life = { execute: 49, finalize: 49 };
        expect(after({ healthyFor }, life, life)).to.deep.equal([10, 20]);
        const fails = { execute: 49, finalize: 49, fails: 'finalize' } as const;
        expect(after({ healthyFor }, fails, fails)).to.deep.equal([10, 20]);
        expect(after({ healthyFor }, { execute: 50, finalize: 49 }, { ...fails, execute: 50 })).to.deep.equal([10, 10]);
      });

      it('in which the time it waited does not count', () => {
        const options = { healthyFor, backoff: { initial: 100, jitter: 0 } };
        expect(after(options, { execute: 1 }, { execute: 1 }, { execute: 1 })).to.deep.equal([100, 200, 400]);
      });

      it('`Infinity` for never', () => {
        expect(after({ healthyFor: Infinity }, { execute: 1e5 }, { execute: 1e5 })).to.deep.equal([10, 20]);
      });

      for (const group of [parallel, ordered]) {
        it(`and that of a group, ${group.name}`, () => {
          const lengths = [50, 50, 60, 1, 49, 50];
          const { machine, runner } = play((scheduler) =>
            supervise(
              group(
                'g',
                task('a', () => NEVER),
                task('b', () => failingAfter(lengths.shift() ?? NaN, scheduler)),
              ),
              { healthyFor, backoff: { initial: 10, jitter: 0 }, maxRestarts: 6 },
            ),
          );
          const waits = waitsOf(runner);
          machine.advance(350);
          expect(waits).to.deep.equal([10, 10, 10, 20, 40, 10]);
        });
      }

      it('and that of a supervised run, however often that has restarted', () => {
        const { machine, runner } = play((scheduler) => {
          let n = 0;
          const inner = supervise(
            task('x', {
              execute: () => failingAfter(++n % 2 ? 1 : 50, scheduler),
              finalize: () => timer(1, scheduler),
            }),
            { backoff: { initial: 1, jitter: 0 }, maxRestarts: 1, window: 1000 },
          );
          return supervise(inner, { healthyFor, backoff: { initial: 10, jitter: 0 } });
        });
        const waits = waitsOf(runner);
        machine.advance(190);
        // The inner one waits for 1 ms each time, the outer one for 10.
        expect(waits).to.deep.equal([1, 10, 1, 10, 1, 10]);
      });
    });
  });

  describe('too many restarts', () => {
    const often = { initial: 10, factor: 1, jitter: 0 };

    it('are a failure, whose cause is the last error', () => {
      const { machine, story, told, runner } = play(() =>
        supervise(task('x', failing()), { backoff: often, maxRestarts: 2, window: 1000 }),
      );
      machine.advance(100);
      expect(story.filter((line) => !line.endsWith('ready'))).to.deep.equal([
        '0: x restarting 1 in 10 (x failed in execute: boom)',
        '10: x restarting 2 in 10 (x failed in execute: boom)',
        '20: x done failed',
      ]);
      const { error } = outcomeOf(runner) ?? {};
      expect(told).to.deep.equal([error]);
      expect(error).to.be.instanceOf(RestartLimitError).and.instanceOf(TaskError);
      const { name, message, task: of, phase, suppressed, maxRestarts, window } = error as RestartLimitError;
      expect({ name, message, of, phase, suppressed, maxRestarts, window }).to.deep.equal({
        name: 'RestartLimitError',
        message: 'x ended for good after 2 restarts within 1000 ms: x failed in execute: boom',
        of: 'x',
        phase: 'execute',
        suppressed: [],
        maxRestarts: 2,
        window: 1000,
      });
      const last = error?.cause as TaskError;
      expect(last).to.be.instanceOf(TaskError).and.not.instanceOf(RestartLimitError);
      expect((last.cause as Error).message).to.equal('boom');
    });

    it('have the last error for a cause, not the first, and its phase', () => {
      let runs = 0;
      const runner = supervise(task('x', { initialize: () => failing(++runs)(), execute: () => 1 }), {
        backoff: { initial: 0 },
        maxRestarts: 1,
      });
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      runner.start(ctx).subscribe({ error: () => undefined });
      machine.advance(1);
      const { error } = outcomeOf(runner) ?? {};
      expect([error?.phase, (error?.cause as TaskError).cause, error?.message]).to.deep.equal([
        'initialize',
        2,
        'x ended for good after 1 restart within 60000 ms: x failed in initialize: 2',
      ]);
    });

    it('are those within that time, and no earlier ones', () => {
      // It fails each 20 ms.
      const restarts = (maxRestarts: number, window: number) => {
        const { machine, runner } = play((scheduler) =>
          supervise(
            task('x', () => failingAfter(10, scheduler)),
            { backoff: often, maxRestarts, window },
          ),
        );
        const waits = waitsOf(runner);
        machine.advance(2000);
        return [runner.status, waits.length];
      };
      expect(restarts(2, 41)).to.deep.equal(['done', 2]);
      expect(restarts(2, 40)).to.deep.equal(['running', 100]);
      expect(restarts(1, 20)).to.deep.equal(['running', 100]);
      expect(restarts(1, 20.5)).to.deep.equal(['done', 1]);
      expect(restarts(1, 0)).to.deep.equal(['running', 100]);
      expect(restarts(7, Infinity)).to.deep.equal(['done', 7]);
    });

    it('are counted in a window that slides', () => {
      const lengths = [10, 80, 10, 80, 10, 10];
      const { machine, story } = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(lengths.shift() ?? NaN, scheduler)),
          { backoff: often, maxRestarts: 2, window: 100 },
        ),
      );
      machine.advance(1000);
      expect(story.filter((line) => !line.endsWith('ready'))).to.deep.equal([
        '10: x restarting 1 in 10 (x failed in execute: boom)',
        '100: x restarting 2 in 10 (x failed in execute: boom)',
        // The first is forgotten.
        '120: x restarting 3 in 10 (x failed in execute: boom)',
        '210: x restarting 4 in 10 (x failed in execute: boom)',
        // 120 and 210 are within.
        '230: x restarting 5 in 10 (x failed in execute: boom)',
        '250: x done failed',
      ]);
    });

    it('are five within 60 s, unless said', () => {
      const { machine, story } = play(() => supervise(task('x', failing()), { backoff: often }));
      machine.advance(1000);
      expect(story.filter((line) => line.includes('restarting'))).to.have.length(5);
      expect(story.at(-1)).to.equal('50: x done failed');
      const slow = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(10_000, scheduler)),
          { backoff: { initial: 0 } },
        ),
      );
      slow.machine.advance(59_999);
      expect(slow.story.at(-1)).to.equal('50000: x ready');
      slow.machine.advance(1);
      // The one at 10 s is still one of them, and at 70 s it is not.
      expect(slow.story.at(-1)).to.equal('60000: x done failed');
      const slower = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(12_000, scheduler)),
          { backoff: { initial: 0 } },
        ),
      );
      slower.machine.advance(1e6);
      expect(slower.runner.status).to.equal('running');
    });

    it('0: none is allowed', () => {
      virtually(({ cold, expectObservable }) => {
        const failed = supervise(through(cold('-a#', undefined, new Error('boom'))), { maxRestarts: 0 });
        expectObservable(failed.start()).toBe('-a#', undefined, new RestartLimitError('x', 0, 60_000, boom()));
        expectObservable(supervise(through(cold('-a|')), { maxRestarts: 0 }).start()).toBe('-a|');
      });
      const runner = supervise(task('x', failing()), { maxRestarts: 0 });
      const waits = waitsOf(runner);
      const told = collect(runner.start());
      expect(waits).to.deep.equal([]);
      expect(told).to.deep.equal([outcomeOf(runner)?.error]);
      expect(told.map(String)).to.deep.equal([
        'RestartLimitError: x ended for good after 0 restarts within 60000 ms: x failed in execute: boom',
      ]);
    });

    it('Infinity: any number is allowed', () => {
      const { machine, story } = play(() =>
        supervise(task('x', failing()), { backoff: often, maxRestarts: Infinity, window: Infinity }),
      );
      machine.advance(10_000);
      expect(story.at(-2)).to.equal('10000: x ready');
      expect(story.at(-1)).to.equal('10000: x restarting 1001 in 10 (x failed in execute: boom)');
    });

    it('are clean ends, too, of what is restarted always, and then there is no last error', () => {
      const { machine, story, told, runner } = play((scheduler) =>
        supervise(
          task('x', () => timer(1, scheduler)),
          { restart: 'always', backoff: often, maxRestarts: 1, window: 50 },
        ),
      );
      machine.advance(100);
      expect(story).to.deep.equal(['0: x ready', '1: x restarting 1 in 10', '11: x ready', '12: x done failed']);
      const { error } = outcomeOf(runner) ?? {};
      expect(told).to.deep.equal([0, 0, error]);
      expect([String(error), error?.cause, error?.phase]).to.deep.equal([
        'RestartLimitError: x ended for good after 1 restart within 50 ms',
        undefined,
        'execute',
      ]);
    });

    it('after a clean end: a `restarting` that has no error', () => {
      const { machine, runner } = play(() =>
        supervise(
          task('x', () => 1),
          { restart: 'always', backoff: often },
        ),
      );
      const told = events(runner);
      machine.advance(10);
      const [, { at, ...restarting }] = told as [TaskEvent, TaskEvent];
      expect(at).to.equal(10);
      expect(restarting).to.deep.equal({ type: 'restarting', task: 'x', runId: 2, restart: 2, delay: 10 });
      expect(restarting).to.not.have.property('error');
    });

    it('names it by its path in a group', () => {
      const { machine, told } = play(() => parallel('app', supervise(task('x', failing()), { maxRestarts: 0 })));
      machine.advance(1);
      expect(told.map(String)).to.deep.equal([
        'RestartLimitError: app/x ended for good after 0 restarts within 60000 ms: app/x failed in execute: boom',
      ]);
    });
  });

  describe('a cancel', () => {
    type Ending = [when: string, at: number, story: readonly string[], calls: readonly string[]];
    const restarted = ['10: x restarting 1 in 10 (x failed in execute: boom)'];
    const endings: readonly Ending[] = [
      ['initialize', 2, ['2: x cancelling', '2: x finalizing', '6: x done cancelled'], ['initialize', 'finalize']],
      [
        'execute',
        4,
        ['4: x cancelling', '4: x finalizing', '8: x done cancelled'],
        ['initialize', 'execute', 'finalize'],
      ],
      ['the wait', 15, [...restarted, '15: x done cancelled'], ['initialize', 'execute', 'finalize']],
      [
        'initialize once more',
        22,
        [...restarted, '22: x cancelling', '22: x finalizing', '26: x done cancelled'],
        ['initialize', 'execute', 'finalize', 'initialize', 'finalize'],
      ],
      [
        'execute once more',
        24,
        [...restarted, '24: x cancelling', '24: x finalizing', '28: x done cancelled'],
        ['initialize', 'execute', 'finalize', 'initialize', 'execute', 'finalize'],
      ],
    ];
    for (const restart of ['on-failure', 'always'] as const) {
      for (const [when, time, rest, expected] of endings) {
        for (const how of ['cancelled', 'unsubscribed'] as const) {
          it(`in ${when} (${how}): '${restart}' does not restart, and leaves nothing behind`, () => {
            const machine = virtualClock();
            const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
            const calls: string[] = [];
            const runner = supervise(
              task('x', {
                initialize: () => (calls.push('initialize'), timer(3, machine)),
                execute: () => (calls.push('execute'), failingAfter(3, machine)),
                finalize: () => (calls.push('finalize'), timer(4, machine)),
              }),
              { restart, backoff: { initial: 10, jitter: 0 } },
            );
            const story = storyOf(runner);
            const told: unknown[] = [];
            const subscription = runner.start(ctx).subscribe({ complete: () => told.push('complete') });
            machine.advance(time);
            if (how === 'cancelled') cancel(new Error('enough'));
            else subscription.unsubscribe();
            machine.advance(1000);
            expect(story.filter((line) => line.includes('restarting') || Number.parseInt(line) >= time)).to.deep.equal(
              rest,
            );
            expect(story.filter((line) => line.includes('finalizing'))).to.have.length(
              expected.filter((call) => call === 'finalize').length,
            );
            expect(calls).to.deep.equal(expected);
            expect(told).to.deep.equal(how === 'cancelled' ? ['complete'] : []);
            expect([hangingOn(ctx), machine.timers, runner.status]).to.deep.equal([0, 0, 'done']);
            expect(outcomeOf(runner)).to.not.have.property('error');
          });
        }
      }
    }

    it('in the instant in which a wait is over: it is not started, if the cancel comes first', () => {
      virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const [ctx, cancel] = withCancel();
        const runs = [cold('-#'), cold('-#')] as const;
        hot('----c').subscribe(cancel);
        expectObservable(supervise(through(...runs), { backoff: exact }).start(ctx)).toBe('----|');
        expectSubscriptions(runs[1].subscriptions).toBe([]);
      });
    });

    it('in finalize after a failure: the failure stands, and is not restarted', () => {
      for (const restart of ['on-failure', 'always'] as const) {
        const { machine, cancel, ctx, told, story, runner } = play((scheduler) =>
          supervise(task('x', { execute: () => failingAfter(2, scheduler), finalize: () => timer(4, scheduler) }), {
            restart,
          }),
        );
        machine.advance(3);
        cancel();
        expect(runner.status).to.equal('finalizing');
        machine.advance(1000);
        expect(story).to.deep.equal(['0: x initializing', '0: x ready', '2: x finalizing', '6: x done failed']);
        expect(told.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
        expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
      }
    });

    it('in finalize after a clean end: what would end is completed, what would be restarted is cancelled', () => {
      for (const [restart, status] of [
        ['on-failure', 'completed'],
        ['always', 'cancelled'],
      ] as const) {
        const { machine, cancel, ctx, told, story } = play((scheduler) =>
          supervise(task('x', { execute: () => timer(2, scheduler), finalize: () => timer(4, scheduler) }), {
            restart,
          }),
        );
        machine.advance(3);
        cancel();
        machine.advance(1000);
        expect(told).to.deep.equal([0, 'complete']);
        expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
        expect(story.slice(1)).to.deep.equal(['0: x ready', '2: x finalizing', `6: x done ${status}`]);
      }
    });

    it('after which finalize fails: that is its failure, and is not restarted', () => {
      for (const phase of ['initialize', 'execute'] as const) {
        const { machine, cancel, ctx, told, story, runner } = play((scheduler) =>
          supervise(
            task('x', {
              initialize: () => (phase === 'initialize' ? NEVER : undefined),
              execute: () => NEVER,
              finalize: () => failingAfter(4, scheduler),
            }),
            { restart: 'always' },
          ),
        );
        machine.advance(3);
        cancel();
        machine.advance(1000);
        expect(story.slice(-2)).to.deep.equal(['3: x finalizing', '7: x done failed']);
        expect(told.map(String)).to.deep.equal(['TaskError: x failed in finalize: boom']);
        expect(told).to.deep.equal([outcomeOf(runner)?.error]);
        expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
      }
    });

    it('to which execute answers with an error of its own: likewise', () => {
      const { cancel, told, machine, story } = play(() =>
        supervise(
          task('x', ({ cancelled$ }) => {
            return new Observable((subscriber) => {
              cancelled$.subscribe(() => subscriber.error(new Error('boom')));
            });
          }),
        ),
      );
      cancel();
      machine.advance(1000);
      expect(told.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
      expect(story).to.deep.equal(['0: x ready', '0: x cancelling', '0: x done failed']);
    });

    it('gives the hook under way its grace, and delivers what that yields', () => {
      const { machine, cancel, told, story } = play((scheduler) =>
        supervise(task('x', { execute: () => timer(2, 2, scheduler), grace: 5 }), { restart: 'always' }),
      );
      machine.advance(3);
      cancel();
      machine.advance(1000);
      expect(told).to.deep.equal([0, 1, 2, 'complete']);
      expect(story.slice(1)).to.deep.equal(['0: x ready', '3: x cancelling', '8: x finalizing', '8: x done cancelled']);
    });

    it('before the start: no hook is called', () => {
      const machine = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
      cancel();
      const execute = sinon.spy();
      const runner = supervise(task('x', execute), { restart: 'always' });
      const told = collect(runner.start(ctx));
      machine.advance(1000);
      expect([told, execute.callCount, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 0, 'cancelled']);
    });

    it('by a hook of the task, without one for the application, ends it', () => {
      for (const restart of ['on-failure', 'always'] as const) {
        const machine = virtualClock();
        const [ctx] = withCancel(undefined, { scheduler: machine });
        let runs = 0;
        const runner = supervise(
          task('x', (_, cancel) => {
            if (++runs === 1) throw new Error('boom');
            timer(5, machine).subscribe(() => cancel('enough'));
            return NEVER;
          }),
          { restart, backoff: exact },
        );
        const told = collect(runner.start(ctx));
        machine.advance(1000);
        expect([told, runs, outcomeOf(runner)?.status, outcomeOf(runner)?.endedAt]).to.deep.equal([
          ['complete'],
          2,
          'cancelled',
          8,
        ]);
        expect([ctx.cancelled, hangingOn(ctx)]).to.deep.equal([false, 0]);
      }
    });

    it('gives the hooks the cancel of the application', () => {
      const [ctx, cancel] = withCancel();
      const seen: CancelFunc[] = [];
      const work = task('x', (_, cancelAll) => (seen.push(cancelAll), 1));
      supervise(work).start(ctx, cancel).subscribe();
      critical(work).start(ctx, cancel).subscribe();
      expect(seen).to.deep.equal([cancel, cancel]);
    });

    for (const [when, type, occurrence] of [
      ['a restart', 'restarting', 1],
      ['the second restart', 'restarting', 2],
      ['it being ready', 'ready', 2],
      ['it finalizing', 'finalizing', 1],
    ] as const) {
      it(`by who is told of ${when} ends it then`, () => {
        const machine = virtualClock();
        const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
        const execute = sinon.spy(() => failingAfter(1, machine));
        const runner = supervise(task('x', { execute, finalize: () => 1 }), { backoff: exact });
        let left: number = occurrence;
        runner.events$.subscribe((event) => {
          if (event.type === type && --left === 0) cancel();
        });
        const story = storyOf(runner);
        collect(runner.start(ctx));
        machine.advance(1000);
        expect(story.filter((line) => line.includes(type))).to.have.length(occurrence);
        expect(story.filter((line) => line.includes('done'))).to.have.length(1);
        expect([runner.status, hangingOn(ctx), machine.timers]).to.deep.equal(['done', 0, 0]);
        expect(execute.callCount).to.be.at.most(occurrence);
      });
    }

    it('by who is told a value ends it, and who leaves at one does so, too', () => {
      for (const how of ['cancelled', 'left'] as const) {
        const machine = virtualClock();
        const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
        const finalize = sinon.spy();
        const runner = supervise(task('x', { execute: () => of(1, 2), finalize }), { restart: 'always' });
        const told: unknown[] = [];
        runner
          .start(ctx)
          .pipe(take(how === 'left' ? 1 : Infinity))
          .subscribe((value) => {
            told.push(value);
            if (how === 'cancelled') cancel();
          });
        machine.advance(1000);
        expect([told, finalize.callCount, outcomeOf(runner)?.status]).to.deep.equal([[1], 1, 'cancelled']);
        expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
      }
    });
  });

  describe('is seen as the task', () => {
    it('`ready$` tells again after a restart, and waits meanwhile', () => {
      virtually(({ expectObservable }, scheduler) => {
        let n = 0;
        const runner = supervise(
          task('x', {
            initialize: () => timer(2),
            execute: () => (++n < 3 ? failingAfter(3) : NEVER),
            finalize: () => timer(1),
          }),
          { backoff: exact },
        );
        // Ready from 2 to 5, from 11 to 14, and from 23.
        expectObservable(runner.ready$).toBe('--(r|)', { r: undefined });
        expectObservable(runner.ready$, '---^').toBe('---(r|)', { r: undefined });
        for (const from of [7, 8, 10])
          expectObservable(runner.ready$, `${'-'.repeat(from)}^`).toBe('-----------(r|)', { r: undefined });
        for (const from of [16, 20, 22])
          expectObservable(runner.ready$, `${'-'.repeat(from)}^`).toBe('-----------------------(r|)', { r: undefined });
        scheduler.schedule(() => runner.start().subscribe(), 0);
      });
    });

    it('`ready$` waits likewise when another looks through it', () => {
      for (const around of [critical, supervise] as const) {
        const { machine, runner, cancel } = play((scheduler) =>
          around(supervise(through(failingAfter(2, scheduler)), { backoff: exact })),
        );
        machine.advance(3);
        const told = collect(runner.ready$);
        expect([told, runner.status], around.name).to.deep.equal([[], 'initializing']);
        machine.advance(2);
        expect([told, runner.status], around.name).to.deep.equal([[undefined, 'complete'], 'running']);
        cancel();
      }
    });

    it('`ready$` waits, too, when a group failed as soon as it told that it was ready', () => {
      const { machine, runner, cancel } = play((scheduler) => {
        const work = new Subject();
        const group = parallel('g', task('x', { initialize: () => timer(1, scheduler), execute: () => work }));
        group.events$.subscribe(({ task: name, type }) => {
          if (name === 'g' && type === 'ready') work.error(new Error('boom'));
        });
        return supervise(group, { backoff: exact });
      });
      machine.advance(2);
      expect([collect(runner.ready$), runner.status]).to.deep.equal([[], 'initializing']);
      cancel();
    });

    it('`ready$` completes without that when it never was, or is not again', () => {
      virtually(({ expectObservable, hot }) => {
        const [ctx, cancel] = withCancel();
        const never = supervise(task('x', { initialize: () => failingAfter(2), execute: () => 1 }), {
          backoff: exact,
          maxRestarts: 1,
        });
        expectObservable(never.ready$).toBe('-------|');
        expectObservable(never.start()).toBe(
          '-------#',
          undefined,
          new RestartLimitError('x', 1, 60_000, new TaskError('x', 'initialize', new Error('boom'))),
        );
        const runner = supervise(through(failingAfter(2)), { backoff: { initial: 10, jitter: 0 } });
        hot('------c').subscribe(cancel);
        expectObservable(runner.ready$, '---^').toBe('------|');
        expectObservable(runner.start(ctx)).toBe('------|');
      });
    });

    describe('`ready$` tells of a run that has ended at once what the task’s own does', () => {
      const works: Record<string, SimpleTask> = {
        'ends well': task('x', () => 1),
        'has a finalize that takes time': task('x', { execute: () => 1, finalize: () => NEVER }),
        'fails in initialize': task('x', { initialize: failing(), execute: () => 1 }),
      };
      const readyOf = (runner: TaskRunner) => {
        const early = collect(runner.ready$);
        runner.start().subscribe({ error: () => undefined });
        return [early, collect(runner.ready$)];
      };
      for (const [title, work] of Object.entries(works)) {
        it(`${title}: supervise`, () => {
          expect(readyOf(supervise(work, { maxRestarts: 0 }))).to.deep.equal(readyOf(taskRunner(work)));
        });

        it(`${title}: critical`, () => {
          expect(readyOf(critical(work))).to.deep.equal(readyOf(taskRunner(work)));
        });
      }
    });

    it('with its status, which is initializing during the wait', () => {
      virtually((_, scheduler) => {
        let n = 0;
        const runner = supervise(
          task('x', {
            initialize: () => timer(2),
            execute: () => (++n < 2 ? failingAfter(2) : timer(2)),
            finalize: () => timer(2),
          }),
          { backoff: exact },
        );
        const seen: string[] = [];
        for (const frame of [0, 1, 3, 5, 7, 8, 10, 12, 14, 16])
          scheduler.schedule(() => seen.push(runner.status), frame);
        scheduler.schedule(() => runner.start().subscribe(), 0);
        scheduler.flush();
        expect(seen).to.deep.equal([
          'idle',
          'initializing',
          'running',
          'finalizing',
          'initializing',
          'initializing',
          'initializing',
          'running',
          'finalizing',
          'done',
        ]);
      });
    });

    it('by one outcome, from the first start to the last end', () => {
      const { machine, runner } = play((scheduler) => {
        let n = 0;
        return supervise(
          task('x', () => (++n < 3 ? failingAfter(2, scheduler) : timer(2, scheduler))),
          { backoff: exact },
        );
      });
      const outcomes: unknown[] = collect(runner.done$);
      machine.advance(7);
      expect(outcomes).to.deep.equal([]);
      machine.advance(100);
      const outcome = { task: 'x', runner, status: 'completed', startedAt: 0, endedAt: 15 };
      expect(outcomes).to.deep.equal([outcome, 'complete']);
      expect((outcomes[0] as Outcome).runner).to.equal(runner);
      const failed = play((scheduler) =>
        supervise(
          task('x', () => failingAfter(2, scheduler)),
          { maxRestarts: 0 },
        ),
      );
      failed.machine.advance(100);
      const { error, ...rest } = outcomeOf(failed.runner) ?? {};
      expect(rest).to.deep.equal({ task: 'x', runner: failed.runner, status: 'failed', startedAt: 0, endedAt: 2 });
      expect(error).to.be.instanceOf(RestartLimitError);
    });

    it('by a snapshot, with its restarts since the supervision began, and its last error', () => {
      const failures = ['one', 'two', undefined, 'three'];
      const { machine, runner, ctx, cancel } = play((scheduler) =>
        supervise(
          task('x', () =>
            timer(1, scheduler).pipe(
              map(() => {
                const failure = failures.shift();
                if (failure !== undefined) throw new Error(failure);
              }),
            ),
          ),
          { backoff: exact },
        ),
      );
      const seen = () => {
        const { name, status, restarts, lastError } = snapshot(runner);
        return [name, status, restarts, (lastError?.cause as Error | undefined)?.message];
      };
      expect(seen()).to.deep.equal(['x', 'running', 0, undefined]);
      machine.advance(1);
      expect(seen()).to.deep.equal(['x', 'initializing', 1, 'one']);
      machine.advance(3);
      expect(seen()).to.deep.equal(['x', 'running', 1, 'one']);
      machine.advance(100);
      expect(seen()).to.deep.equal(['x', 'done', 2, 'two']);
      runner.start(ctx).subscribe();
      expect(seen()).to.deep.equal(['x', 'running', 0, 'two']);
      machine.advance(2);
      expect(seen()).to.deep.equal(['x', 'initializing', 1, 'three']);
      cancel();
    });

    it('by what it yields, from all its runs, in `start()` and `results$`', () => {
      virtually(({ cold, expectObservable }) => {
        const runner = supervise(through(cold('a-b#'), cold('(cd#)'), cold('e-|')), { backoff: exact });
        expectObservable(runner.results$).toBe('a-b---(cd)--e');
        expectObservable(runner.start()).toBe('  a-b---(cd)--e-|');
      });
    });

    it('by its events, none of which is told twice', () => {
      const { machine, runner, cancel } = play((scheduler) => {
        let n = 0;
        return supervise(
          task('x', {
            initialize: () => 1,
            execute: () => (++n === 1 ? failingAfter(2, scheduler) : NEVER),
            finalize: () => 1,
          }),
          { backoff: exact },
        );
      });
      const told = events(runner);
      machine.advance(10);
      cancel('enough');
      expect(told.map(({ type, task: name, at }) => `${at} ${name} ${type}`)).to.deep.equal([
        '2 x finalizing',
        '2 x restarting',
        '5 x initializing',
        '5 x ready',
        '10 x cancelling',
        '10 x finalizing',
        '10 x done',
      ]);
      const [, restarting, , , cancelling, , done] = told;
      expect((restarting as { error?: TaskError }).error).to.be.instanceOf(TaskError);
      expect(restarting).to.include({ restart: 1, delay: 3 });
      expect(cancelling).to.include({ cause: 'enough' });
      expect((done as { outcome?: Outcome }).outcome).to.equal(outcomeOf(runner));
    });

    it('by the errors of its restarts, written with console.error, once, when nobody listens to its events', () => {
      const errors = (make: (scheduler: VirtualClock) => TaskRunner, listen?: (runner: TaskRunner) => void) => {
        const machine = virtualClock();
        const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
        const runner = make(machine);
        listen?.(runner);
        return written
          .during(() => {
            runner.start(ctx).subscribe({ error: () => undefined });
            machine.advance(10);
            cancel();
          })
          .map(String);
      };
      const twice = () =>
        through(
          throwError(() => new Error('one')),
          throwError(() => new Error('two')),
        );
      const both = ['TaskError: x failed in execute: one', 'TaskError: x failed in execute: two'];
      expect(errors(() => supervise(twice(), { backoff: exact }))).to.deep.equal(both);
      expect(errors(() => supervise(supervise(twice(), { backoff: exact })))).to.deep.equal(both);
      expect(errors(() => critical(supervise(twice(), { backoff: exact })))).to.deep.equal(both);
      expect(errors(() => supervise(twice(), { backoff: exact }), events)).to.deep.equal([]);
      expect(errors(() => supervise(supervise(twice(), { backoff: exact })), events)).to.deep.equal([]);
      expect(
        errors(() => parallel('g', supervise(twice(), { backoff: exact }))).map((text) => text.slice(-3)),
      ).to.deep.equal(['one', 'two']);
      // Those who listen to the inner runner have seen it.
      const inner = supervise(twice(), { backoff: exact });
      expect(
        errors(
          () => supervise(inner),
          () => events(inner),
        ),
      ).to.deep.equal([]);
      // The last error is the subscriber's.
      expect(errors(() => supervise(twice(), { maxRestarts: 0 }))).to.deep.equal([]);
      // A clean end has no error.
      expect(
        errors(() =>
          supervise(
            task('x', () => 1),
            { restart: 'always', maxRestarts: 2 },
          ),
        ),
      ).to.deep.equal([]);
    });

    it('by an error behind a subscriber who has left, written once', () => {
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      const runner = supervise(task('x', { execute: () => NEVER, finalize: () => failingAfter(1, machine) }));
      const told = written.during(() => {
        runner.start(ctx).subscribe().unsubscribe();
        machine.advance(10);
      });
      expect(told.map(String)).to.deep.equal(['TaskError: x failed in finalize: boom']);
    });

    it('in a group: by its path, and when it was stopped, whatever came before', () => {
      for (const group of [parallel, ordered]) {
        const { machine, cancel, story, runner } = play((scheduler) => {
          let n = 0;
          return group(
            'app',
            supervise(
              task('x', {
                execute: () => (++n === 1 ? failingAfter(2, scheduler) : NEVER),
                finalize: () => timer(1, scheduler),
              }),
              { backoff: exact },
            ),
          );
        });
        machine.advance(100);
        cancel();
        machine.advance(100);
        expect(story).to.include.members([
          '3: app/x restarting 1 in 3 (app/x failed in execute: boom)',
          '6: app/x ready',
          '101: app/x done cancelled',
          '101: app done cancelled',
        ]);
        expect(story.filter((line) => line.includes('app/x done'))).to.have.length(1);
        const { members } = outcomeOf(runner) ?? {};
        const { task: name, status, startedAt, stoppingAt, endedAt } = members?.[0] ?? {};
        expect({ name, status, startedAt, stoppingAt, endedAt }).to.deep.equal({
          name: 'app/x',
          status: 'cancelled',
          startedAt: 0,
          stoppingAt: 100,
          endedAt: 101,
        });
      }
    });

    it('in an ordered group, which goes on when it is ready, and is not ready while it restarts', () => {
      const { machine, runner, cancel, story } = play((scheduler) => {
        let n = 0;
        const x = task('x', {
          initialize: () => (++n === 1 ? failingAfter(2, scheduler) : timer(2, scheduler)),
          execute: () => (n === 2 ? failingAfter(10, scheduler) : NEVER),
        });
        return ordered(
          'app',
          supervise(x, { backoff: exact }),
          task('b', () => NEVER),
        );
      });
      const isReady = () => {
        let ready = false;
        runner.ready$.subscribe({ next: () => (ready = true) }).unsubscribe();
        return ready;
      };
      const seen = [6, 8, 18, 30].map((at) => {
        machine.advance(at - machine.now());
        return isReady();
      });
      expect(seen).to.deep.equal([false, true, false, true]);
      expect(story.filter((line) => line.endsWith('b ready'))).to.deep.equal(['7: app/b ready']);
      cancel();
    });
  });

  describe('takes a runner, too', () => {
    it('which may have been run before, and is told of by it, too', () => {
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      let n = 0;
      const inner = taskRunner(task('x', () => (++n === 2 ? failingAfter(1, machine) : of(n))));
      inner.start(ctx).subscribe();
      const own = storyOf(inner);
      const runner = supervise(inner, { backoff: exact });
      const story = storyOf(runner);
      expect([String(runner), isTaskRunner(runner), runner === inner]).to.deep.equal(['x', true, false]);
      const told = collect(runner.start(ctx));
      machine.advance(10);
      expect(told).to.deep.equal([3, 'complete']);
      expect(own).to.deep.equal(['0: x ready', '1: x done failed', '4: x ready', '4: x done completed']);
      expect(story).to.deep.equal([
        '0: x ready',
        '1: x restarting 1 in 3 (x failed in execute: boom)',
        '4: x ready',
        '4: x done completed',
      ]);
      expect([outcomeOf(runner)?.runner, outcomeOf(inner)?.runner]).to.deep.equal([runner, inner]);
    });

    it('that is under way elsewhere: a failure, which is not restarted', () => {
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      const inner = taskRunner(task('x', () => NEVER));
      inner.start(ctx).subscribe();
      const runner = supervise(inner, { restart: 'always' });
      const waits = waitsOf(runner);
      const told = collect(runner.start(ctx));
      machine.advance(1000);
      const { error, status } = outcomeOf(runner) ?? {};
      expect([told, waits, status, inner.status]).to.deep.equal([[error], [], 'failed', 'running']);
      expect(error?.cause).to.be.instanceOf(AlreadyRunningError);
      expect(String(error)).to.equal('TaskError: x failed in execute: x is already running');
      expect(hangingOn(ctx)).to.equal(1);
    });

    it('that someone else has started during the wait: likewise', () => {
      const machine = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
      let n = 0;
      const inner = taskRunner(task('x', () => (++n === 1 ? failingAfter(1, machine) : NEVER)));
      const runner = supervise(inner, { backoff: exact });
      const story = storyOf(runner);
      const told = collect(runner.start(ctx));
      machine.advance(2);
      inner.start(ctx).subscribe();
      machine.advance(100);
      expect(told.map((one) => (one as Error).cause)).to.deep.equal([new AlreadyRunningError('x')]);
      expect(story.slice(-1)).to.deep.equal(['4: x done failed']);
      expect(inner.status).to.equal('running');
      cancel();
      expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
    });

    it('a supervised one, whose limit it restarts', () => {
      const { machine, story, told } = play((scheduler) =>
        supervise(
          supervise(
            task('x', () => failingAfter(1, scheduler)),
            { backoff: exact, maxRestarts: 1, window: 100 },
          ),
          { backoff: { initial: 50, jitter: 0 }, maxRestarts: 1 },
        ),
      );
      machine.advance(1000);
      expect(story.filter((line) => !line.endsWith('ready'))).to.deep.equal([
        '1: x restarting 1 in 3 (x failed in execute: boom)',
        '5: x restarting 1 in 50 (x ended for good after 1 restart within 100 ms: x failed in execute: boom)',
        '56: x restarting 1 in 3 (x failed in execute: boom)',
        '60: x done failed',
      ]);
      expect(told.map(String)).to.deep.equal([
        'RestartLimitError: x ended for good after 1 restart within 60000 ms: ' +
          'x ended for good after 1 restart within 100 ms: x failed in execute: boom',
      ]);
    });

    it('two deep, cancelled in the inner wait', () => {
      const { machine, story, told, cancel, ctx } = play(() =>
        supervise(supervise(task('x', failing()), { backoff: exact }), { restart: 'always' }),
      );
      machine.advance(1);
      cancel();
      machine.advance(1000);
      expect(story.slice(1)).to.deep.equal([
        '0: x restarting 1 in 3 (x failed in execute: boom)',
        '1: x done cancelled',
      ]);
      expect(told).to.deep.equal(['complete']);
      expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
    });

    it('a cron, which goes on with its schedule after a run that has stopped it', () => {
      const { machine, story, told, cancel } = play(() =>
        supervise(
          cron(
            task('x', ({ slot }) => (slot === 20 ? failing()() : slot)),
            10,
            { onError: 'stop' },
          ),
          { backoff: { initial: 5, jitter: 0 } },
        ),
      );
      machine.advance(40);
      cancel();
      expect(told).to.deep.equal([0, 10, 25, 35, 'complete']);
      expect(story).to.deep.equal([
        '0: x ready',
        '0: x slot-started',
        '10: x slot-started',
        '20: x slot-started',
        '20: x slot-failed',
        '20: x restarting 1 in 5 (x failed in execute: boom)',
        '25: x ready',
        '25: x slot-started',
        '35: x slot-started',
        '40: x cancelling',
        '40: x done cancelled',
      ]);
    });

    it('a group, which starts anew with all its members', () => {
      const { machine, story, runner, cancel } = play((scheduler) => {
        let n = 0;
        return supervise(
          ordered(
            'g',
            task('a', { execute: () => NEVER, finalize: () => timer(1, scheduler) }),
            task('b', () => (++n === 1 ? failingAfter(2, scheduler) : NEVER)),
          ),
          { backoff: exact },
        );
      });
      machine.advance(10);
      cancel();
      machine.advance(10);
      expect(story).to.deep.equal([
        '0: g initializing',
        '0: g/a initializing',
        '0: g/a ready',
        '0: g/b ready',
        '0: g ready',
        '2: g/b done failed',
        '2: g/a cancelling',
        '2: g/a finalizing',
        '3: g/a done cancelled',
        '3: g restarting 1 in 3 (g/b failed in execute: boom)',
        '6: g initializing',
        '6: g/a initializing',
        '6: g/a ready',
        '6: g/b ready',
        '6: g ready',
        '10: g/b cancelling',
        '10: g/b done cancelled',
        '10: g/a cancelling',
        '10: g/a finalizing',
        '10: g cancelling',
        '11: g/a done cancelled',
        '11: g done cancelled',
      ]);
      expect(outcomeOf(runner)?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
        'g/a cancelled',
        'g/b cancelled',
      ]);
    });

    for (const under of ['its own', 'the same'] as const) {
      it(`of any make: what that starts, it starts under ${under} context`, () => {
        const { machine, story, told, runner, cancel, ctx } = play((scheduler) => {
          let n = 0;
          const inner = taskRunner(task('x', () => (++n === 1 ? failingAfter(2, scheduler) : timer(1, 1, scheduler))));
          return supervise(foreign(inner, under), { backoff: exact });
        });
        machine.advance(7);
        expect(told).to.deep.equal([0, 1]);
        cancel();
        expect(told).to.deep.equal([0, 1, 'complete']);
        expect(story).to.deep.equal([
          '0: x ready',
          '2: x restarting 1 in 3 (x failed in execute: boom)',
          '5: x ready',
          '7: x cancelling',
          '7: x done cancelled',
        ]);
        expect([outcomeOf(runner)?.runner, hangingOn(ctx), machine.timers]).to.deep.equal([runner, 0, 0]);
      });
    }

    it('of any make, whose status it has', () => {
      const { machine, runner } = play((scheduler) => {
        let n = 0;
        const inner = task('x', {
          initialize: () => timer(1, scheduler),
          execute: () => (++n === 1 ? failingAfter(2, scheduler) : NEVER),
        });
        return supervise(foreign(taskRunner(inner)), { backoff: exact });
      });
      const seen = [0, 2, 4, 8].map((at) => {
        machine.advance(at - machine.now());
        return runner.status;
      });
      expect(seen).to.deep.equal(['initializing', 'running', 'initializing', 'running']);
    });

    it('of any make, that someone else has cancelled: it is not restarted', () => {
      const inner = taskRunner(task('x', () => NEVER));
      const [own, cancelOwn] = withCancel();
      const start: TaskRunner<never>['start'] = (_, cancel) => inner.start(own, cancel);
      const { machine, told, story } = play(() =>
        supervise(Object.assign(foreign(inner), { start }), { restart: 'always' }),
      );
      cancelOwn();
      machine.advance(1000);
      expect(told).to.deep.equal(['complete']);
      expect(story.filter((line) => line.includes('restarting'))).to.deep.equal([]);
    });

    it('of any make, that is under way elsewhere: a failure, which is not restarted', () => {
      const inner = taskRunner(task('x', () => NEVER));
      inner.start().subscribe();
      const { machine, told, story, ctx } = play(() => supervise(foreign(inner), { restart: 'always' }));
      machine.advance(1000);
      expect(told.map(String)).to.deep.equal(['TaskError: x failed in execute: x is already running']);
      expect([story, hangingOn(ctx)]).to.deep.equal([['0: x done failed'], 0]);
    });
  });

  describe('in a join', () => {
    it('that hangs is timed out, with the hook in which it does', () => {
      for (const phase of ['initialize', 'execute', 'finalize'] as const) {
        for (const nested of [false, true]) {
          const hang = (of: string) => (of === phase ? new Promise<never>(() => undefined) : undefined);
          const { machine, ctx, cancel, runner, story } = play((scheduler) => {
            const runner = supervise(
              task('x', {
                initialize: () => hang('initialize'),
                execute: () => hang('execute') ?? timer(1000, scheduler),
                finalize: () => hang('finalize'),
              }),
            );
            return nested ? supervise(critical(runner)) : runner;
          });
          const outcomes = collect(joinAll(ctx, 10, [runner]));
          machine.advance(5);
          cancel();
          machine.advance(9);
          expect(outcomes).to.deep.equal([]);
          machine.advance(1);
          expect(outcomes).to.deep.equal([{ task: 'x', runner, status: 'timed-out', phase, startedAt: 0 }, 'complete']);
          expect(story.some((line) => line.includes('done'))).to.equal(false);
        }
      }
    });

    it('of which nothing is delivered late, and which tells that once', async () => {
      for (const settle of ['resolve', 'reject'] as const) {
        const work = deferred<unknown>();
        const { machine, ctx, cancel, runner, story, told } = play(() =>
          supervise(supervise(task('x', { execute: () => work.promise, finalize: () => 1 })), { restart: 'always' }),
        );
        const results = collect(runner.results$);
        collect(joinAll(ctx, 10, [runner]));
        cancel();
        machine.advance(20);
        work[settle](new Error('boom'));
        await settled();
        machine.advance(1000);
        expect(results).to.deep.equal([]);
        expect(told.filter((one) => !(one instanceof TaskError))).to.deep.equal(
          settle === 'resolve' ? ['complete'] : [],
        );
        expect(story).to.deep.equal([
          '0: x initializing',
          '0: x ready',
          '0: x cancelling',
          `20: x late in execute${settle === 'reject' ? ' (x failed in execute: boom)' : ''}`,
          '20: x finalizing',
          `20: x done ${settle === 'reject' ? 'failed' : 'cancelled'}`,
        ]);
        expect(hangingOn(ctx)).to.equal(0);
      }
    });

    it('whose late error is written once when nobody listens', async () => {
      const work = deferred<unknown>();
      const [ctx, cancel] = withCancel();
      const runner = supervise(task('x', () => work.promise));
      runner.start(ctx).subscribe({ error: () => undefined });
      cancel();
      collect(joinAll(ctx, 0, [runner]));
      work.reject(new Error('boom'));
      await settled();
      expect(written.all().map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
    });

    it('that hangs after a restart: likewise, as if there had been no run before', async () => {
      const work = deferred<unknown>();
      let runs = 0;
      const { machine, ctx, cancel, runner, story, told } = play(() =>
        supervise(
          task('x', () => {
            if (++runs === 1) throw new Error('boom');
            return work.promise;
          }),
          { backoff: exact },
        ),
      );
      const outcomes = collect(joinAll(ctx, 10, [runner]));
      machine.advance(5);
      cancel();
      machine.advance(10);
      expect(outcomes).to.deep.equal([
        { task: 'x', runner, status: 'timed-out', phase: 'execute', startedAt: 0 },
        'complete',
      ]);
      work.resolve('late');
      await settled();
      expect(told).to.deep.equal(['complete']);
      expect(story.slice(-3)).to.deep.equal(['5: x cancelling', '15: x late in execute', '15: x done cancelled']);
    });

    it('that hangs in another hook after a restart: it is named', () => {
      for (const phase of ['initialize', 'finalize'] as const) {
        let runs = 0;
        const hang = (of: string) => (of === phase && runs > 1 ? new Promise<never>(() => undefined) : undefined);
        const { machine, ctx, cancel, runner } = play((scheduler) =>
          supervise(
            task('x', {
              initialize: () => (runs++, hang('initialize')),
              execute: () => (runs === 1 ? failingAfter(1, scheduler) : NEVER),
              finalize: () => hang('finalize'),
            }),
            { backoff: exact },
          ),
        );
        const outcomes: Outcome[] = [];
        joinAll(ctx, 10, [runner]).subscribe((outcome) => outcomes.push(outcome));
        machine.advance(5);
        cancel();
        machine.advance(10);
        expect(outcomes).to.deep.equal([{ task: 'x', runner, status: 'timed-out', phase, startedAt: 0 }]);
      }
    });

    it('of another context, given up in a wait: it has the members of its last run', () => {
      const [other, cancelOther] = withCancel();
      cancelOther();
      const { machine, runner, cancel } = play(() =>
        supervise(parallel('g', task('a', failing())), { backoff: exact }),
      );
      machine.advance(1);
      const outcomes: Outcome[] = [];
      joinAll(other, 0, [runner]).subscribe((outcome) => outcomes.push(outcome));
      expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal(['g timed-out']);
      expect(outcomes[0]?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal(['g/a failed']);
      cancel();
    });

    it('that waits when the cancel comes has ended with it', () => {
      const { machine, ctx, cancel, runner } = play(() => supervise(task('x', failing())));
      const outcomes = collect(joinAll(ctx, 0, [runner]).pipe(map(({ status }) => status)));
      machine.advance(50);
      cancel();
      expect(outcomes).to.deep.equal(['cancelled', 'complete']);
    });

    it('in an application: its restarts are events of it, and its last failure that of the application', () => {
      const machine = virtualClock();
      const told: AppEvent[] = [];
      orchestrate([supervise(task('x', failing()), { backoff: exact, maxRestarts: 2 }), task('y', () => NEVER)], {
        scheduler: machine,
      }).subscribe((event) => told.push(event));
      machine.advance(100);
      const types = told.filter(({ type }) => type !== 'ready').map((event) => event.type);
      expect(types).to.deep.equal(['restarting', 'restarting', 'done', 'cancelled', 'cancelling', 'done', 'shutdown']);
      const cancelled = told.find(({ type }) => type === 'cancelled') as { cause?: unknown };
      expect(cancelled.cause).to.be.instanceOf(RestartLimitError);
      const last = told.at(-1);
      expect(last?.type === 'shutdown' && last.report.clean).to.equal(false);
    });
  });

  describe('whatever its options, and however its runs end', () => {
    interface Life {
      readonly initialize: number;
      readonly execute: number;
      readonly finalize: number;
      /** What goes wrong: nothing, the first or the second hook, and beside that the last. */
      readonly fails: 'initialize' | 'execute' | undefined;
      readonly alsoFinalize: boolean;
    }
    const length = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }));
    const life: fc.Arbitrary<Life> = fc.record({
      initialize: length,
      execute: length,
      finalize: length,
      fails: fc.constantFrom('execute', 'execute', 'initialize', undefined),
      alsoFinalize: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    });
    // All that is random comes in fractions that add up without rounding.
    const policy = fc.record({
      restart: fc.constantFrom('on-failure', 'always'),
      initial: fc.integer({ min: 0, max: 50 }),
      max: fc.integer({ min: 0, max: 120 }),
      factor: fc.constantFrom(1, 1.5, 2, 3),
      jitter: fc.constantFrom(0, 0.25, 0.5, 1),
      maxRestarts: fc.constantFrom(0, 1, 2, 3, 5, Infinity),
      window: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constant(Infinity)),
      healthyFor: fc.integer({ min: 1, max: 50 }),
    });
    const scenario = fc.record({
      lives: fc.array(life, { maxLength: 15 }),
      policy,
      randoms: fc.array(
        fc.integer({ min: 0, max: 63 }).map((n) => n / 64),
        { minLength: 1, maxLength: 5 },
      ),
      /** Between two instants at which something happens. */
      cancelAt: fc.option(
        fc.integer({ min: 0, max: 600 }).map((n) => n + 1 / 3),
        { nil: undefined },
      ),
    });
    type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;
    const cases = { numRuns: 500 };

    /** Runs a scenario to its end, and the calls of its hooks and its restarts as they came. */
    const run = ({ lives, policy, randoms, cancelAt }: Scenario) => {
      const { restart, initial, max, factor, jitter, maxRestarts, window, healthyFor } = policy;
      const machine = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
      const log: [at: number, what: string][] = [];
      const lasting = (ms: number, fails: boolean) => {
        if (ms > 0) return fails ? failingAfter(ms, machine) : timer(ms, machine);
        return fails ? failing()() : EMPTY;
      };
      let n = -1;
      const note = (what: string) => void log.push([machine.now(), what]);
      const runner = supervise(
        task('x', {
          initialize: () => {
            n++;
            note('initialize');
            return lasting(lives[n]?.initialize ?? 0, lives[n]?.fails === 'initialize');
          },
          execute: () => {
            note('execute');
            return lives[n] ? lasting(lives[n]?.execute ?? 0, lives[n]?.fails === 'execute') : NEVER;
          },
          finalize: () => {
            note('finalize');
            return lasting(lives[n]?.finalize ?? 0, lives[n]?.alsoFinalize === true);
          },
        }),
        {
          restart: restart as 'always',
          backoff: { initial, max, factor, jitter, random: turns(randoms) },
          maxRestarts,
          window,
          healthyFor,
        },
      );
      const restarts: { at: number; delay: number }[] = [];
      const dones: TaskEvent[] = [];
      runner.events$.subscribe((event) => {
        if (event.type === 'done') dones.push(event);
        if (event.type !== 'restarting') return;
        note(`restarting in ${event.delay}`);
        restarts.push({ at: event.at, delay: event.delay });
      });
      const told = collect(runner.start(ctx));
      machine.advance(cancelAt ?? 1e5);
      const before = log.filter(([, what]) => what === 'initialize').length;
      cancel();
      const after = log.filter(([, what]) => what === 'initialize').length;
      machine.advance(1e5);
      return {
        machine,
        ctx,
        runner,
        log,
        restarts,
        dones,
        told,
        starts: { before, after },
        outcome: outcomeOf(runner),
      };
    };

    /** What is to be expected of a scenario, computed from what is promised. */
    const model = ({ lives, policy, randoms, cancelAt = 1e5 }: Scenario) => {
      const { restart, initial, max, factor, jitter, maxRestarts, window, healthyFor } = policy;
      const random = turns(randoms);
      const log: [at: number, what: string][] = [];
      const restarts: number[] = [];
      let now = 0;
      let failures = 0;
      for (let n = 0; ; n++) {
        const life = lives[n];
        const { initialize, execute, finalize, fails, alsoFinalize } = life ?? {
          initialize: 0,
          execute: Infinity,
          finalize: 0,
          fails: undefined,
          alsoFinalize: false,
        };
        let status = fails ? 'failed' : 'completed';
        let ready = 0;
        const spend = (hook: string, ms: number) => {
          log.push([now, hook]);
          if (now + ms > cancelAt && hook !== 'finalize') {
            status = 'cancelled';
            ready = 0;
            now = cancelAt;
          } else now += ms;
        };
        spend('initialize', initialize);
        if (fails !== 'initialize' && now !== cancelAt) {
          ready = now;
          spend('execute', execute);
          ready = now - ready;
        }
        spend('finalize', finalize);
        if (alsoFinalize) status = 'failed';
        if (now >= cancelAt || status === 'cancelled' || (status === 'completed' && restart === 'on-failure'))
          return { log, status, endedAt: now };
        if (restarts.filter((at) => now - at < window).length >= maxRestarts)
          return { log, status: 'failed', endedAt: now };
        restarts.push(now);
        if (ready >= healthyFor) failures = 0;
        const wait = Math.min(max, initial * factor ** failures++);
        const delay = Math.min(max, wait * (1 + jitter * (2 * random() - 1)));
        log.push([now, `restarting in ${delay}`]);
        now += delay;
        if (now > cancelAt) return { log, status: 'cancelled', endedAt: cancelAt };
      }
    };

    it('it calls the hooks when it is to, and ends as it is to', () => {
      fc.assert(
        fc.property(scenario, (one) => {
          const { log, outcome } = run(one);
          const expected = model(one);
          expect(log).to.deep.equal(expected.log);
          expect(outcome?.endedAt).to.equal(expected.endedAt);
          // Of a run that is cancelled while it finalizes after a clean end, another spec speaks.
          const { cancelAt = Infinity } = one;
          if (expected.status !== 'completed' || expected.endedAt < cancelAt)
            expect(outcome?.status).to.equal(expected.status);
        }),
        cases,
      );
    });

    it('it restarts no more often within that time than it may', () => {
      fc.assert(
        fc.property(scenario, (one) => {
          const { restarts, outcome } = run(one);
          const { maxRestarts, window } = one.policy;
          for (const { at } of restarts)
            expect(restarts.filter((other) => other.at >= at && other.at < at + window)).to.have.lengthOf.at.most(
              maxRestarts,
            );
          if (outcome?.error instanceof RestartLimitError) {
            const { endedAt = NaN } = outcome;
            expect(restarts.filter(({ at }) => endedAt - at < window)).to.have.length(maxRestarts);
          }
        }),
        cases,
      );
    });

    it('each wait is within its bounds, and is waited', () => {
      fc.assert(
        fc.property(scenario, (one) => {
          const { restarts, log } = run(one);
          const { initial, max, jitter } = one.policy;
          const starts = log.filter(([, what]) => what === 'initialize').slice(1);
          for (const [n, { at, delay }] of restarts.entries()) {
            expect(delay).to.be.within(Math.min(max, initial) * (1 - jitter), max);
            const start = starts[n]?.[0];
            if (start === undefined) expect(n).to.equal(restarts.length - 1);
            else expect(start).to.equal(at + delay);
          }
          expect(starts.length).to.be.within(restarts.length - 1, restarts.length);
        }),
        cases,
      );
    });

    it('finalize is called once for each initialize, and nothing is left', () => {
      fc.assert(
        fc.property(scenario, (one) => {
          const { log, dones, told, ctx, machine, outcome } = run(one);
          const calls = log.map(([, what]) => (what.startsWith('restarting') ? '.' : what.charAt(0))).join('');
          expect(calls).to.match(/^(ie?f\.)*ie?f\.?$/);
          expect(dones.map((event) => event.type === 'done' && event.outcome)).to.deep.equal([outcome]);
          expect(told.at(-1)).to.equal(outcome?.error ?? 'complete');
          expect([hangingOn(ctx), machine.timers]).to.deep.equal([0, 0]);
        }),
        cases,
      );
    });

    it('a cancel ends it without another start', () => {
      fc.assert(
        fc.property(scenario, (one) => {
          const { runner, starts, log } = run(one);
          expect(runner.status).to.equal('done');
          expect(starts.after).to.equal(starts.before);
          expect(log.filter(([, what]) => what === 'initialize')).to.have.length(starts.before);
        }),
        cases,
      );
    });
  });
});

describe('critical', () => {
  keepWritten();

  /** Starts a critical task under a context of its own below that of the application. */
  const below = (make: (scheduler: VirtualClock) => TaskRunner) => {
    const machine = virtualClock();
    const [master, cancelAll] = withCancel(undefined, { scheduler: machine });
    const [ctx, cancel] = withCancel(master);
    const runner = make(machine);
    const story = storyOf(runner);
    const cancelled: unknown[] = [];
    master.cancelled$.subscribe((cause) => {
      cancelled.push(machine.now(), cause);
    });
    return { machine, master, ctx, cancel, cancelled, runner, story, told: collect(runner.start(ctx, cancelAll)) };
  };

  it('completes: the application is cancelled, after finalize, with an error that names it', () => {
    const { machine, cancelled, told, story, runner } = below((scheduler) =>
      critical(task('x', { execute: () => timer(2, scheduler), finalize: () => timer(3, scheduler) })),
    );
    machine.advance(4);
    expect(cancelled).to.deep.equal([]);
    machine.advance(100);
    expect(cancelled).to.have.length(2);
    expect(cancelled[0]).to.equal(5);
    expect(cancelled[1]).to.be.instanceOf(CancelledError);
    expect(String(cancelled[1])).to.equal('CancelledError: x has ended');
    expect(told).to.deep.equal([0, 'complete']);
    expect(story).to.deep.equal(['0: x initializing', '0: x ready', '2: x finalizing', '5: x done completed']);
    const outcome = { task: 'x', runner, status: 'completed', startedAt: 0, endedAt: 5 };
    expect(outcomeOf(runner)).to.deep.equal(outcome);
    expect(outcomeOf(runner)?.runner).to.equal(runner);
  });

  it('fails, in whichever hook: the application is cancelled with its error', () => {
    const hooks: Record<string, Partial<TaskDefinition<unknown>>> = {
      initialize: { initialize: failing() },
      execute: { execute: failing() },
      finalize: { finalize: failing() },
    };
    for (const [phase, failed] of Object.entries(hooks)) {
      const { cancelled, told, runner } = below(() => critical(task('x', { execute: () => 1, ...failed })));
      const { error, status } = outcomeOf(runner) ?? {};
      expect([error?.phase, status]).to.deep.equal([phase, 'failed']);
      expect(error?.suppressed).to.deep.equal([]);
      expect(cancelled[1]).to.equal(error);
      expect(told.at(-1)).to.equal(error);
    }
  });

  it('fails after a time: likewise, and its outcome tells of no cancel', () => {
    const { machine, cancelled, story, runner, ctx } = below((scheduler) =>
      critical(task('x', { execute: () => failingAfter(2, scheduler), finalize: () => timer(3, scheduler) })),
    );
    machine.advance(100);
    expect(cancelled).to.deep.equal([5, outcomeOf(runner)?.error]);
    expect(story).to.deep.equal(['0: x initializing', '0: x ready', '2: x finalizing', '5: x done failed']);
    expect(hangingOn(ctx)).to.equal(0);
  });

  it('is cancelled alone: that is an end, too', () => {
    const { machine, cancelled, cancel, story } = below((scheduler) =>
      critical(task('x', { execute: () => NEVER, finalize: () => timer(3, scheduler) })),
    );
    machine.advance(2);
    cancel(new Error('enough'));
    expect(cancelled).to.deep.equal([]);
    machine.advance(100);
    expect([cancelled[0], String(cancelled[1])]).to.deep.equal([5, 'CancelledError: x has ended']);
    expect(story.slice(-3)).to.deep.equal(['2: x cancelling', '2: x finalizing', '5: x done cancelled']);
  });

  it('is left: likewise', () => {
    const [master, cancelAll] = withCancel();
    critical(task('x', () => NEVER))
      .start(master, cancelAll)
      .subscribe()
      .unsubscribe();
    expect(String(master.cause)).to.equal('CancelledError: x has ended');
  });

  it('is cancelled before it starts: it has never run, and cancels nothing', () => {
    const [master, cancelAll] = withCancel();
    const [ctx, cancel] = withCancel(master);
    cancel();
    const told = collect(critical(task('x', () => expect.fail('It starts'))).start(ctx, cancelAll));
    expect([told, master.cancelled]).to.deep.equal([['complete'], false]);
  });

  it('cannot run, because it is under way elsewhere: that is a failure', () => {
    const [elsewhere] = withCancel();
    const inner = taskRunner(task('x', () => NEVER));
    inner.start(elsewhere).subscribe();
    const [master, cancelAll] = withCancel();
    const runner = critical(inner);
    const told = collect(runner.start(master, cancelAll));
    const { error, status } = outcomeOf(runner) ?? {};
    expect([told, status, inner.status]).to.deep.equal([[error], 'failed', 'running']);
    expect(error?.cause).to.be.instanceOf(AlreadyRunningError);
    expect([master.cancelled, master.cause]).to.deep.equal([true, error]);
  });

  it('is cancelled with the application: the first cause stays', () => {
    const [master, cancelAll] = withCancel();
    const runner = critical(task('x', () => NEVER));
    const told = collect(runner.start(master, cancelAll));
    cancelAll('enough');
    expect([told, master.cause, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'enough', 'cancelled']);
  });

  it('a cancel in finalize after a clean end changes nothing', () => {
    const { machine, cancel, story } = below((scheduler) =>
      critical(task('x', { execute: () => timer(2, scheduler), finalize: () => timer(3, scheduler) })),
    );
    machine.advance(3);
    cancel();
    machine.advance(10);
    expect(story.slice(-1)).to.deep.equal(['5: x done completed']);
  });

  it('started without a cancel for the application, ends as any', () => {
    const [ctx] = withCancel();
    const completed = critical(task('x', () => of(1, 2)));
    expect(collect(completed.start(ctx))).to.deep.equal([1, 2, 'complete']);
    const failed = critical(task('x', failing()));
    const told = collect(failed.start(ctx));
    expect(told.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
    expect([outcomeOf(completed)?.status, outcomeOf(failed)?.status]).to.deep.equal(['completed', 'failed']);
    expect([ctx.cancelled, hangingOn(ctx)]).to.deep.equal([false, 0]);
  });

  it('is ready, and has a status, as the task', () => {
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

  it('is started again after its end', () => {
    const runner = critical(task('x', () => 1));
    for (let n = 0; n < 2; n++) {
      const [master, cancelAll] = withCancel();
      expect(collect(runner.start(master, cancelAll))).to.deep.equal([1, 'complete']);
      expect(master.cancelled).to.equal(true);
    }
  });

  it('stops an application, though that is to go on after a failure', () => {
    for (const [ends, status] of [
      [() => timer(2), 'completed'],
      [() => failingAfter(2), 'failed'],
    ] as const) {
      virtually((_, scheduler) => {
        const told: AppEvent[] = [];
        const runner = critical(task('x', ends));
        orchestrate([runner, task('y', () => NEVER)], { onFailure: 'continue' }).subscribe((event) => told.push(event));
        scheduler.flush();
        expect(told.map((event) => ('task' in event ? `${event.task} ${lineOf(event)}` : event.type))).to.deep.equal([
          'x ready',
          'y ready',
          'cancelled',
          'y cancelling',
          'y done cancelled',
          `x done ${status}`,
          'shutdown',
        ]);
        const cause = told.find((event) => event.type === 'cancelled')?.cause;
        if (status === 'failed') expect(cause).to.equal(outcomeOf(runner)?.error);
        else expect(String(cause)).to.equal('CancelledError: x has ended');
      });
    }
  });

  it('within supervise: its first failure stops the application, and is not restarted', () => {
    for (const restart of ['on-failure', 'always'] as const) {
      const { machine, cancelled, story, runner } = below((scheduler) =>
        supervise(critical(task('x', () => failingAfter(2, scheduler))), { restart }),
      );
      machine.advance(1000);
      expect(cancelled).to.deep.equal([2, outcomeOf(runner)?.error]);
      expect(story).to.deep.equal(['0: x ready', '2: x done failed']);
    }
  });

  it('around supervise: the application goes on through its restarts, and is cancelled at the limit', () => {
    const { machine, cancelled, story, runner } = below((scheduler) =>
      critical(
        supervise(
          task('x', () => failingAfter(2, scheduler)),
          { backoff: exact, maxRestarts: 1 },
        ),
      ),
    );
    machine.advance(1000);
    expect(story).to.deep.equal([
      '0: x ready',
      '2: x restarting 1 in 3 (x failed in execute: boom)',
      '5: x ready',
      '7: x done failed',
    ]);
    const { error } = outcomeOf(runner) ?? {};
    expect(error).to.be.instanceOf(RestartLimitError);
    expect(cancelled).to.deep.equal([7, error]);
  });

  it('in a group it is called by its path, and the group ends with the application', () => {
    const { machine, cancelled, story, runner } = below((scheduler) =>
      ordered(
        'app',
        task('a', () => NEVER),
        critical(task('x', () => timer(2, scheduler))),
        task('b', () => NEVER),
      ),
    );
    machine.advance(10);
    expect([cancelled[0], String(cancelled[1])]).to.deep.equal([2, 'CancelledError: app/x has ended']);
    expect(story.filter((line) => line.includes('done'))).to.have.members([
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

  it('passes on a group it is made of, with its members', () => {
    const { cancelled, story, runner } = below(() =>
      critical(
        parallel(
          'g',
          task('a', () => 1),
          task('b', () => 2),
        ),
      ),
    );
    expect(String(cancelled[1])).to.equal('CancelledError: g has ended');
    expect(story.filter((line) => line.includes('done'))).to.deep.equal([
      '0: g/a done completed',
      '0: g/b done completed',
      '0: g done completed',
    ]);
    expect(outcomeOf(runner)?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
      'g/a completed',
      'g/b completed',
    ]);
  });

  for (const under of ['its own', 'the same'] as const) {
    it(`takes a runner of any make: what that starts, it starts under ${under} context`, () => {
      const inner = taskRunner(task('x', () => of(1, 2)));
      const { cancelled, story, told, runner } = below(() => critical(foreign(inner, under)));
      expect(String(cancelled[1])).to.equal('CancelledError: x has ended');
      expect(told).to.deep.equal([1, 2, 'complete']);
      expect(story).to.deep.equal(['0: x ready', '0: x done completed']);
      expect(outcomeOf(runner)?.runner).to.equal(runner);
    });
  }

  it('while it hangs it has not ended, and the application goes on', () => {
    const { machine, master, cancel, runner } = below(() =>
      critical(task('x', () => new Promise<never>(() => undefined))),
    );
    const outcomes = collect(joinAll(master, 10, [runner]));
    cancel();
    machine.advance(100);
    expect([outcomes, master.cancelled]).to.deep.equal([[], false]);
  });

  it('cancelled: the application is, too, with an error whose cause is that of its cancel', () => {
    const { cancel, cancelled } = below(() => critical(task('x', () => NEVER)));
    cancel('why');
    expect(cancelled[1]).to.be.instanceOf(CancelledError).and.include({ message: 'x has ended', cause: 'why' });
  });
});
