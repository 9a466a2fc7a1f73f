import { expect } from 'chai';
import { catchError, EMPTY, filter, map, NEVER, Observable, of, Subject, take, throwError, timer } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  CancelledError,
  critical,
  cron,
  joinAll,
  launchRunner,
  ordered,
  parallel,
  RestartLimitError,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type CancelFunc,
  type Context,
  type Outcome,
  type SuperviseOptions,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { collect, hangingOn } from '../helpers/collect.js';
import { Parts } from '../helpers/parts.js';
import { deferred, events, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const makers = [
  ['ordered', ordered],
  ['parallel', parallel],
] as const;

/** Marbles of what happens to parts: what is not named does not happen. */
interface Lives {
  readonly initialized?: string;
  readonly executed?: string;
  readonly cut?: string;
  readonly finalized?: string;
  readonly ended?: string;
}

const none = '-';

function expectLives({ expectObservable }: RunHelpers, parts: Parts, lives: Lives): void {
  expectObservable(parts.initialized$).toBe(lives.initialized ?? none);
  expectObservable(parts.executed$).toBe(lives.executed ?? none);
  expectObservable(parts.cut$).toBe(lives.cut ?? none);
  expectObservable(parts.finalized$).toBe(lives.finalized ?? none);
  expectObservable(parts.ended$).toBe(lives.ended ?? none);
}

/** How a run ended, and with which members: `app failed [app/a cancelled, app/b failed]`. */
function told({ task, status, phase, members }: Outcome): string {
  const how = `${task} ${status}${phase ? ` in ${phase}` : ''}`;
  return members ? `${how} [${members.map(told).join(', ')}]` : how;
}

function toldOf(runner: TaskRunner): string | undefined {
  const outcome = outcomeOf(runner);
  return outcome && told(outcome);
}

/** What is told of a group's end, by its outcome. */
function end$(runner: TaskRunner): Observable<string> {
  return runner.done$.pipe(map(told));
}

/** What a runner yields; its error as a text. */
function start$<T>(runner: TaskRunner<T>, ctx?: Context): Observable<T> {
  const toText = (error: unknown) => {
    const { task, phase } = error as TaskError;
    return throwError(() => `${task} in ${phase}`);
  };
  return runner.start(ctx).pipe(catchError(toText));
}

/** Restarts whose waits are all as long. */
function steady(initial: number): SuperviseOptions {
  return { backoff: { initial, factor: 1, jitter: 0 } };
}

/** A task that goes on until it is cancelled. */
function forever(name: string): TaskRunner<never> {
  return taskRunner(task(name, () => NEVER));
}

function failing(name: string, reason: unknown = new Error(name)): TaskRunner<never> {
  return taskRunner(
    task(name, () => {
      throw reason;
    }),
  );
}

/** Starts a runner whose failure is no surprise. */
function run(runner: TaskRunner, ctx?: Context, cancel?: CancelFunc): void {
  runner.start(ctx, cancel).subscribe({ error: () => undefined });
}

/** A runner that someone else has written: it makes its own contexts, and has nothing of ours inside. */
class Foreign implements TaskRunner<string> {
  readonly done$ = new Subject<Outcome>();
  readonly ready$ = new Subject<void>();
  readonly results$ = new Subject<string>();
  readonly events$ = new Subject<TaskEvent>();
  readonly status = 'running';
  readonly values$ = new Subject<string>();
  ctx: Context | AbortSignal | undefined = undefined;
  cancel: CancelFunc | undefined = undefined;

  start(ctx?: Context | AbortSignal, cancel?: CancelFunc): Observable<string> {
    this.ctx = ctx;
    this.cancel = cancel;
    return this.values$;
  }

  end(status: Outcome['status'], error?: TaskError): void {
    const outcome: Outcome = { task: 'foreign', runner: this, status, ...(error && { error }) };
    this.done$.next(outcome);
    this.done$.complete();
    if (error) this.values$.error(error);
    else this.values$.complete();
  }

  toString(): string {
    return 'foreign';
  }
}

/** A runner that someone has wrapped, as one would to count or to log. */
function wrapped<T>(runner: TaskRunner<T>): TaskRunner<T> {
  return {
    start: (ctx, cancel) => runner.start(ctx, cancel),
    done$: runner.done$,
    ready$: runner.ready$,
    results$: runner.results$,
    events$: runner.events$,
    get status() {
      return runner.status;
    },
    toString: () => runner.toString(),
  };
}

for (const [kind, group] of makers) {
  describe(kind, () => {
    describe('when it is made', () => {
      it('a name that is none; what is neither task nor runner; one runner twice: TypeError, saying what was got', () => {
        expect(() => group(1 as never)).to.throw(TypeError, 'Expected `name` to be a string, got `1` (number)');
        for (const other of [undefined, null, {}, 'a', () => 1, EMPTY])
          expect(() => group('app', forever('a'), other as never)).to.throw(TypeError, 'Expected `task` to be a task');
        const a = forever('a');
        expect(() => group('app', a, forever('b'), a)).to.throw(
          TypeError,
          'Expected `runnables` to be runners that differ',
        );
        expect(() => group('app', a, forever('b'), a)).to.throw(TypeError, "got `'a'`");
        expect(a.status).to.equal('idle');
      });

      it('one task twice is two members; so are two runners of one name', () => {
        let runs = 0;
        const twin = task('twin', () => ++runs);
        const first = taskRunner(task('twin', () => 'first'));
        const second = taskRunner(task('twin', () => 'second'));
        const app = group('app', twin, first, twin, second);
        expect(collect(app.start())).to.deep.equal([1, 'first', 2, 'second', 'complete']);
        const { members = [] } = outcomeOf(app) ?? {};
        expect(members.map(({ task }) => task)).to.deep.equal(Array(4).fill('app/twin'));
        expect(new Set(members.map(({ runner }) => runner)).size).to.equal(4);
        expect([members[1]?.runner, members[3]?.runner]).to.deep.equal([first, second]);
      });

      it('has its name, is idle, and nothing runs before it is subscribed', () => {
        const execute = sinon.spy();
        const app = group('app', task('a', execute));
        app.start();
        expect([String(app), app.status, execute.callCount]).to.deep.equal(['app', 'idle', 0]);
      });
    });

    describe('that is being cancelled', () => {
      it('tells whoever asks that it was ready', () => {
        virtually((_, scheduler) => {
          const app = group('app', task('a', { execute: () => NEVER, finalize: () => timer(3) }));
          const [ctx, cancel] = withCancel();
          run(app, ctx);
          cancel();
          expect(collect(app.ready$)).to.deep.equal([undefined, 'complete']);
          scheduler.flush();
        });
      });
    });

    describe('without members', () => {
      it('is ready, and has ended, at once', () => {
        virtually(({ expectObservable }) => {
          const app = group('app');
          expectObservable(app.ready$).toBe('(r|)', { r: undefined });
          expectObservable(end$(app)).toBe('(d|)', { d: 'app completed []' });
          expectObservable(app.start()).toBe('|');
        });
      });

      it('is in nobody’s way', () => {
        expect(
          collect(
            ordered(
              'all',
              group('none'),
              task('a', () => 'a'),
              group('nothing'),
            ).start(),
          ),
        ).to.deep.equal(['a', 'complete']);
      });
    });

    describe('with one member', () => {
      it('is ready when that is, yields what that yields, and ends with it', () => {
        virtually((helpers) => {
          const { expectObservable } = helpers;
          const parts = new Parts();
          const app = group('app', parts.part('a', { initialize: 2, execute: 3, finalize: 4 }));
          expectLives(helpers, parts, { initialized: 'a', executed: '--a', finalized: '-----a', ended: '---------a' });
          expectObservable(app.ready$).toBe('--(r|)', { r: undefined });
          expectObservable(app.results$).toBe('-----a');
          expectObservable(end$(app)).toBe('---------(d|)', { d: 'app completed [app/a completed]' });
          expectObservable(app.start()).toBe('-----a---|');
        });
      });

      it('has its statuses', () => {
        virtually((_, scheduler) => {
          const seen: string[] = [];
          const app = group('app', new Parts().part('a', { initialize: 2, execute: 2, finalize: 2 }));
          for (const frame of [0, 1, 3, 7]) scheduler.schedule(() => seen.push(app.status), frame);
          scheduler.schedule(() => run(app), 0);
          scheduler.flush();
          expect(seen).to.deep.equal(['idle', 'initializing', 'running', 'done']);
        });
      });
    });

    describe('with members that are synchronous throughout', () => {
      it('runs each after the other, to its end', () => {
        const log: string[] = [];
        const sync = (name: string) =>
          task(name, {
            initialize: () => log.push(`${name} initialize`),
            execute: () => name,
            finalize: () => log.push(`${name} finalize`),
          });
        expect(collect(group('app', sync('a'), sync('b')).start())).to.deep.equal(['a', 'b', 'complete']);
        expect(log).to.deep.equal(['a initialize', 'a finalize', 'b initialize', 'b finalize']);
      });

      it('10,000 of them: none is lost, and the stack does not grow with them', () => {
        const depths: number[] = [];
        const { stackTraceLimit } = Error;
        Error.stackTraceLimit = Infinity;
        const depth = () => new Error().stack?.split('\n').length ?? NaN;
        try {
          const names = Array.from({ length: 10_000 }, (_, k) => `${k}`);
          const app = group('app', ...names.map((name, k) => task(name, () => (k % 1000 ? 0 : depths.push(depth())))));
          let count = 0;
          app.start().subscribe(() => count++);
          expect(count).to.equal(10_000);
          expect(outcomeOf(app)?.members?.map(({ task }) => task)).to.deep.equal(names.map((name) => `app/${name}`));
          expect(new Set(depths).size).to.be.at.most(2);
        } finally {
          Error.stackTraceLimit = stackTraceLimit;
        }
      });

      it('10,000 that end only when cancelled, all at once: the stack does not overflow', () => {
        const [ctx, cancel] = withCancel();
        const app = group('app', ...Array.from({ length: 10_000 }, (_, k) => forever(`${k}`)));
        run(app, ctx);
        cancel();
        const { status, members = [] } = outcomeOf(app) ?? {};
        expect([status, members.length]).to.deep.equal(['cancelled', 10_000]);
        expect(members.every(({ status }) => status === 'cancelled')).to.equal(true);
        expect(hangingOn(ctx)).to.equal(0);
      });
    });

    it('merges the values, as they come', () => {
      virtually(({ cold, expectObservable }) => {
        const app = group(
          'app',
          task('a', () => cold('-a--a|')),
          task('b', () => cold('--b--b-b|')),
          task('c', () => 'c'),
        );
        expectObservable(app.results$).toBe('cab-ab-b');
        expectObservable(app.start()).toBe('cab-ab-b|');
      });
    });

    it('can be started again after its end, each time with new outcomes', () => {
      let fails = true;
      const a = taskRunner(
        task('a', () => {
          if (fails) throw new Error('boom');
          return 'a';
        }),
      );
      const app = group(
        'app',
        a,
        task('b', () => 'b'),
      );
      expect(collect(app.start())).to.have.length(1);
      expect(toldOf(app)).to.equal('app failed [app/a failed, app/b not-started]');
      fails = false;
      expect(collect(app.start())).to.deep.equal(['a', 'b', 'complete']);
      expect(toldOf(app)).to.equal('app completed [app/a completed, app/b completed]');
    });

    it('runs once at a time', () => {
      const [ctx, cancel] = withCancel();
      const app = group('app', forever('a'));
      run(app, ctx);
      expect(collect(app.start(ctx))[0]).to.be.instanceOf(AlreadyRunningError);
      expect(app.status).to.equal('running');
      cancel();
      expect(toldOf(app)).to.equal('app cancelled [app/a cancelled]');
    });

    it('is under way until all have ended, though its subscriber has left', () => {
      virtually((_, scheduler) => {
        const parts = new Parts();
        const app = group('app', parts.part('a', { finalize: 3 }), parts.part('b'));
        app.start().subscribe().unsubscribe();
        expect(collect(app.start())[0]).to.be.instanceOf(AlreadyRunningError);
        scheduler.flush();
        expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled]');
        run(app);
        expect(app.status).to.equal('running');
      });
    });

    it('stops with an AbortSignal', () => {
      const controller = new AbortController();
      const parts = new Parts();
      const app = group('app', parts.part('a'), group('inner', parts.part('b')));
      const told = collect(app.start(controller.signal));
      controller.abort('enough');
      expect([told, [...parts.causes.values()]]).to.deep.equal([['complete'], ['enough', 'enough']]);
      expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/inner cancelled [app/inner/b cancelled]]');
    });

    it('delivers what its members yield while it stops', () => {
      virtually(({ cold, expectObservable }) => {
        const graceful = task('g', { grace: 6, execute: () => cold('-1-2-3-4-5-6') });
        const fails = task('f', { execute: () => cold('---#'), finalize: () => timer(1) });
        const app = group('app', graceful, fails);
        expectObservable(app.results$).toBe('-1-2-3-4-5');
        expectObservable(start$(app)).toBe('-1-2-3-4-5#', undefined, 'app/f in execute');
      });
    });

    it('supervised, starts with all its members again', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const parts = new Parts();
        const o = group('o', parts.part('a', { finalize: 1 }), parts.part('b', { execute: 5, fails: ['execute'] }));
        const app = parallel('app', supervise(o, { ...steady(4), maxRestarts: 1 }));
        app.events$.subscribe();
        expectLives(helpers, parts, {
          initialized: '(ab)------(ab)',
          executed: '   (ab)------(ab)',
          cut: '        -----a---------a',
          finalized: '  -----(ba)------(ba)',
          ended: '      -----ba--------ba',
        });
        expectObservable(start$(app)).toBe('----------------#', undefined, 'app/o in execute');
        flush();
        expect(outcomeOf(app)?.error).to.be.instanceOf(RestartLimitError);
        expect(outcomeOf(app)?.error?.cause).to.equal(outcomeOf(o)?.error);
        expect(toldOf(app)).to.equal('app failed [app/o failed [app/o/a cancelled, app/o/b failed]]');
      });
    });

    it('under a cancelled context no member starts', () => {
      const [ctx, cancel] = withCancel();
      cancel();
      const execute = sinon.spy();
      const a = taskRunner(task('a', execute));
      const app = group('app', a);
      expect(collect(app.start(ctx))).to.deep.equal(['complete']);
      expect([outcomeOf(app)?.status, a.status, execute.callCount]).to.deep.equal(['cancelled', 'idle', 0]);
    });

    it('gives its members the cancel that it has got; without one, one that ends this group alone', () => {
      const cancels: CancelFunc[] = [];
      const taking = (name: string) => taskRunner(task(name, (_, cancel) => (cancels.push(cancel), NEVER)));
      const [ctx, cancel] = withCancel();
      run(group('app', taking('a'), group('inner', taking('b'))), ctx, cancel);
      expect(cancels).to.deep.equal([cancel, cancel]);
      const app = group('app', taking('a'), group('inner', taking('b')));
      run(app, ctx);
      cancels[3]?.('enough');
      expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/inner cancelled [app/inner/b cancelled]]');
      expect(ctx.cancelled).to.equal(false);
      cancel();
    });

    describe('its members', () => {
      it('are runners that keep telling of themselves', () => {
        virtually(({ expectObservable, hot }) => {
          const a = taskRunner(task('a', { initialize: () => timer(1), execute: () => timer(1).pipe(map(() => 'A')) }));
          const b = forever('b');
          const [ctx, cancel] = withCancel();
          hot('-----c').subscribe(cancel);
          const app = group('app', a, b);
          expectObservable(a.events$.pipe(map(({ type, task }) => `${task} ${type}`))).toBe('ir(fd)', {
            i: 'app/a initializing',
            r: 'app/a ready',
            f: 'app/a finalizing',
            d: 'app/a done',
          });
          expectObservable(a.results$).toBe('--A');
          expectObservable(a.ready$).toBe('-(r|)', { r: undefined });
          expectObservable(end$(a)).toBe('--(d|)', { d: 'app/a completed' });
          expectObservable(end$(b)).toBe('-----(d|)', { d: 'app/b cancelled' });
          expectObservable(app.start(ctx)).toBe('--A--|');
        });
      });

      it('have their own names again when they are run by themselves', () => {
        const seen: string[] = [];
        const a = taskRunner(task('a', (ctx) => seen.push(ctx.task)));
        group('app', a).start().subscribe();
        a.start().subscribe();
        expect([seen, outcomeOf(a)?.task]).to.deep.equal([['app/a', 'a'], 'a']);
      });

      it('may be started again as soon as they are done, by whom is told of that', () => {
        const a = forever('a');
        const [ctx, cancel] = withCancel();
        const [other, cancelOther] = withCancel();
        const app = group('app', a, forever('b'));
        run(app, ctx);
        a.done$.subscribe(() => run(a, other));
        cancel();
        expect([toldOf(app), a.status]).to.deep.equal(['app cancelled [app/a cancelled, app/b cancelled]', 'running']);
        cancelOther();
        expect(a.status).to.equal('done');
      });
    });

    describe('a member runner that is under way elsewhere', () => {
      it('is the group’s failure, with the others stopped, and goes on where it is', () => {
        const [ctx, cancel] = withCancel();
        const [elsewhere, stop] = withCancel();
        const shared = forever('shared');
        run(shared, elsewhere);
        const app = group('app', forever('a'), shared, forever('c'));
        const [error] = collect(app.start(ctx)) as TaskError[];
        expect(error).to.be.instanceOf(TaskError);
        expect([error?.task, error?.phase]).to.deep.equal(['app/shared', 'execute']);
        expect(error?.cause).to.be.instanceOf(AlreadyRunningError);
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/shared failed, app/c not-started]');
        expect(outcomeOf(app)?.members?.[1]?.error).to.equal(error);
        expect([shared.status, outcomeOf(shared)]).to.deep.equal(['running', undefined]);
        stop();
        expect(toldOf(shared)).to.equal('shared cancelled');
        expect(hangingOn(ctx)).to.equal(0);
        cancel();
      });

      it('so is a runner that is in the group twice, once in a member', () => {
        const shared = forever('shared');
        const app = group('app', shared, supervise(shared, { maxRestarts: 0 }));
        const [error] = collect(app.start()) as TaskError[];
        expect(error).to.be.instanceOf(TaskError);
        expect(shared.status).to.equal('done');
        expect(outcomeOf(app)?.members?.map(({ status }) => status)).to.deep.equal(['cancelled', 'failed']);
      });
    });

    describe('errors', () => {
      it('the first in time is the group’s, as its member had it; the others are suppressed, none is lost', () => {
        virtually((_, scheduler) => {
          const parts = new Parts();
          const [a, b, c] = [
            parts.part('a', { fails: ['finalize'], finalize: 2 }),
            parts.part('b', { execute: 3, fails: ['execute', 'finalize'] }),
            parts.part('c', { fails: ['finalize'], finalize: 1 }),
          ];
          const app = group('app', a, b, c);
          const errors: unknown[] = [];
          app.start().subscribe({ error: (error: unknown) => errors.push(error) });
          scheduler.flush();
          const [ofA, ofB, ofC] = [a, b, c].map((runner) => outcomeOf(runner)?.error);
          expect(ofB?.task).to.equal('app/b');
          expect(errors).to.deep.equal([ofB]);
          expect(errors[0]).to.equal(ofB);
          expect(outcomeOf(app)?.error).to.equal(ofB);
          expect(ofB?.suppressed.map(({ task, phase }) => `${task} ${phase}`)).to.deep.equal([
            'app/b finalize',
            'app/c finalize',
            'app/a finalize',
          ]);
          expect(ofB?.suppressed.slice(1)).to.deep.equal([ofC, ofA]);
          expect([ofA?.suppressed, ofC?.suppressed]).to.deep.equal([[], []]);
          expect(toldOf(app)).to.equal('app failed [app/a failed, app/b failed, app/c failed]');
        });
      });

      it('one in finalize after a cancel makes the group failed; without one it is cancelled', () => {
        virtually((_, scheduler) => {
          const parts = new Parts();
          const [ctx, cancel] = withCancel();
          const well = group('well', parts.part('a', { finalize: 2 }), parts.part('b'));
          const ill = group('ill', parts.part('a', { fails: ['finalize'], finalize: 2 }), parts.part('b'));
          run(well, ctx);
          run(ill, ctx);
          cancel('enough');
          scheduler.flush();
          expect(toldOf(well)).to.equal('well cancelled [well/a cancelled, well/b cancelled]');
          expect(toldOf(ill)).to.equal('ill failed [ill/a failed, ill/b cancelled]');
          expect(outcomeOf(ill)?.error?.phase).to.equal('finalize');
        });
      });

      it('one that comes after a cancel, with its cause, is none', async () => {
        const [ctx, cancel] = withCancel();
        const cause = new Error('enough');
        const rejecting = (name: string) =>
          task(name, (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(cause))));
        const app = group('app', rejecting('a'), rejecting('b'));
        run(app, ctx);
        cancel(cause);
        await settled();
        expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled]');
      });

      it('one after a member’s failure, with that as its cause, is a cancelled member', async () => {
        let fail: ((error: Error) => void) | undefined;
        const rejecting = task(
          'a',
          (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.cause))),
        );
        const app = group(
          'app',
          rejecting,
          task('b', () => new Promise((_, reject) => (fail = reject))),
        );
        run(app);
        fail?.(new Error('boom'));
        await settled();
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/b failed]');
        expect(outcomeOf(app)?.error?.suppressed).to.deep.equal([]);
      });

      it('falsy ones are kept', () => {
        const app = group('app', failing('a', 0));
        const [error] = collect(app.start()) as TaskError[];
        expect([error?.task, error?.cause]).to.deep.equal(['app/a', 0]);
      });

      it('are written once when the subscriber has left and nobody waits; not when somebody does', () => {
        virtually((_, scheduler) => {
          const stub = sinon.stub(console, 'error');
          try {
            const parts = new Parts();
            const app = group('app', parts.part('a', { fails: ['finalize'], finalize: 1 }), parts.part('b'));
            const leave = () =>
              app
                .start()
                .subscribe({ error: () => undefined })
                .unsubscribe();
            leave();
            scheduler.flush();
            expect(stub.args).to.deep.equal([[outcomeOf(app)?.error]]);
            leave();
            app.done$.subscribe();
            scheduler.flush();
            expect(stub.callCount).to.equal(1);
          } finally {
            stub.restore();
          }
        });
      });
    });

    describe('cancelled synchronously', () => {
      const hooks = ['initialize', 'execute'] as const;
      for (const hook of hooks) {
        it(`by a member, in ${hook}: those after it do not start, those before it stop`, () => {
          const parts = new Parts();
          const [ctx, cancel] = withCancel();
          const log: string[] = [];
          const b = taskRunner(
            task('b', {
              initialize: () => {
                log.push('initialize');
                if (hook === 'initialize') cancel('enough');
              },
              execute: () => {
                log.push('execute');
                cancel('enough');
                return NEVER;
              },
              finalize: () => log.push('finalize'),
            }),
          );
          const c = parts.part('c');
          const app = group('app', parts.part('a'), b, c);
          expect(collect(app.start(ctx, cancel))).to.deep.equal(['complete']);
          expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled, app/c not-started]');
          expect(log).to.deep.equal(
            hook === 'initialize' ? ['initialize', 'finalize'] : ['initialize', 'execute', 'finalize'],
          );
          expect([parts.causes.get('a'), c.status, hangingOn(ctx)]).to.deep.equal(['enough', 'idle', 0]);
        });
      }

      const types = ['initializing', 'ready', 'cancelling', 'finalizing', 'done'] as const;
      for (const whose of ['app', 'app/b', 'app/c'] as const) {
        for (const type of types) {
          if (whose === 'app' && type === 'finalizing') continue;
          it(`by a subscriber of events, at ${whose} ${type}`, () => {
            virtually((_, scheduler) => {
              const parts = new Parts();
              const [ctx, cancel] = withCancel();
              const app = group(
                'app',
                parts.part('a', { execute: 9 }),
                parts.part('b', { execute: 5, finalize: 1 }),
                parts.part('c', { initialize: 1 }),
              );
              let cancels = 0;
              app.events$.subscribe((event) => {
                if (event.task !== whose || event.type !== type) return;
                cancels++;
                cancel('enough');
              });
              scheduler.schedule(() => cancel('late'), 7);
              let ended = 0;
              app.start(ctx, cancel).subscribe({ complete: () => ended++ });
              scheduler.flush();
              expect([cancels, ended, app.status, hangingOn(ctx)]).to.deep.equal([
                whose === 'app/b' && type === 'cancelling' ? 0 : 1,
                1,
                'done',
                0,
              ]);
              const outcome = outcomeOf(app);
              expect(outcome?.status).to.equal('cancelled');
              for (const { status, runner } of outcome?.members ?? [])
                expect(runner.status).to.equal(status === 'not-started' ? 'idle' : 'done');
            });
          });
        }
      }

      it('by who takes its values', () => {
        const log: string[] = [];
        const a = taskRunner(task('a', { execute: () => of('first', 'second'), finalize: () => log.push('finalize') }));
        const b = forever('b');
        const app = group('app', a, b);
        expect(collect(app.start().pipe(take(1)))).to.deep.equal(['first', 'complete']);
        expect([toldOf(app), log, b.status]).to.deep.equal([
          'app cancelled [app/a cancelled, app/b not-started]',
          ['finalize'],
          'idle',
        ]);
      });
    });

    describe('paths', () => {
      /** Three levels, with all that tasks may be in. */
      const tree = (leaf: (name: string) => TaskRunner) =>
        group(
          'app',
          leaf('a'),
          parallel(
            'workers',
            leaf('b'),
            supervise(leaf('s'), { maxRestarts: 0 }),
            critical(ordered('deep', supervise(critical(leaf('c'))))),
          ),
          supervise(critical(ordered('last', leaf('z')))),
        );
      const paths = ['app/a', 'app/workers/b', 'app/workers/s', 'app/workers/deep/c', 'app/last/z'];

      it('are what contexts, events and outcomes call members; supervise and critical add nothing', () => {
        const names: string[] = [];
        const app = tree((name) => taskRunner(task(name, (ctx) => (names.push(ctx.task), NEVER))));
        const told = events(app);
        const [ctx, cancel] = withCancel();
        run(app, ctx, cancel);
        cancel();
        expect(names).to.deep.equal(paths);
        const started = told.filter(({ type }) => type === 'ready').map(({ task }) => task);
        expect([...started].sort()).to.deep.equal(
          [...paths, 'app', 'app/workers', 'app/workers/deep', 'app/last'].sort(),
        );
        const done = told.filter((event) => event.type === 'done');
        expect(done.map(({ task }) => task).sort()).to.deep.equal([...started].sort());
        expect(done.map(({ outcome }) => outcome.task)).to.deep.equal(done.map(({ task }) => task));
        expect(toldOf(app)).to.equal(
          'app cancelled [app/a cancelled, ' +
            'app/workers cancelled [app/workers/b cancelled, app/workers/s cancelled, ' +
            'app/workers/deep cancelled [app/workers/deep/c cancelled]], ' +
            'app/last cancelled [app/last/z cancelled]]',
        );
      });

      for (const path of paths) {
        it(`name an error: ${path}`, () => {
          const fails = task(path.slice(-1), {
            initialize: () => of(1),
            execute: () => throwError(() => new Error('boom')),
          });
          const app = tree((name) => (name === path.slice(-1) ? taskRunner(fails) : forever(name)));
          const [error] = collect(app.start()) as TaskError[];
          const last = path === 'app/workers/s' ? (error?.cause as TaskError) : error;
          expect([error?.task, last?.message]).to.deep.equal([path, `${path} failed in execute: boom`]);
          expect(outcomeOf(app)?.error).to.equal(error);
        });
      }

      it('name a cron, its runs and their failures', () => {
        virtually((_, scheduler) => {
          const [ctx, cancel] = withCancel();
          const names: string[] = [];
          const cleaner = cron(
            task('cleaner', (ctx) => {
              names.push(ctx.task);
              throw new Error('boom');
            }),
            5,
          );
          const app = group('app', parallel('workers', cleaner));
          const told = events(app);
          const own = events(cleaner);
          run(app, ctx);
          scheduler.schedule(() => cancel(), 7);
          scheduler.flush();
          expect(names).to.deep.equal(['app/workers/cleaner', 'app/workers/cleaner']);
          const failed = told.filter((event) => event.type === 'slot-failed');
          expect(failed.map(({ task, error, slot }) => [task, error.task, slot])).to.deep.equal([
            ['app/workers/cleaner', 'app/workers/cleaner', 0],
            ['app/workers/cleaner', 'app/workers/cleaner', 5],
          ]);
          expect(own).to.deep.equal(told.filter(({ task }) => task === 'app/workers/cleaner'));
        });
      });

      it('name whatever is in a runner of another make', () => {
        const foreign = new Foreign();
        const app = group('app', parallel('workers', foreign));
        const told = events(app);
        const values = collect(app.start());
        foreign.ready$.next();
        foreign.events$.next({ type: 'ready', task: 'foreign', runId: 7, at: 1 });
        foreign.values$.next('value');
        expect(app.status).to.equal('running');
        const outcome: Outcome = { task: 'foreign', runner: foreign, status: 'completed' };
        foreign.events$.next({ type: 'done', task: 'foreign', runId: 7, at: 1, outcome });
        foreign.end('completed');
        expect(values).to.deep.equal(['value', 'complete']);
        expect(toldOf(app)).to.equal('app completed [app/workers completed [app/workers/foreign completed]]');
        expect(outcomeOf(app)?.members?.[0]?.members?.[0]?.runner).to.equal(foreign);
        const own = told.filter(({ runId }) => runId === 7);
        expect(own.map(({ task, type }) => `${task} ${type}`)).to.deep.equal([
          'app/workers/foreign ready',
          'app/workers/foreign done',
        ]);
        const last = own.at(-1);
        expect(last?.type === 'done' && last.outcome.task).to.equal('app/workers/foreign');
        for (const subject of [foreign.events$, foreign.ready$, foreign.done$, foreign.values$])
          expect(subject.observed).to.equal(false);
      });
    });

    describe('a member that is a runner of another make', () => {
      it('is cancelled by the context it gets, and its error is the group’s', () => {
        const foreign = new Foreign();
        const app = group('app', forever('a'), foreign);
        const [ctx, cancel] = withCancel();
        const values = collect(app.start(ctx, cancel));
        const given = foreign.ctx as Context;
        expect([given.cancelled, foreign.cancel]).to.deep.equal([false, cancel]);
        cancel('enough');
        expect([given.cancelled, given.cause, app.status]).to.deep.equal([true, 'enough', 'initializing']);
        const error = new TaskError('foreign', 'finalize', new Error('boom'));
        foreign.end('failed', error);
        expect(values).to.deep.equal([error]);
        expect(outcomeOf(app)?.error).to.equal(error);
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/foreign failed]');
      });

      it('is told of by its path, with no more and no less than it tells', () => {
        const foreign = new Foreign();
        const app = group('app', foreign);
        const told: TaskEvent[] = [];
        app.events$.subscribe((event) => {
          if (event.task !== 'app') told.push(event);
        });
        run(app);
        const ready: TaskEvent = { type: 'ready', task: 'foreign', runId: 3, at: 1 };
        foreign.events$.next(ready);
        expect(told).to.deep.equal([{ ...ready, task: 'app/foreign' }]);
      });

      it('has ended when its done$ says so, though it has errored before', () => {
        const foreign = new Foreign();
        const app = group('app', foreign);
        run(app);
        const error = new TaskError('foreign', 'execute', new Error('boom'));
        foreign.values$.error(error);
        expect(app.status).to.equal('initializing');
        foreign.done$.next({ task: 'foreign', runner: foreign, status: 'failed', error });
        expect(outcomeOf(app)?.error).to.equal(error);
      });

      it('that hangs past the deadline of a join was stopped when it was told to', () => {
        virtually((_, scheduler) => {
          const foreign = new Foreign();
          const app = group('app', foreign);
          const [ctx, cancel] = withCancel();
          run(app, ctx);
          const outcomes = collect(joinAll(ctx, 5, [app]));
          scheduler.schedule(() => cancel(), 3);
          scheduler.flush();
          expect(outcomes[0]).to.have.nested.property('members[0].stoppingAt', 3);
        });
      });

      it('has a context that ends with it, whichever way', () => {
        const [well, ill] = [new Foreign(), new Foreign()];
        const [ctx, cancel] = withCancel();
        run(group('well', well, forever('a')), ctx);
        run(group('ill', ill, forever('a')), ctx);
        const [ofWell, ofIll] = [well.ctx as Context, ill.ctx as Context];
        well.ready$.next();
        well.end('completed');
        expect([ofWell.cancelled, ofIll.cancelled]).to.deep.equal([true, false]);
        expect(ofWell.cause).to.be.instanceOf(CancelledError);
        ill.values$.error(new Error('in use'));
        expect([ofIll.cancelled, ctx.cancelled]).to.deep.equal([true, false]);
        cancel();
        expect(hangingOn(ctx)).to.equal(0);
      });

      it('fails the group when it cannot be started', () => {
        const foreign = new Foreign();
        const app = group('app', forever('a'), foreign);
        const values = collect(app.start());
        foreign.values$.error(new Error('in use'));
        const error = values[0] as TaskError;
        expect([error.task, (error.cause as Error).message]).to.deep.equal(['app/foreign', 'in use']);
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/foreign failed]');
        for (const subject of [foreign.events$, foreign.ready$, foreign.done$])
          expect(subject.observed).to.equal(false);
      });

      it('fails the group when its start throws, and leaves none of the others behind', () => {
        const foreign = new Foreign();
        foreign.start = () => {
          throw new Error('no start');
        };
        const a = forever('a');
        const app = group('app', a, foreign, forever('c'));
        const [error] = collect(app.start()) as TaskError[];
        expect([error?.task, (error?.cause as Error).message]).to.deep.equal(['app/foreign', 'no start']);
        expect([a.status, app.status]).to.deep.equal(['done', 'done']);
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/foreign failed, app/c not-started]');
        expect(foreign.events$.observed).to.equal(false);
      });

      it('is what a wrapper of one of ours is: its end counts once', () => {
        virtually(({ expectObservable }) => {
          const parts = new Parts();
          const app = group('app', wrapped(parts.part('a', { execute: 2 })), parts.part('b', { execute: 5 }));
          expectObservable(end$(app)).toBe('-----(d|)', { d: 'app completed [app/a completed, app/b completed]' });
          expectObservable(app.start()).toBe('--a--(b|)');
        });
      });

      it('a wrapper’s failure is not its own suppressed one', () => {
        const [error] = collect(group('app', wrapped(failing('a'))).start()) as TaskError[];
        expect(error).to.be.instanceOf(TaskError);
        expect(error?.suppressed).to.deep.equal([]);
      });

      it('a wrapper’s events come once', () => {
        const app = group('app', wrapped(taskRunner(task('a', () => 'a'))));
        const told = events(app);
        expect(collect(app.start())).to.deep.equal(['a', 'complete']);
        expect(told.map(({ task, type }) => `${task} ${type}`)).to.deep.equal([
          'app initializing',
          'app/a ready',
          'app/a done',
          'app ready',
          'app done',
        ]);
      });

      it('may start several of ours under the context it gets', () => {
        const [a, b] = [forever('a'), forever('b')];
        const foreign = new Foreign();
        foreign.start = (ctx, cancel) => {
          run(a, ctx as Context, cancel);
          run(b, ctx as Context, cancel);
          return foreign.values$;
        };
        const app = group('app', foreign);
        const [ctx, cancel] = withCancel();
        run(app, ctx, cancel);
        expect([a.status, b.status, app.status]).to.deep.equal(['running', 'running', 'initializing']);
        cancel();
        expect([a.status, b.status, app.status]).to.deep.equal(['done', 'done', 'initializing']);
        foreign.end('cancelled');
        expect(toldOf(app)).to.equal('app cancelled [app/foreign cancelled]');
      });
    });

    describe('events', () => {
      it('come in their order, with those of the members, each once on every level', () => {
        virtually((_, scheduler) => {
          const parts = new Parts();
          const inner = parallel('inner', parts.part('a', { initialize: 1, execute: 2 }));
          const app = group('app', inner);
          const [outside, within] = [events(app), events(inner)];
          run(app);
          scheduler.flush();
          expect(outside.map(({ task, type, at }) => `${at} ${task} ${type}`)).to.deep.equal([
            '0 app initializing',
            '0 app/inner initializing',
            '0 app/inner/a initializing',
            '1 app/inner/a ready',
            '1 app/inner ready',
            '1 app ready',
            '3 app/inner/a finalizing',
            '3 app/inner/a done',
            '3 app/inner done',
            '3 app done',
          ]);
          expect(within).to.deep.equal(outside.filter(({ task }) => task !== 'app'));
        });
      });

      describe('the error of one', () => {
        /** How often a failed run of a cron is written. */
        const written = (listen: (app: TaskRunner, inner: TaskRunner, cleaner: TaskRunner) => void) => {
          const stub = sinon.stub(console, 'error');
          try {
            virtually((_, scheduler) => {
              const cleaner = cron(failingTask('cleaner'), 5);
              const inner = parallel('inner', cleaner, forever('b'));
              const app = group('app', forever('a'), supervise(inner));
              listen(app, inner, cleaner);
              const [ctx, cancel] = withCancel();
              run(app, ctx);
              scheduler.schedule(() => cancel(), 7);
              scheduler.flush();
            });
            return stub.args.map(([error]) => (error as TaskError).task);
          } finally {
            stub.restore();
          }
        };
        const failingTask = (name: string) =>
          task(name, () => {
            throw new Error('boom');
          });
        const heard = (tell: (type: string) => void) => (runner: TaskRunner) =>
          runner.events$.subscribe(({ type }) => tell(type));

        it('is written, once each time, when nobody listens', () => {
          expect(written(() => undefined)).to.deep.equal(['app/inner/cleaner', 'app/inner/cleaner']);
        });

        for (const [place, who] of ['the outer group', 'the inner group', 'the member'].entries()) {
          it(`is not when somebody listens to ${who} alone`, () => {
            const types: string[] = [];
            const listen = heard((type) => types.push(type));
            expect(written((...runners) => runners.slice(place, place + 1).forEach(listen))).to.deep.equal([]);
            expect(types.filter((type) => type === 'slot-failed')).to.have.length(2);
          });
        }

        it('is again when the listener has left', () => {
          expect(written((app) => app.events$.subscribe().unsubscribe())).to.have.length(2);
        });

        it('of a restart is written once, too, and told once', () => {
          const stub = sinon.stub(console, 'error');
          try {
            virtually((_, scheduler) => {
              let runs = 0;
              const flaky = () =>
                supervise(
                  task('s', () => {
                    if (++runs % 2) throw new Error('boom');
                  }),
                );
              const silent = group('silent', flaky());
              run(silent);
              scheduler.flush();
              expect(stub.args.map(([error]) => (error as TaskError).task)).to.deep.equal(['silent/s']);
              const loud = group('loud', flaky());
              const told = events(loud);
              run(loud);
              scheduler.flush();
              expect(told.filter(({ type }) => type === 'restarting')).to.have.length(1);
              expect(stub.callCount).to.equal(1);
            });
          } finally {
            stub.restore();
          }
        });
      });

      it('without listeners none is made', () => {
        const now = sinon.spy(() => 0);
        const counted = (listen: boolean) => {
          now.resetHistory();
          const scheduler = { now, schedule: () => NEVER.subscribe() };
          const [ctx] = withCancel(undefined, { scheduler });
          const app = group(
            'app',
            parallel(
              'inner',
              task('a', () => 1),
            ),
            task('b', () => 2),
          );
          if (listen) app.events$.subscribe();
          run(app, ctx);
          return now.callCount;
        };
        const silent = counted(false);
        // initializing, ready and done: of two groups, and of two tasks without the first.
        expect(counted(true) - silent).to.equal(10);
      });
    });
  });
}

describe('ordered', () => {
  describe('starts each when the one before', () => {
    it('is ready: initialize has finished and execute has been called', () => {
      virtually((helpers) => {
        const { expectObservable } = helpers;
        const parts = new Parts();
        const app = ordered(
          'app',
          parts.part('a', { initialize: 2 }),
          parts.part('b', { initialize: 3, execute: 1 }),
          parts.part('c'),
          parts.part('d', { initialize: 4 }),
        );
        expectLives(helpers, parts, {
          initialized: 'a-b--(cd)',
          executed: '   --a--(bc)d',
          finalized: '  ------b',
          ended: '      ------b',
        });
        expectObservable(app.ready$).toBe('---------(r|)', { r: undefined });
        expectObservable(app.start()).toBe('------b');
      });
    });

    it('has ended well, whoever else goes on; the group is ready when the last is', () => {
      virtually((helpers) => {
        const { expectObservable } = helpers;
        const parts = new Parts();
        const app = ordered(
          'app',
          parts.part('a', { execute: 1 }),
          parts.part('b', { initialize: 4, execute: 5 }),
          parts.part('c', { execute: 'sync' }),
          parts.part('d', { execute: 2 }),
        );
        expectLives(helpers, parts, {
          initialized: '(ab)(cd)',
          executed: '   a---(bcd)',
          finalized: '  -a--c-d--b',
          ended: '      -a--c-d--b',
        });
        expectObservable(app.ready$).toBe('----(r|)', { r: undefined });
        expectObservable(app.start()).toBe('-a--c-d--(b|)');
      });
    });

    it('is a group of its own, when all of that are ready', () => {
      virtually((helpers) => {
        const parts = new Parts();
        const app = ordered(
          'app',
          parallel('p', parts.part('a', { initialize: 4 }), parts.part('b', { initialize: 6 })),
          ordered('o', parts.part('c', { initialize: 1 }), parts.part('d', { initialize: 1 })),
          parts.part('e'),
        );
        expectLives(helpers, parts, { initialized: '(ab)--cde', executed: '----a-bc(de)' });
        helpers.expectObservable(app.ready$).toBe('--------(r|)', { r: undefined });
        helpers.expectObservable(app.start()).toBe('-');
      });
    });

    it('is ready, which one that fails as execute is called never is, however long its end takes', () => {
      virtually((helpers) => {
        const parts = new Parts();
        const a = parts.part('a', { execute: 'sync', fails: ['execute'], finalize: 2 });
        const app = ordered('app', a, parts.part('b'));
        expectLives(helpers, parts, { initialized: 'a', executed: 'a', finalized: 'a', ended: '--a' });
        helpers.expectObservable(app.ready$).toBe('--|');
        helpers.expectObservable(start$(app)).toBe('--#', {}, 'app/a in execute');
      });
    });

    it('no longer when whoever is told of that has ended the run, and started the next', () => {
      const opened = new Subject();
      const openings = [opened, NEVER];
      const app = parallel('app', task('a', { initialize: () => openings.shift(), execute: () => NEVER }));
      const [ctx, cancel] = withCancel();
      app.events$.subscribe(({ task: name, type }) => {
        if (name === 'app' && type === 'ready') cancel();
      });
      app.done$.subscribe(() => app.start().subscribe());
      app.start(ctx).subscribe();
      opened.complete();
      expect(app.status).to.equal('initializing');
      expect(collect(app.ready$)).to.deep.equal([]);
    });

    it('is a cron that has been initialized', () => {
      virtually((helpers) => {
        const parts = new Parts();
        const clock = cron(task('clock', { initialize: () => timer(3), execute: () => 't' }), 5, { immediate: false });
        const cut = '---------------a';
        expectLives(helpers, parts, { initialized: '---a', executed: '---a', cut, finalized: cut, ended: cut });
        helpers
          .expectObservable(ordered('app', clock, parts.part('a')).start(), '---------------!')
          .toBe('--------t----t');
      });
    });

    it('is a supervised task that had to be started more than once', () => {
      virtually((helpers) => {
        const parts = new Parts();
        let tries = 0;
        const attempt = () => {
          if (++tries < 3) throw new Error('boom');
        };
        const flaky = task('flaky', { initialize: () => timer(2).pipe(map(attempt)), execute: () => NEVER });
        const app = ordered('app', supervise(flaky, steady(1)), parts.part('a'));
        app.events$.subscribe();
        expectLives(helpers, parts, { initialized: '--------a', executed: '--------a' });
        helpers.expectObservable(app.ready$).toBe('--------(r|)', { r: undefined });
        helpers.expectObservable(app.start()).toBe('-');
      });
    });
  });

  describe('stops in reverse, each when the one after it has ended', () => {
    const three = (parts: Parts) => [
      parts.part('a', { finalize: 3 }),
      parts.part('b', { finalize: 2 }),
      parts.part('c', { finalize: 1 }),
    ];
    const reverse: Lives = {
      initialized: '(abc)',
      executed: '   (abc)',
      cut: '        ----cb-a',
      finalized: '  ----cb-a',
      ended: '      -----c-b--a',
    };

    it('on the cancel of its context', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered('app', ...three(parts));
        expectLives(helpers, parts, reverse);
        expectObservable(app.start(ctx)).toBe('----------|');
        flush();
        expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled, app/c cancelled]');
        expect([...parts.causes.values()]).to.deep.equal(['x', 'x', 'x']);
        expect(hangingOn(ctx)).to.equal(0);
      });
    });

    it('when it is unsubscribed', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const parts = new Parts();
        const [ctx] = withCancel();
        const app = ordered('app', ...three(parts));
        expectLives(helpers, parts, reverse);
        expectObservable(end$(app)).toBe('----------(d|)', {
          d: 'app cancelled [app/a cancelled, app/b cancelled, app/c cancelled]',
        });
        expectObservable(app.start(ctx), '----!').toBe('-');
        flush();
        for (const cause of parts.causes.values()) expect(cause).to.be.instanceOf(CancelledError);
        expect([parts.causes.size, hangingOn(ctx)]).to.deep.equal([3, 0]);
      });
    });

    it('when one has failed, with its error', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const parts = new Parts();
        const b = parts.part('b', { execute: 4, fails: ['execute'], finalize: 2 });
        const app = ordered('app', parts.part('a', { finalize: 3 }), b, parts.part('c', { finalize: 1 }));
        expectLives(helpers, parts, {
          initialized: '(abc)',
          executed: '   (abc)',
          cut: '        ------ca',
          finalized: '  ----b-ca',
          ended: '      ------bc--a',
        });
        expectObservable(start$(app)).toBe('----------#', undefined, 'app/b in execute');
        flush();
        const { error } = outcomeOf(b) ?? {};
        expect([parts.causes.get('c'), parts.causes.get('a')]).to.deep.equal([error, error]);
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/c cancelled]');
      });
    });

    it('when one fails to initialize: those after it never start', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const parts = new Parts();
        const app = ordered(
          'app',
          parts.part('a', { finalize: 1 }),
          parts.part('b', { initialize: 6, fails: ['initialize'], finalize: 2 }),
          parts.part('c'),
        );
        expectLives(helpers, parts, {
          initialized: '(ab)',
          executed: '   a',
          cut: '        --------a',
          finalized: '  ------b-a',
          ended: '      --------ba',
        });
        expectObservable(app.ready$).toBe('---------|');
        expectObservable(start$(app)).toBe('---------#', undefined, 'app/b in initialize');
        flush();
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/c not-started]');
        expect(parts.causes.get('a')).to.equal(outcomeOf(app)?.error);
      });
    });

    it('while one initializes: that first; those after it never start', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered(
          'app',
          parts.part('a', { finalize: 1 }),
          parts.part('b', { initialize: 6, finalize: 2 }),
          parts.part('c'),
        );
        expectLives(helpers, parts, {
          initialized: '(ab)',
          executed: '   a',
          cut: '        ----b-a',
          finalized: '  ----b-a',
          ended: '      ------ba',
        });
        expectObservable(app.ready$).toBe('-------|');
        expectObservable(start$(app, ctx)).toBe('-------|');
        flush();
        expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled, app/c not-started]');
        expect(hangingOn(ctx)).to.equal(0);
      });
    });

    it('passing over those that have ended, and waiting for those that end by themselves', () => {
      virtually((helpers) => {
        const { hot, expectObservable } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        hot('------x').subscribe(cancel);
        const app = ordered(
          'app',
          parts.part('a'),
          parts.part('b', { execute: 1 }),
          parts.part('c', { execute: 5, finalize: 4 }),
          parts.part('d', { execute: 2, finalize: 1 }),
        );
        expectLives(helpers, parts, {
          initialized: '(abcd)',
          executed: '   (abcd)',
          cut: '        ---------a',
          finalized: '  -bd--c---a',
          ended: '      -b-d-----(ca)',
        });
        expectObservable(start$(app, ctx)).toBe('-bd--c---|');
      });
    });

    it('one of which goes on in its grace', () => {
      virtually((helpers) => {
        const { hot, cold, expectObservable } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        hot('--x').subscribe(cancel);
        const graceful = task('g', { grace: 4, execute: () => cold('-1-2-3-4-5-6') });
        const app = ordered('app', parts.part('a'), graceful);
        expectLives(helpers, parts, {
          initialized: 'a',
          executed: 'a',
          cut: '------a',
          finalized: '------a',
          ended: '------a',
        });
        expectObservable(start$(app, ctx)).toBe('-1-2-3|');
      });
    });

    it('a group in it as one: of a parallel one all members at once', () => {
      virtually((helpers) => {
        const { hot, expectObservable } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        hot('------x').subscribe(cancel);
        const app = ordered(
          'app',
          parts.part('a', { finalize: 1 }),
          parallel('p', parts.part('b', { finalize: 4 }), parts.part('c', { finalize: 2 })),
          supervise(critical(ordered('o', parts.part('d', { finalize: 1 }), parts.part('e', { finalize: 1 })))),
        );
        expectLives(helpers, parts, {
          initialized: '(abcde)',
          executed: '   (abcde)',
          cut: '        ------ed(bc)a',
          finalized: '  ------ed(bc)a',
          ended: '      -------ed-c-ba',
        });
        expectObservable(start$(app, ctx)).toBe('-------------|');
      });
    });

    it('for the reason that came first', () => {
      virtually((_, scheduler) => {
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        const failed = ordered(
          'failed',
          parts.part('a'),
          parts.part('b', { finalize: 5 }),
          parts.part('c', { execute: 1, fails: ['execute'] }),
        );
        const cancelled = ordered('cancelled', parts.part('d'), parts.part('e', { finalize: 2, fails: ['finalize'] }));
        run(failed, ctx);
        run(cancelled, ctx);
        scheduler.schedule(() => cancel('late'), 3);
        scheduler.flush();
        const { error } = outcomeOf(failed) ?? {};
        expect(error?.task).to.equal('failed/c');
        expect(['a', 'b', 'd', 'e'].map((name) => parts.causes.get(name))).to.deep.equal([
          error,
          error,
          'late',
          'late',
        ]);
        expect(toldOf(cancelled)).to.equal('cancelled failed [cancelled/d cancelled, cancelled/e failed]');
        expect(hangingOn(ctx)).to.equal(0);
      });
    });

    it('also while one of those that still wait fails', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered(
          'app',
          parts.part('a', { execute: 6, fails: ['execute'] }),
          parts.part('b', { finalize: 1, fails: ['finalize'] }),
          parts.part('c', { finalize: 5 }),
        );
        expectLives(helpers, parts, {
          initialized: '(abc)',
          executed: '   (abc)',
          cut: '        ----c----b',
          finalized: '  ----c-a--b',
          ended: '      ------a--cb',
        });
        expectObservable(start$(app, ctx)).toBe('----------#', undefined, 'app/a in execute');
        flush();
        const error = outcomeOf(app)?.error;
        expect(error?.suppressed.map(({ task, phase }) => `${task} in ${phase}`)).to.deep.equal(['app/b in finalize']);
      });
    });

    it('of which there may be very many, that take their time to end: their number does not make each slower', () => {
      const ends: (() => void)[] = [];
      const finalize = () => new Observable((subscriber) => void ends.push(() => subscriber.complete()));
      const [ctx, cancel] = withCancel();
      const members = Array.from({ length: 100_000 }, (_, k) => task(`${k}`, { execute: () => NEVER, finalize }));
      const app = ordered('app', ...members);
      run(app, ctx);
      cancel();
      let count = 0;
      // Mocha's own limit is the limit.
      for (let end = ends.pop(); end; end = ends.pop()) {
        count++;
        end();
      }
      expect([count, app.status]).to.deep.equal([100_000, 'done']);
    });

    it('so that the context of one whose turn has not come is not cancelled', () => {
      const parts = new Parts();
      const [ctx, cancel] = withCancel();
      const seen: boolean[] = [];
      const app = ordered('app', parts.part('a'), parts.part('b', { finalize: 'never' }));
      run(app, ctx);
      const { a, b } = Object.fromEntries(parts.contexts);
      parts.cut$.subscribe(() => seen.push(b?.cancelled === true, a?.cancelled === true, a?.signal.aborted === true));
      cancel();
      expect(seen).to.deep.equal([true, false, false]);
    });

    it('when one that is critical has ended: the rest is cancelled with its end', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        const app = ordered(
          'app',
          parts.part('a', { finalize: 1 }),
          critical(parts.part('b', { execute: 4, finalize: 1 })),
          parts.part('c', { finalize: 2 }),
        );
        expectLives(helpers, parts, {
          initialized: '(abc)',
          executed: '   (abc)',
          cut: '        -----c-a',
          finalized: '  ----bc-a',
          ended: '      -----b-ca',
        });
        expectObservable(app.start(ctx, cancel)).toBe('----b---|');
        flush();
        expect(toldOf(app)).to.equal('app cancelled [app/a cancelled, app/b completed, app/c cancelled]');
        expect(String(parts.causes.get('a'))).to.equal('CancelledError: app/b has ended');
        expect(ctx.cause).to.equal(parts.causes.get('a'));
      });
    });
  });

  it('a member that has ended keeps its outcome, though the end is what started the next, which had the join give up', () => {
    virtually(({ expectObservable }) => {
      const parts = new Parts();
      const [ctx, cancel] = withCancel();
      const next = task('next', { grace: 3, initialize: () => (cancel(), NEVER), execute: () => 1 });
      const app = ordered('app', parts.part('a', { initialize: 2, execute: 'sync' }), next);
      expectObservable(app.start(ctx)).toBe('--a--|');
      expectObservable(joinAll(ctx, 0, [app]).pipe(map(told))).toBe('--(t|)', {
        t: 'app timed-out in execute [app/a completed, app/next timed-out in initialize]',
      });
    });
  });

  describe('when a supervised member is started again', () => {
    it('is ready once more, and its ready$ tells those who have come since; nobody else is started again', () => {
      virtually((helpers, scheduler) => {
        const { expectObservable, cold, flush } = helpers;
        const statuses: string[] = [];
        const parts = new Parts();
        let runs = 0;
        const s = supervise(
          task('s', { initialize: () => timer(1), execute: () => (++runs > 1 ? NEVER : cold('----#')) }),
          steady(2),
        );
        const inner = ordered('inner', s, parts.part('a'));
        const app = parallel('app', inner);
        expectLives(helpers, parts, { initialized: '-a', executed: '-a' });
        const ready$ = (path: string) =>
          app.events$.pipe(
            filter(({ task, type }) => task === path && type === 'ready'),
            map(() => 'r'),
          );
        expectObservable(ready$('app/inner/s')).toBe('-r------r');
        expectObservable(ready$('app/inner')).toBe('-r------r');
        expectObservable(ready$('app')).toBe('-r------r');
        for (const runner of [inner, app]) {
          expectObservable(runner.ready$).toBe('-(r|)', { r: undefined });
          expectObservable(runner.ready$, '---^').toBe('---(r|)', { r: undefined });
          expectObservable(runner.ready$, '------^').toBe('--------(r|)', { r: undefined });
          for (const frame of [3, 6, 9]) scheduler.schedule(() => statuses.push(runner.status), frame);
        }
        expectObservable(app.start()).toBe('-');
        flush();
        const each = (status: string) => [status, status];
        expect(statuses).to.deep.equal([...each('running'), ...each('initializing'), ...each('running')]);
      });
    });

    it('while another is starting: is ready when both are', () => {
      virtually((helpers) => {
        const { expectObservable, cold } = helpers;
        const parts = new Parts();
        let runs = 0;
        const s = supervise(task('s', { execute: () => (++runs > 1 ? NEVER : cold('--#')) }), steady(5));
        const app = ordered('app', s, parts.part('a', { initialize: 5 }), parts.part('b'));
        app.events$.subscribe();
        expectLives(helpers, parts, { initialized: 'a----b', executed: '-----(ab)' });
        expectObservable(app.ready$).toBe('-------(r|)', { r: undefined });
        expectObservable(app.start()).toBe('-');
      });
    });

    it('is told of the end of one that was not ready as of any other', () => {
      virtually((helpers) => {
        const { expectObservable, cold } = helpers;
        let runs = 0;
        const s = supervise(
          task('s', { initialize: () => timer(1), execute: () => (++runs > 1 ? EMPTY : cold('--#')) }),
          steady(2),
        );
        const app = ordered('app', s, forever('a'));
        app.events$.subscribe();
        expectObservable(app.ready$, '----^').toBe('------(r|)', { r: undefined });
        expectObservable(app.start()).toBe('-');
      });
    });
  });
});

describe('parallel', () => {
  it('starts all at once, is ready when all are, and ends when all have', () => {
    virtually((helpers) => {
      const { expectObservable } = helpers;
      const parts = new Parts();
      const app = parallel(
        'app',
        parts.part('a', { initialize: 5, execute: 3, finalize: 2 }),
        parts.part('b', { execute: 6 }),
        parts.part('c', { initialize: 8, execute: 1 }),
      );
      expectLives(helpers, parts, {
        initialized: '(abc)',
        executed: '   b----a--c',
        finalized: '  ------b-ac',
        ended: '      ------b--ca',
      });
      expectObservable(app.ready$).toBe('--------(r|)', { r: undefined });
      expectObservable(app.start()).toBe('------b-ac|');
    });
  });

  it('cancels all at once, when its context is cancelled: the state of each before anyone is told', () => {
    virtually((helpers) => {
      const { hot, expectObservable, flush } = helpers;
      const parts = new Parts();
      const [ctx, cancel] = withCancel();
      hot('-----x').subscribe(cancel);
      const seen: boolean[] = [];
      const app = parallel(
        'app',
        parts.part('a', { finalize: 5 }),
        parallel('p', parts.part('b', { finalize: 6 }), supervise(parts.part('c'))),
        critical(parts.part('d', { initialize: 6 })),
      );
      parts.cut$.subscribe(() => seen.push(...[...parts.contexts.values()].map(({ cancelled }) => cancelled)));
      expectLives(helpers, parts, {
        initialized: '(abcd)',
        executed: '   (abc)',
        cut: '        -----(abcd)',
        finalized: '  -----(abcd)',
        ended: '      -----(cd)-ab',
      });
      expectObservable(start$(app, ctx)).toBe('-----------|');
      flush();
      expect(seen).to.deep.equal(Array(16).fill(true));
      expect([...parts.causes.values()]).to.deep.equal(['x', 'x', 'x', 'x']);
      expect(hangingOn(ctx)).to.equal(0);
    });
  });

  it('cancels all at once when it is unsubscribed', () => {
    virtually((helpers) => {
      const { expectObservable, flush } = helpers;
      const parts = new Parts();
      const [ctx] = withCancel();
      const app = parallel('app', parts.part('a', { finalize: 5 }), parts.part('b'));
      expectLives(helpers, parts, {
        initialized: '(ab)',
        executed: '   (ab)',
        cut: '        -----(ab)',
        finalized: '  -----(ab)',
        ended: '      -----b----a',
      });
      expectObservable(end$(app)).toBe('----------(d|)', { d: 'app cancelled [app/a cancelled, app/b cancelled]' });
      expectObservable(app.start(ctx), '-----!').toBe('-');
      flush();
      expect(hangingOn(ctx)).to.equal(0);
    });
  });

  it('cancels the others at once when one has failed, with its error: the state of each before anyone is told', () => {
    virtually((helpers) => {
      const { expectObservable, flush } = helpers;
      const parts = new Parts();
      const seen: boolean[] = [];
      const app = parallel(
        'app',
        parts.part('a', { finalize: 5 }),
        parts.part('b', { execute: 4, fails: ['execute'], finalize: 1 }),
        parallel('p', parts.part('c')),
      );
      parts.cut$.subscribe(() => seen.push(...[...parts.contexts.values()].map(({ cancelled }) => cancelled)));
      expectLives(helpers, parts, {
        initialized: '(abc)',
        executed: '   (abc)',
        cut: '        -----(ac)',
        finalized: '  ----b(ac)',
        ended: '      -----(bc)-a',
      });
      expectObservable(start$(app)).toBe('----------#', undefined, 'app/b in execute');
      flush();
      const error = outcomeOf(app)?.error;
      expect(seen).to.deep.equal(Array(6).fill(true));
      expect([parts.causes.get('a'), parts.causes.get('c')]).to.deep.equal([error, error]);
      expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/p cancelled [app/p/c cancelled]]');
    });
  });

  it('in which one that is told first lets another go on: no more start once the context is cancelled', () => {
    const parts = new Parts();
    const up = new Subject<void>();
    const [ctx, cancel] = withCancel();
    const first = task('first', ({ cancelled$ }) => {
      cancelled$.subscribe(() => up.complete());
      return NEVER;
    });
    const slow = task('slow', { initialize: () => up, execute: () => NEVER });
    const app = parallel('app', first, ordered('o', slow, parts.part('next')));
    run(app, ctx);
    cancel();
    expect(toldOf(app)).to.equal(
      'app cancelled [app/first cancelled, app/o cancelled [app/o/slow cancelled, app/o/next not-started]]',
    );
    expect([parts.contexts.size, hangingOn(ctx)]).to.deep.equal([0, 0]);
  });

  it('does not start those after one that has failed, or cancelled, before it has returned', () => {
    const parts = new Parts();
    const app = parallel('app', parts.part('a'), parts.part('b', { fails: ['initialize'] }), parts.part('c'));
    expect(collect(app.start())).to.have.length(1);
    expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/c not-started]');
    expect(parts.causes.get('a')).to.equal(outcomeOf(app)?.error);
  });
});

for (const [kind, group] of makers) {
  describe(kind, () => {
    it('is not said to be initializing while it stops because of a failure', () => {
      virtually((_, scheduler) => {
        const parts = new Parts();
        const app = group('app', parts.part('a', { finalize: 5 }), parts.part('b', { execute: 2, fails: ['execute'] }));
        const seen: string[] = [];
        run(app);
        for (const frame of [1, 4]) scheduler.schedule(() => seen.push(app.status), frame);
        scheduler.flush();
        expect(seen[0]).to.equal('running');
        expect(seen[1]).to.not.equal('initializing');
      });
    });

    it('says of each member when it began, was stopped, or went on to finalize, and ended', () => {
      virtually((_, scheduler) => {
        const parts = new Parts();
        const [ctx, cancel] = withCancel();
        const app = group(
          'app',
          parts.part('a', { finalize: 3 }),
          parts.part('b', { initialize: 1, execute: 1, finalize: 1 }),
          group('inner', supervise(parts.part('c', { finalize: 2 }))),
          parts.part('d', { initialize: 9, finalize: 1 }),
          parts.part('e'),
        );
        run(app, ctx);
        scheduler.schedule(() => cancel(), 4);
        scheduler.flush();
        const times = ({ startedAt, stoppingAt, endedAt }: Outcome) => [startedAt, stoppingAt, endedAt];
        const { members = [], ...outcome } = outcomeOf(app) ?? ({} as Outcome);
        const reverse = [
          [0, 7, 10],
          [0, 2, 3],
          [1, 5, 7],
          [1, 4, 5],
          [undefined, undefined, undefined],
        ];
        const atOnce = [
          [0, 4, 7],
          [0, 2, 3],
          [0, 4, 6],
          [0, 4, 5],
          [0, 4, 4],
        ];
        expect(members.map(times)).to.deep.equal(kind === 'ordered' ? reverse : atOnce);
        expect(times(outcome)).to.deep.equal([0, undefined, kind === 'ordered' ? 10 : 7]);
        const [inner] = members[2]?.members ?? [];
        expect(inner && times(inner)).to.deep.equal(kind === 'ordered' ? [1, 5, 7] : [0, 4, 6]);
      });
    });

    it('is not ready, nor is what it is in, while it stops because of a failure', () => {
      virtually(({ expectObservable }) => {
        const parts = new Parts();
        const inner = group(
          'inner',
          parts.part('a', { finalize: 5 }),
          parts.part('b', { execute: 2, fails: ['execute'] }),
        );
        const app = ordered('app', inner, forever('c'));
        for (const runner of [inner, app]) {
          expectObservable(runner.ready$, '-^').toBe('-(r|)', { r: undefined });
          expectObservable(runner.ready$, '---^').toBe('-------|');
        }
        expectObservable(start$(app)).toBe('-------#', undefined, 'app/inner/b in execute');
      });
    });

    it('says of one with a grace that it was stopped when it was told to', () => {
      virtually((_, scheduler) => {
        const [ctx, cancel] = withCancel();
        const graceful = task('g', { grace: 3, execute: () => NEVER, finalize: () => timer(1) });
        const app = group('app', graceful);
        run(app, ctx);
        scheduler.schedule(() => cancel(), 4);
        scheduler.flush();
        const { stoppingAt, endedAt } = outcomeOf(app)?.members?.[0] ?? {};
        expect([stoppingAt, endedAt]).to.deep.equal([4, 8]);
      });
    });

    it('launched, writes its failure once', () => {
      const stub = sinon.stub(console, 'error');
      const [ctx, cancel] = withCancel();
      try {
        const app = group('app', parallel('p', failing('a')));
        launchRunner(ctx, cancel, app);
        expect(stub.args).to.deep.equal([[outcomeOf(app)?.error]]);
        expect(hangingOn(ctx)).to.equal(0);
      } finally {
        stub.restore();
      }
    });

    describe('in a join', () => {
      it('that is not started is not-started', () => {
        const [ctx, cancel] = withCancel();
        cancel();
        const outcomes: string[] = [];
        joinAll(ctx, 5, [group('app', forever('a'))]).subscribe((outcome) => outcomes.push(told(outcome)));
        expect(outcomes).to.deep.equal(['app not-started']);
      });

      it('that hangs has timed out, with the members that hang and where', () => {
        virtually((helpers) => {
          const { hot, expectObservable, flush } = helpers;
          const parts = new Parts();
          const [ctx, cancel] = withCancel();
          hot('----x').subscribe(cancel);
          const app = ordered(
            'app',
            parts.part('a'),
            group(
              'w',
              parts.part('b', { finalize: 'never' }),
              parts.part('c', { execute: 1 }),
              critical(supervise(parts.part('d', { finalize: 3 }))),
            ),
            supervise(task('e', { grace: Infinity, initialize: () => NEVER, execute: () => 1 })),
            parallel('never', parts.part('f')),
          );
          const two = ordered('two', parts.part('g'), parts.part('h', { finalize: 2 }));
          run(app, ctx);
          run(two, ctx);
          expectObservable(joinAll(ctx, 10, [app, two]).pipe(map(told))).toBe('------t-------(a|)', {
            t: 'two cancelled [two/g cancelled, two/h cancelled]',
            a:
              'app timed-out in execute [app/a timed-out in execute, ' +
              'app/w timed-out in execute [app/w/b timed-out in execute, app/w/c completed, app/w/d timed-out in execute], ' +
              'app/e timed-out in initialize, app/never not-started]',
          });
          flush();
        });
      });

      it('names those in finalize, and keeps the outcomes of those that have ended', () => {
        virtually((helpers) => {
          const { hot, expectObservable } = helpers;
          const parts = new Parts();
          const [ctx, cancel] = withCancel();
          hot('----x').subscribe(cancel);
          const app = group(
            'app',
            parallel('w', supervise(parts.part('b', { finalize: 'never' })), parts.part('c', { execute: 1 })),
            parts.part('d', { finalize: 1 }),
          );
          run(app, ctx);
          expectObservable(joinAll(ctx, 10, [app]).pipe(map(told))).toBe('--------------(a|)', {
            a:
              'app timed-out in execute [' +
              'app/w timed-out in execute [app/w/b timed-out in finalize, app/w/c completed], app/d cancelled]',
          });
        });
      });

      it('keeps the failures, too', () => {
        virtually((_, scheduler) => {
          const parts = new Parts();
          const [ctx, cancel] = withCancel();
          const app = group(
            'app',
            parts.part('a', { finalize: 'never' }),
            parts.part('b', { execute: 1, fails: ['execute'] }),
          );
          run(app, ctx);
          const outcomes: Outcome[] = [];
          joinAll(ctx, 10, [app]).subscribe((outcome) => outcomes.push(outcome));
          scheduler.schedule(() => cancel(), 5);
          scheduler.flush();
          const [outcome] = outcomes;
          expect(outcome && told(outcome)).to.equal(
            'app timed-out in execute [app/a timed-out in finalize, app/b failed]',
          );
          expect(outcome?.members?.[1]?.error?.task).to.equal('app/b');
        });
      });

      it('delivers nothing late: each is an event, once; then it ends as it does', () => {
        virtually((_, scheduler) => {
          const [ctx, cancel] = withCancel();
          const graceful = task('g', {
            grace: 20,
            execute: () =>
              timer(8, 8).pipe(
                take(2),
                map((k) => `${k}`),
              ),
          });
          const inner = parallel('inner', supervise(graceful));
          const app = group('app', inner);
          const values = collect(app.start(ctx));
          const results = collect(app.results$);
          const [outside, within] = [events(app), events(inner)];
          const late = (told: TaskEvent[]) =>
            told.filter(({ type }) => type === 'result-dropped').map(({ task, at }) => `${at} ${task}`);
          const outcomes = collect(joinAll(ctx, 10, [app]).pipe(map(told)));
          scheduler.schedule(() => cancel(), 2);
          scheduler.flush();
          expect([values, results]).to.deep.equal([['0', 'complete'], ['0']]);
          expect([late(outside), late(within)]).to.deep.equal([['16 app/inner/g'], ['16 app/inner/g']]);
          expect(outcomes).to.deep.equal([
            'app timed-out in execute [app/inner timed-out in execute [app/inner/g timed-out in execute]]',
            'complete',
          ]);
          expect(toldOf(app)).to.equal('app cancelled [app/inner cancelled [app/inner/g cancelled]]');
          expect(hangingOn(ctx)).to.equal(0);
        });
      });

      it('tells a late error once, and its outcome has it', async () => {
        const work = deferred<string>();
        const [ctx, cancel] = withCancel();
        const app = group(
          'app',
          forever('a'),
          parallel(
            'inner',
            task('b', () => work.promise),
          ),
        );
        const heard = events(app);
        const values = collect(app.start(ctx));
        cancel();
        const outcomes = collect(joinAll(ctx, 0, [app]).pipe(map(told)));
        const a = kind === 'ordered' ? 'app/a timed-out in execute' : 'app/a cancelled';
        expect(outcomes).to.deep.equal([
          `app timed-out in execute [${a}, app/inner timed-out in execute [app/inner/b timed-out in execute]]`,
          'complete',
        ]);
        work.reject(new Error('boom'));
        await settled();
        const late = heard.filter((event) => event.type === 'result-dropped');
        expect(late.map(({ task, phase, error }) => [task, phase, error?.task])).to.deep.equal([
          ['app/inner/b', 'execute', 'app/inner/b'],
        ]);
        expect(values).to.deep.equal([late[0]?.error]);
        expect(toldOf(app)).to.equal('app failed [app/a cancelled, app/inner failed [app/inner/b failed]]');
        expect(hangingOn(ctx)).to.equal(0);
      });

      it('goes on to stop in its order after the deadline', () => {
        virtually((helpers) => {
          const { hot, expectObservable } = helpers;
          const parts = new Parts();
          const [ctx, cancel] = withCancel();
          hot('----x').subscribe(cancel);
          const app = group(
            'app',
            ordered('o', parts.part('a'), parts.part('b', { finalize: 4 }), parts.part('c', { finalize: 3 })),
          );
          expectLives(helpers, parts, {
            initialized: '(abc)',
            executed: '   (abc)',
            cut: '        ----c--b---a',
            finalized: '  ----c--b---a',
            ended: '      -------c---(ba)',
          });
          expectObservable(app.start(ctx)).toBe('-----------|');
          expectObservable(joinAll(ctx, 1, [app]).pipe(map(told))).toBe('-----(t|)', {
            t:
              'app timed-out in execute [app/o timed-out in execute [' +
              'app/o/a timed-out in execute, app/o/b timed-out in execute, app/o/c timed-out in finalize]]',
          });
          expectObservable(end$(app)).toBe('-----------(d|)', {
            d: 'app cancelled [app/o cancelled [app/o/a cancelled, app/o/b cancelled, app/o/c cancelled]]',
          });
        });
      });

      it('of another context goes on after its deadline: those still to start do, and it ends', () => {
        virtually((_, scheduler) => {
          const parts = new Parts();
          const [other, cancelOther] = withCancel();
          const app = group('app', parts.part('a', { initialize: 4, execute: 2 }), parts.part('b', { execute: 3 }));
          run(app);
          const outcomes = collect(joinAll(other, 2, [app]).pipe(map(told)));
          cancelOther();
          scheduler.flush();
          expect(outcomes).to.have.length(2);
          expect([app.status, toldOf(app)]).to.deep.equal(['done', 'app completed [app/a completed, app/b completed]']);
        });
      });
    });
  });
}
