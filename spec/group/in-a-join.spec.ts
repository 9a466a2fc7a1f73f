import { expect } from 'chai';
import { EMPTY, map, NEVER, Subject, take, timer, type Observable } from 'rxjs';
import {
  critical,
  joinAll,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  withCancel,
  type Outcome,
  type TaskEvent,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { deferred, events, forever, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { describeOutcome, expectProbes, groupKinds, outcome$, startQuietly, summaryOf } from './helpers.js';

for (const [kind, group] of groupKinds) {
  describe(`A group in a join (${kind})`, () => {
    it('is not-started when it was not started', () => {
      const [ctx, cancel] = withCancel();
      cancel();
      const outcomes: string[] = [];
      joinAll(ctx, 5, [group('app', forever('a'))]).subscribe((outcome) => outcomes.push(describeOutcome(outcome)));
      expect(outcomes).to.deep.equal(['app not-started']);
    });

    it('does not abandon a member that has ended and now runs alone', () => {
      const [ctx, cancel] = withCancel();
      const source = new Subject<number>();
      const outputs: Observable<number>[] = [EMPTY, source];
      const a = taskRunner(task('a', () => outputs.shift() ?? EMPTY));
      const app = group('app', a, task('hangs', { finalize: () => NEVER }));
      startQuietly(app, ctx);
      const values = collect(a.start());
      cancel();
      const outcomes: string[] = [];
      joinAll(ctx, 0, [app]).subscribe((outcome) => outcomes.push(describeOutcome(outcome)));
      expect(outcomes).to.deep.equal(['app timed-out in execute [app/a completed, app/hangs timed-out in finalize]']);
      source.next(1);
      expect(values).to.deep.equal([1]);
    });

    it('times out with the members that hang, and the hooks in which they hang', () => {
      virtually((helpers) => {
        const { hot, expectObservable, flush } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = ordered(
          'app',
          probes.create('a'),
          group(
            'w',
            probes.create('b', { finalize: 'never' }),
            probes.create('c', { execute: 1 }),
            critical(supervise(probes.create('d', { finalize: 3 }))),
          ),
          supervise(task('e', { grace: Infinity, initialize: () => NEVER, execute: () => 1 })),
          parallel('never', probes.create('f')),
        );
        const two = ordered('two', probes.create('g'), probes.create('h', { finalize: 2 }));
        startQuietly(app, ctx);
        startQuietly(two, ctx);
        expectObservable(joinAll(ctx, 10, [app, two]).pipe(map(describeOutcome))).toBe('------t-------(a|)', {
          t: 'two cancelled [two/g cancelled, two/h cancelled]',
          a:
            'app timed-out in execute [app/a timed-out in execute, ' +
            'app/w timed-out in execute [' +
            'app/w/b timed-out in execute, app/w/c completed, app/w/d timed-out in execute], ' +
            'app/e timed-out in initialize, app/never not-started]',
        });
        flush();
      });
    });

    it('names the members that hang in finalize, and keeps the outcomes of the others', () => {
      virtually((helpers) => {
        const { hot, expectObservable } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = group(
          'app',
          parallel('w', supervise(probes.create('b', { finalize: 'never' })), probes.create('c', { execute: 1 })),
          probes.create('d', { finalize: 1 }),
        );
        startQuietly(app, ctx);
        expectObservable(joinAll(ctx, 10, [app]).pipe(map(describeOutcome))).toBe('--------------(a|)', {
          a:
            'app timed-out in execute [' +
            'app/w timed-out in execute [app/w/b timed-out in finalize, app/w/c completed], app/d cancelled]',
        });
      });
    });

    it('keeps the failures of its members', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        const app = group(
          'app',
          probes.create('a', { finalize: 'never' }),
          probes.create('b', { execute: 1, fails: ['execute'] }),
        );
        startQuietly(app, ctx);
        const outcomes: Outcome[] = [];
        joinAll(ctx, 10, [app]).subscribe((outcome) => outcomes.push(outcome));
        scheduler.schedule(() => cancel(), 5);
        scheduler.flush();
        const [outcome] = outcomes;
        expect(outcome && describeOutcome(outcome)).to.equal(
          'app timed-out in execute [app/a timed-out in finalize, app/b failed]',
        );
        expect(outcome?.members?.[1]?.error?.task).to.equal('app/b');
      });
    });

    it('drops each late value with one event, and then ends as usual', () => {
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
        const late = (emitted: TaskEvent[]) =>
          emitted.filter(({ type }) => type === 'result-dropped').map(({ task, at }) => `${at} ${task}`);
        const outcomes = collect(joinAll(ctx, 10, [app]).pipe(map(describeOutcome)));
        scheduler.schedule(() => cancel(), 2);
        scheduler.flush();
        expect([values, results]).to.deep.equal([['0', 'complete'], ['0']]);
        expect([late(outside), late(within)]).to.deep.equal([['16 app/inner/g'], ['16 app/inner/g']]);
        expect(outcomes).to.deep.equal([
          'app timed-out in execute [app/inner timed-out in execute [app/inner/g timed-out in execute]]',
          'complete',
        ]);
        expect(summaryOf(app)).to.equal('app cancelled [app/inner cancelled [app/inner/g cancelled]]');
        expectNothingLeft(ctx);
      });
    });

    it('reports a late error once, and has it in its outcome', async () => {
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
      const received = events(app);
      const values = collect(app.start(ctx));
      cancel();
      const outcomes = collect(joinAll(ctx, 0, [app]).pipe(map(describeOutcome)));
      const a = kind === 'ordered' ? 'app/a timed-out in execute' : 'app/a cancelled';
      expect(outcomes).to.deep.equal([
        `app timed-out in execute [${a}, app/inner timed-out in execute [app/inner/b timed-out in execute]]`,
        'complete',
      ]);
      work.reject(new Error('boom'));
      await settled();
      const late = received.filter((event) => event.type === 'result-dropped');
      expect(late.map(({ task, phase, error }) => [task, phase, error?.task])).to.deep.equal([
        ['app/inner/b', 'execute', 'app/inner/b'],
      ]);
      expect(values).to.deep.equal([late[0]?.error]);
      expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/inner failed [app/inner/b failed]]');
      expectNothingLeft(ctx);
    });

    it('continues to stop in order after the deadline', () => {
      virtually((helpers) => {
        const { hot, expectObservable } = helpers;
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        hot('----x').subscribe(cancel);
        const app = group(
          'app',
          ordered('o', probes.create('a'), probes.create('b', { finalize: 4 }), probes.create('c', { finalize: 3 })),
        );
        expectProbes(helpers, probes, {
          initialized: '(abc)',
          executed: '   (abc)',
          cancelled: '        ----c--b---a',
          finalized: '  ----c--b---a',
          ended: '      -------c---(ba)',
        });
        expectObservable(app.start(ctx)).toBe('-----------|');
        expectObservable(joinAll(ctx, 1, [app]).pipe(map(describeOutcome))).toBe('-----(t|)', {
          t:
            'app timed-out in execute [app/o timed-out in execute [' +
            'app/o/a timed-out in execute, app/o/b timed-out in execute, app/o/c timed-out in finalize]]',
        });
        expectObservable(outcome$(app)).toBe('-----------(d|)', {
          d: 'app cancelled [app/o cancelled [app/o/a cancelled, app/o/b cancelled, app/o/c cancelled]]',
        });
      });
    });

    it('of another context starts its remaining members and ends after the deadline', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const [other, cancelOther] = withCancel();
        const app = group('app', probes.create('a', { initialize: 4, execute: 2 }), probes.create('b', { execute: 3 }));
        startQuietly(app);
        const outcomes = collect(joinAll(other, 2, [app]).pipe(map(describeOutcome)));
        cancelOther();
        scheduler.flush();
        expect(outcomes).to.have.length(2);
        expect([app.status, summaryOf(app)]).to.deep.equal([
          'done',
          'app completed [app/a completed, app/b completed]',
        ]);
      });
    });
  });
}
