import { expect } from 'chai';
import { EMPTY, filter, map, NEVER, Observable, Subject, timer } from 'rxjs';
import {
  CancelledError,
  critical,
  cron,
  joinAll,
  ordered,
  parallel,
  supervise,
  task,
  withCancel,
} from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { forever, outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import {
  describeOutcome,
  expectProbes,
  outcome$,
  type ProbeMarbles,
  start$,
  startQuietly,
  steady,
  summaryOf,
} from './helpers.js';

describe('An ordered group', () => {
  describe('starts each member when the previous one', () => {
    it('is ready: initialize has ended and execute was called', () => {
      virtually((helpers) => {
        const { expectObservable } = helpers;
        const probes = new ProbeTasks();
        const app = ordered(
          'app',
          probes.create('a', { initialize: 2 }),
          probes.create('b', { initialize: 3, execute: 1 }),
          probes.create('c'),
          probes.create('d', { initialize: 4 }),
        );
        expectProbes(helpers, probes, {
          initialized: 'a-b--(cd)',
          executed: '   --a--(bc)d',
          finalized: '  ------b',
          ended: '      ------b',
        });
        expectObservable(app.ready$).toBe('---------(r|)', { r: undefined });
        expectObservable(app.start()).toBe('------b');
      });
    });

    it('has ended without an error', () => {
      virtually((helpers) => {
        const { expectObservable } = helpers;
        const probes = new ProbeTasks();
        const app = ordered(
          'app',
          probes.create('a', { execute: 1 }),
          probes.create('b', { initialize: 4, execute: 5 }),
          probes.create('c', { execute: 'sync' }),
          probes.create('d', { execute: 2 }),
        );
        expectProbes(helpers, probes, {
          initialized: '(ab)(cd)',
          executed: '   a---(bcd)',
          finalized: '  -a--c-d--b',
          ended: '      -a--c-d--b',
        });
        expectObservable(app.ready$).toBe('----(r|)', { r: undefined });
        expectObservable(app.start()).toBe('-a--c-d--(b|)');
      });
    });

    it('is a group that is ready', () => {
      virtually((helpers) => {
        const probes = new ProbeTasks();
        const app = ordered(
          'app',
          parallel('p', probes.create('a', { initialize: 4 }), probes.create('b', { initialize: 6 })),
          ordered('o', probes.create('c', { initialize: 1 }), probes.create('d', { initialize: 1 })),
          probes.create('e'),
        );
        expectProbes(helpers, probes, { initialized: '(ab)--cde', executed: '----a-bc(de)' });
        helpers.expectObservable(app.ready$).toBe('--------(r|)', { r: undefined });
        helpers.expectObservable(app.start()).toBe('-');
      });
    });

    it('is ready, but not when that fails during the call of execute', () => {
      virtually((helpers) => {
        const probes = new ProbeTasks();
        const a = probes.create('a', { execute: 'sync', fails: ['execute'], finalize: 2 });
        const app = ordered('app', a, probes.create('b'));
        expectProbes(helpers, probes, { initialized: 'a', executed: 'a', finalized: 'a', ended: '--a' });
        helpers.expectObservable(app.ready$).toBe('|');
        helpers.expectObservable(start$(app)).toBe('--#', {}, 'app/a in execute');
      });
    });

    it('is ready, but not when a listener of that has ended the run and started the next', () => {
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

    it('is a cron that has initialized', () => {
      virtually((helpers) => {
        const probes = new ProbeTasks();
        const clock = cron(task('clock', { initialize: () => timer(3), execute: () => 't' }), 5, { immediate: false });
        const end = '---------------a';
        expectProbes(helpers, probes, {
          initialized: '---a',
          executed: '---a',
          cancelled: end,
          finalized: end,
          ended: end,
        });
        helpers
          .expectObservable(ordered('app', clock, probes.create('a')).start(), '---------------!')
          .toBe('--------t----t');
      });
    });

    it('is a supervised task that is ready after restarts', () => {
      virtually((helpers) => {
        const probes = new ProbeTasks();
        let tries = 0;
        const attempt = () => {
          if (++tries < 3) throw new Error('boom');
        };
        const flaky = task('flaky', { initialize: () => timer(2).pipe(map(attempt)), execute: () => NEVER });
        const app = ordered('app', supervise(flaky, steady(1)), probes.create('a'));
        app.events$.subscribe();
        expectProbes(helpers, probes, { initialized: '--------a', executed: '--------a' });
        helpers.expectObservable(app.ready$).toBe('--------(r|)', { r: undefined });
        helpers.expectObservable(app.start()).toBe('-');
      });
    });
  });

  describe('stops its members in reverse, each when the later one has ended,', () => {
    const three = (probes: ProbeTasks) => [
      probes.create('a', { finalize: 3 }),
      probes.create('b', { finalize: 2 }),
      probes.create('c', { finalize: 1 }),
    ];
    const reverse: ProbeMarbles = {
      initialized: '(abc)',
      executed: '   (abc)',
      cancelled: '        ----cb-a',
      finalized: '  ----cb-a',
      ended: '      -----c-b--a',
    };

    it('when its context is cancelled', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered('app', ...three(probes));
        expectProbes(helpers, probes, reverse);
        expectObservable(app.start(ctx)).toBe('----------|');
        flush();
        expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled, app/c cancelled]');
        expect([...probes.causes.values()]).to.deep.equal(['x', 'x', 'x']);
        expectNothingLeft(ctx);
      });
    });

    it('when it is unsubscribed', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const [ctx] = withCancel();
        const app = ordered('app', ...three(probes));
        expectProbes(helpers, probes, reverse);
        expectObservable(outcome$(app)).toBe('----------(d|)', {
          d: 'app cancelled [app/a cancelled, app/b cancelled, app/c cancelled]',
        });
        expectObservable(app.start(ctx), '----!').toBe('-');
        flush();
        for (const cause of probes.causes.values()) expect(cause).to.be.instanceOf(CancelledError);
        expect([probes.causes.size, listenerCount(ctx)]).to.deep.equal([3, 0]);
      });
    });

    it('when a member fails, with the error of that member', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const b = probes.create('b', { execute: 4, fails: ['execute'], finalize: 4 });
        const app = ordered('app', probes.create('a', { finalize: 3 }), b, probes.create('c', { finalize: 1 }));
        expectProbes(helpers, probes, {
          initialized: '(abc)',
          executed: '   (abc)',
          cancelled: '        ----c---a',
          finalized: '  ----(cb)a',
          ended: '      -----c--b--a',
        });
        expectObservable(start$(app)).toBe('-----------#', undefined, 'app/b in execute');
        flush();
        const { error } = outcomeOf(b) ?? {};
        expect([probes.causes.get('c'), probes.causes.get('a')]).to.deep.equal([error, error]);
        expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/c cancelled]');
      });
    });

    it('when a member fails in initialize, and does not start the later ones', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const app = ordered(
          'app',
          probes.create('a', { finalize: 1 }),
          probes.create('b', { initialize: 6, fails: ['initialize'], finalize: 2 }),
          probes.create('c'),
        );
        expectProbes(helpers, probes, {
          initialized: '(ab)',
          executed: '   a',
          cancelled: '        --------a',
          finalized: '  ------b-a',
          ended: '      --------ba',
        });
        expectObservable(app.ready$).toBe('------|');
        expectObservable(start$(app)).toBe('---------#', undefined, 'app/b in initialize');
        flush();
        expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/c not-started]');
        expect(probes.causes.get('a')).to.equal(outcomeOf(app)?.error);
      });
    });

    it('when it is cancelled while a member initializes, that one first', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered(
          'app',
          probes.create('a', { finalize: 1 }),
          probes.create('b', { initialize: 6, finalize: 2 }),
          probes.create('c'),
        );
        expectProbes(helpers, probes, {
          initialized: '(ab)',
          executed: '   a',
          cancelled: '        ----b-a',
          finalized: '  ----b-a',
          ended: '      ------ba',
        });
        expectObservable(app.ready$).toBe('-------|');
        expectObservable(start$(app, ctx)).toBe('-------|');
        flush();
        expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled, app/c not-started]');
        expectNothingLeft(ctx);
      });
    });

    it('except for members that end by themselves, for which it waits', () => {
      virtually((helpers) => {
        const { hot, expectObservable } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('------x').subscribe(cancel);
        const app = ordered(
          'app',
          probes.create('a'),
          probes.create('b', { execute: 1 }),
          probes.create('c', { execute: 5, finalize: 4 }),
          probes.create('d', { execute: 2, finalize: 1 }),
        );
        expectProbes(helpers, probes, {
          initialized: '(abcd)',
          executed: '   (abcd)',
          cancelled: '        ---------a',
          finalized: '  -bd--c---a',
          ended: '      -b-d-----(ca)',
        });
        expectObservable(start$(app, ctx)).toBe('-bd--c---|');
      });
    });

    it('and waits for a member in its grace', () => {
      virtually((helpers) => {
        const { hot, cold, expectObservable } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('--x').subscribe(cancel);
        const graceful = task('g', { grace: 4, execute: () => cold('-1-2-3-4-5-6') });
        const app = ordered('app', probes.create('a'), graceful);
        expectProbes(helpers, probes, {
          initialized: 'a',
          executed: 'a',
          cancelled: '------a',
          finalized: '------a',
          ended: '------a',
        });
        expectObservable(start$(app, ctx)).toBe('-1-2-3|');
      });
    });

    it('with a group as one member, and all members of a parallel one together', () => {
      virtually((helpers) => {
        const { hot, expectObservable } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('------x').subscribe(cancel);
        const app = ordered(
          'app',
          probes.create('a', { finalize: 1 }),
          parallel('p', probes.create('b', { finalize: 4 }), probes.create('c', { finalize: 2 })),
          critical(supervise(ordered('o', probes.create('d', { finalize: 1 }), probes.create('e', { finalize: 1 })))),
        );
        expectProbes(helpers, probes, {
          initialized: '(abcde)',
          executed: '   (abcde)',
          cancelled: '        ------ed(bc)a',
          finalized: '  ------ed(bc)a',
          ended: '      -------ed-c-ba',
        });
        expectObservable(start$(app, ctx)).toBe('-------------|');
      });
    });

    it('with the cause that came first', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        const failed = ordered(
          'failed',
          probes.create('a'),
          probes.create('b', { finalize: 5 }),
          probes.create('c', { execute: 1, fails: ['execute'] }),
        );
        const cancelled = ordered(
          'cancelled',
          probes.create('d'),
          probes.create('e', { finalize: 2, fails: ['finalize'] }),
        );
        startQuietly(failed, ctx);
        startQuietly(cancelled, ctx);
        scheduler.schedule(() => cancel('late'), 3);
        scheduler.flush();
        const { error } = outcomeOf(failed) ?? {};
        expect(error?.task).to.equal('failed/c');
        expect(['a', 'b', 'd', 'e'].map((name) => probes.causes.get(name))).to.deep.equal([
          error,
          error,
          'late',
          'late',
        ]);
        expect(summaryOf(cancelled)).to.equal('cancelled failed [cancelled/d cancelled, cancelled/e failed]');
        expectNothingLeft(ctx);
      });
    });

    it('even if a waiting member fails', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered(
          'app',
          probes.create('a', { execute: 6, fails: ['execute'] }),
          probes.create('b', { finalize: 1, fails: ['finalize'] }),
          probes.create('c', { finalize: 5 }),
        );
        expectProbes(helpers, probes, {
          initialized: '(abc)',
          executed: '   (abc)',
          cancelled: '        ----c----b',
          finalized: '  ----c-a--b',
          ended: '      ------a--cb',
        });
        expectObservable(start$(app, ctx)).toBe('----------#', undefined, 'app/a in execute');
        flush();
        const error = outcomeOf(app)?.error;
        expect(error?.suppressed.map(({ task, phase }) => `${task} in ${phase}`)).to.deep.equal(['app/b in finalize']);
      });
    });

    it('and the number of members does not make each slower', () => {
      /** Returns the CPU time for the ends of so many members, in µs. */
      const cpuTime = (size: number): number => {
        const ends: (() => void)[] = [];
        const finalize = () => new Observable((subscriber) => void ends.push(() => subscriber.complete()));
        const [ctx, cancel] = withCancel();
        const members = Array.from({ length: size }, (_, k) => task(`${k}`, { execute: () => NEVER, finalize }));
        const app = ordered('app', ...members);
        startQuietly(app, ctx);
        const before = process.cpuUsage();
        cancel();
        let count = 0;
        for (let end = ends.pop(); end; end = ends.pop()) {
          count++;
          end();
        }
        const { user, system } = process.cpuUsage(before);
        expect([count, app.status]).to.deep.equal([size, 'done']);
        return user + system;
      };
      cpuTime(5000);
      // 20 times as many members take about 20 times as long. A search for each end would take 400 times as long.
      expect(cpuTime(100_000) / cpuTime(5000)).to.be.below(130);
    });

    it('and does not cancel the context of a member before its turn', () => {
      const probes = new ProbeTasks();
      const [ctx, cancel] = withCancel();
      const seen: boolean[] = [];
      const app = ordered('app', probes.create('a'), probes.create('b', { finalize: 'never' }));
      startQuietly(app, ctx);
      const { a, b } = Object.fromEntries(probes.contexts);
      probes.cancelled$.subscribe(() =>
        seen.push(b?.cancelled === true, a?.cancelled === true, a?.signal.aborted === true),
      );
      cancel();
      expect(seen).to.deep.equal([true, false, false]);
    });

    it('when a critical member has ended, with the end of that member as the cause', () => {
      virtually((helpers) => {
        const { expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        const app = ordered(
          'app',
          probes.create('a', { finalize: 1 }),
          critical(probes.create('b', { execute: 4, finalize: 1 })),
          probes.create('c', { finalize: 2 }),
        );
        expectProbes(helpers, probes, {
          initialized: '(abc)',
          executed: '   (abc)',
          cancelled: '        -----c-a',
          finalized: '  ----bc-a',
          ended: '      -----b-ca',
        });
        expectObservable(app.start(ctx, cancel)).toBe('----b---|');
        flush();
        expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/b completed, app/c cancelled]');
        expect(String(probes.causes.get('a'))).to.equal('CancelledError: app/b has ended');
        expect(ctx.cause).to.equal(probes.causes.get('a'));
      });
    });
  });

  it('keeps the outcome of a member whose end starts the next one, when that makes a join abandon the group', () => {
    virtually(({ expectObservable }) => {
      const probes = new ProbeTasks();
      const [ctx, cancel] = withCancel();
      const next = task('next', { grace: 3, initialize: () => (cancel(), NEVER), execute: () => 1 });
      const app = ordered('app', probes.create('a', { initialize: 2, execute: 'sync' }), next);
      expectObservable(app.start(ctx)).toBe('--a--|');
      expectObservable(joinAll(ctx, 0, [app]).pipe(map(describeOutcome))).toBe('--(t|)', {
        t: 'app timed-out in execute [app/a completed, app/next timed-out in initialize]',
      });
    });
  });

  describe('with a supervised member that restarts', () => {
    it('is ready again for new listeners of `ready$`, and starts no other member again', () => {
      virtually((helpers, scheduler) => {
        const { expectObservable, cold, flush } = helpers;
        const statuses: string[] = [];
        const probes = new ProbeTasks();
        let runs = 0;
        const s = supervise(
          task('s', { initialize: () => timer(1), execute: () => (++runs > 1 ? NEVER : cold('----#')) }),
          steady(2),
        );
        const inner = ordered('inner', s, probes.create('a'));
        const app = parallel('app', inner);
        expectProbes(helpers, probes, { initialized: '-a', executed: '-a' });
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

    it('is ready when a member that starts meanwhile is ready, too', () => {
      virtually((helpers) => {
        const { expectObservable, cold } = helpers;
        const probes = new ProbeTasks();
        let runs = 0;
        const s = supervise(task('s', { execute: () => (++runs > 1 ? NEVER : cold('--#')) }), steady(5));
        const app = ordered('app', s, probes.create('a', { initialize: 5 }), probes.create('b'));
        app.events$.subscribe();
        expectProbes(helpers, probes, { initialized: 'a----b', executed: '-----(ab)' });
        expectObservable(app.ready$).toBe('-------(r|)', { r: undefined });
        expectObservable(app.start()).toBe('-');
      });
    });

    it('is ready when the restarted member ends without being ready', () => {
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
