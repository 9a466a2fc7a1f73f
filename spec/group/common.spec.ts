import { expect } from 'chai';
import { EMPTY, map, NEVER, timer } from 'rxjs';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  launch,
  optional,
  ordered,
  parallel,
  RestartLimitError,
  supervise,
  task,
  taskRunner,
  withCancel,
  type Outcome,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { forever, outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { expectProbes, groupKinds, outcome$, start$, startQuietly, steady, summaryOf } from './helpers.js';

for (const [kind, group] of groupKinds) {
  describe(`A group (${kind})`, () => {
    it('rejects a name that is not a string, a member that is no runnable, and a runner that is passed twice', () => {
      expect(() => group(1 as never)).to.throw(TypeError, 'Expected `name` to be a string, got `1` (number)');
      for (const other of [undefined, null, {}, 'a', () => 1, EMPTY])
        expect(() => group('app', forever('a'), other as never)).to.throw(TypeError, 'Expected `task` to be a task');
      const a = forever('a');
      expect(() => group('app', a, forever('b'), a)).to.throw(TypeError, 'Expected `runnables` to be distinct runners');
      expect(() => group('app', a, forever('b'), a)).to.throw(TypeError, 'got the runner `a` twice');
      expect(a.status).to.equal('idle');
    });

    it('takes one task twice as two members, and two runners of one name', () => {
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

    it('has its name, and is idle until it is subscribed to', () => {
      const execute = sinon.spy();
      const app = group('app', task('a', execute));
      app.start();
      expect([String(app), app.status, execute.callCount]).to.deep.equal(['app', 'idle', 0]);
    });

    it('is ready and ends immediately without members', () => {
      virtually(({ expectObservable }) => {
        const app = group('app');
        expectObservable(app.ready$).toBe('(r|)', { r: undefined });
        expectObservable(outcome$(app)).toBe('(d|)', { d: 'app completed []' });
        expectObservable(app.start()).toBe('|');
      });
    });

    it('does not delay an outer group without members', () => {
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

    it('is ready with its only member, emits its values, and ends with it', () => {
      virtually((helpers) => {
        const { expectObservable } = helpers;
        const probes = new ProbeTasks();
        const app = group('app', probes.create('a', { initialize: 2, execute: 3, finalize: 4 }));
        expectProbes(helpers, probes, { initialized: 'a', executed: '--a', finalized: '-----a', ended: '---------a' });
        expectObservable(app.ready$).toBe('--(r|)', { r: undefined });
        expectObservable(app.results$).toBe('-----a');
        expectObservable(outcome$(app)).toBe('---------(d|)', { d: 'app completed [app/a completed]' });
        expectObservable(app.start()).toBe('-----a---|');
      });
    });

    it('has the statuses of its only member', () => {
      virtually((_, scheduler) => {
        const seen: string[] = [];
        const app = group('app', new ProbeTasks().create('a', { initialize: 2, execute: 2, finalize: 2 }));
        for (const frame of [0, 1, 3, 7]) scheduler.schedule(() => seen.push(app.status), frame);
        scheduler.schedule(() => startQuietly(app), 0);
        scheduler.flush();
        expect(seen).to.deep.equal(['idle', 'initializing', 'running', 'done']);
      });
    });

    it('is not ready while a member restarts, unless that is optional', () => {
      const seen = [(runner: TaskRunner) => runner, optional].map((wrap) => {
        const clock = virtualClock();
        const short = task('short', ({ scheduler }) => timer(5, scheduler));
        const restarted = supervise(short, { restart: 'always', backoff: { initial: 5, jitter: 0 } });
        const app = launch([group('app', wrap(restarted), forever('b'))], {
          scheduler: clock,
          observer: () => undefined,
        });
        return [0, 6, 5].map((ms) => {
          clock.advance(ms);
          return app.ready;
        });
      });
      expect(seen).to.deep.equal([
        [true, false, true],
        [true, true, true],
      ]);
    });

    it('runs synchronous members one after another to their end', () => {
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

    it('runs 10,000 synchronous members without a growing stack', () => {
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

    it('cancels 10,000 members without a stack overflow', () => {
      const [ctx, cancel] = withCancel();
      const app = group('app', ...Array.from({ length: 10_000 }, (_, k) => forever(`${k}`)));
      startQuietly(app, ctx);
      cancel();
      const { status, members = [] } = outcomeOf(app) ?? {};
      expect([status, members.length]).to.deep.equal(['cancelled', 10_000]);
      expect(members.every(({ status }) => status === 'cancelled')).to.equal(true);
      expectNothingLeft(ctx);
    });

    it('merges the values of its members in the order of time', () => {
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

    it('can be started again after its end, with new outcomes', () => {
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
      expect(summaryOf(app)).to.equal('app failed [app/a failed, app/b not-started]');
      fails = false;
      expect(collect(app.start())).to.deep.equal(['a', 'b', 'complete']);
      expect(summaryOf(app)).to.equal('app completed [app/a completed, app/b completed]');
    });

    it('rejects a second start while it runs', () => {
      const [ctx, cancel] = withCancel();
      const app = group('app', forever('a'));
      startQuietly(app, ctx);
      expect(collect(app.start(ctx))[0]).to.be.instanceOf(AlreadyRunningError);
      expect(app.status).to.equal('running');
      cancel();
      expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled]');
    });

    it('runs until all members have ended, even if its subscriber has left', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const app = group('app', probes.create('a', { finalize: 3 }), probes.create('b'));
        app.start().subscribe().unsubscribe();
        expect(collect(app.start())[0]).to.be.instanceOf(AlreadyRunningError);
        scheduler.flush();
        expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled]');
        startQuietly(app);
        expect(app.status).to.equal('running');
      });
    });

    it('delivers the values of its members while it stops', () => {
      virtually(({ cold, expectObservable }) => {
        const graceful = task('g', { grace: 7, execute: () => cold('-1-2-3-4-5') });
        const fails = task('f', { execute: () => cold('---#') });
        const app = group('app', graceful, fails);
        expectObservable(app.results$).toBe('-1-2-3-4-5');
        expectObservable(start$(app)).toBe('-1-2-3-4-5#', undefined, 'app/f in execute');
      });
    });

    it('starts all its members again when it is supervised', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const o = group(
          'o',
          probes.create('a', { finalize: 1 }),
          probes.create('b', { execute: 5, fails: ['execute'] }),
        );
        const app = parallel('app', supervise(o, { ...steady(4), maxRestarts: 1 }));
        // An ordered group cancels the members before the failed one when that has ended.
        const finalized = group === ordered ? '(ba)' : '(ab)';
        app.events$.subscribe();
        expectProbes(helpers, probes, {
          initialized: '(ab)-----(ab)',
          executed: '   (ab)-----(ab)',
          cancelled: '        -----a--------a',
          finalized: `  -----${finalized}-----${finalized}`,
          ended: '      -----ba-------ba',
        });
        expectObservable(start$(app)).toBe('---------------#', undefined, 'app/o in execute');
        flush();
        expect(outcomeOf(app)?.error).to.be.instanceOf(RestartLimitError);
        expect(outcomeOf(app)?.error?.cause).to.equal(outcomeOf(o)?.error);
        expect(summaryOf(app)).to.equal('app failed [app/o failed [app/o/a cancelled, app/o/b failed]]');
      });
    });

    it('has the times at which each member started, stopped and ended', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        const app = group(
          'app',
          probes.create('a', { finalize: 3 }),
          probes.create('b', { initialize: 1, execute: 1, finalize: 1 }),
          group('inner', supervise(probes.create('c', { finalize: 2 }))),
          probes.create('d', { initialize: 9, finalize: 1 }),
          probes.create('e'),
        );
        startQuietly(app, ctx);
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

    it('has the time at which a member with a grace was cancelled', () => {
      virtually((_, scheduler) => {
        const [ctx, cancel] = withCancel();
        const graceful = task('g', { grace: 3, execute: () => NEVER, finalize: () => timer(1) });
        const app = group('app', graceful);
        startQuietly(app, ctx);
        scheduler.schedule(() => cancel(), 4);
        scheduler.flush();
        const { stoppingAt, endedAt } = outcomeOf(app)?.members?.[0] ?? {};
        expect([stoppingAt, endedAt]).to.deep.equal([4, 8]);
      });
    });
  });

  describe(`The members of a group (${kind})`, () => {
    it('are runners that emit on their own streams', () => {
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
        expectObservable(outcome$(a)).toBe('--(d|)', { d: 'app/a completed' });
        expectObservable(outcome$(b)).toBe('-----(d|)', { d: 'app/b cancelled' });
        expectObservable(app.start(ctx)).toBe('--A--|');
      });
    });

    it('have their own names again when they run alone', () => {
      const seen: string[] = [];
      const a = taskRunner(task('a', (ctx) => seen.push(ctx.task)));
      group('app', a).start().subscribe();
      a.start().subscribe();
      expect([seen, outcomeOf(a)?.task]).to.deep.equal([['app/a', 'a'], 'a']);
    });

    it('can be started again by a listener of their end', () => {
      const a = forever('a');
      const [ctx, cancel] = withCancel();
      const [other, cancelOther] = withCancel();
      const app = group('app', a, forever('b'));
      startQuietly(app, ctx);
      a.done$.subscribe(() => startQuietly(a, other));
      cancel();
      expect([summaryOf(app), a.status]).to.deep.equal(['app cancelled [app/a cancelled, app/b cancelled]', 'running']);
      cancelOther();
      expect(a.status).to.equal('done');
    });
  });
}
