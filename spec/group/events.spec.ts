import { expect } from 'chai';
import { NEVER, of, throwError } from 'rxjs';
import sinon from 'sinon';
import {
  critical,
  cron,
  ordered,
  parallel,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type Outcome,
  type TaskRunner,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { ManualRunner } from '../helpers/custom-runners.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { events, forever, outcomeOf, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { groupKinds, startQuietly, summaryOf } from './helpers.js';

for (const [kind, group] of groupKinds) {
  describe(`The paths of a group (${kind})`, () => {
    /** A tree of three levels, with everything that can contain a task. */
    const tree = (leaf: (name: string) => TaskRunner) =>
      group(
        'app',
        leaf('a'),
        parallel(
          'workers',
          leaf('b'),
          critical(supervise(leaf('s'), { maxRestarts: 0 })),
          critical(ordered('deep', critical(critical(leaf('c'))))),
        ),
        critical(ordered('last', leaf('z'))),
      );
    const paths = ['app/a', 'app/workers/b', 'app/workers/s', 'app/workers/deep/c', 'app/last/z'];

    it('are the names of members in contexts, events and outcomes, and supervise and critical add nothing', () => {
      const names: string[] = [];
      const app = tree((name) => taskRunner(task(name, (ctx) => (names.push(ctx.task), NEVER))));
      const emitted = events(app);
      const [ctx, cancel] = withCancel();
      startQuietly(app, ctx, cancel);
      cancel();
      expect(names).to.deep.equal(paths);
      const started = emitted.filter(({ type }) => type === 'ready').map(({ task }) => task);
      expect([...started].sort()).to.deep.equal(
        [...paths, 'app', 'app/workers', 'app/workers/deep', 'app/last'].sort(),
      );
      const done = emitted.filter((event) => event.type === 'done');
      expect(done.map(({ task }) => task).sort()).to.deep.equal([...started].sort());
      expect(done.map(({ outcome }) => outcome.task)).to.deep.equal(done.map(({ task }) => task));
      expect(summaryOf(app)).to.equal(
        'app cancelled [app/a cancelled, ' +
          'app/workers cancelled [app/workers/b cancelled, app/workers/s cancelled, ' +
          'app/workers/deep cancelled [app/workers/deep/c cancelled]], ' +
          'app/last cancelled [app/last/z cancelled]]',
      );
    });

    for (const path of paths) {
      it(`are the names in errors: ${path}`, () => {
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

    it('are the names of a cron, its runs and their failures', () => {
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
        const emitted = events(app);
        const own = events(cleaner);
        startQuietly(app, ctx);
        scheduler.schedule(() => cancel(), 7);
        scheduler.flush();
        expect(names).to.deep.equal(['app/workers/cleaner', 'app/workers/cleaner']);
        const failed = emitted.filter((event) => event.type === 'slot-failed');
        expect(failed.map(({ task, error, slot }) => [task, error.task, slot])).to.deep.equal([
          ['app/workers/cleaner', 'app/workers/cleaner', 0],
          ['app/workers/cleaner', 'app/workers/cleaner', 5],
        ]);
        expect(own).to.deep.equal(emitted.filter(({ task }) => task === 'app/workers/cleaner'));
      });
    });

    it('are the names of everything in a custom runner', () => {
      const custom = new ManualRunner();
      const app = group('app', parallel('workers', custom));
      const emitted = events(app);
      const values = collect(app.start());
      custom.ready$.next();
      custom.events$.next({ type: 'ready', task: 'custom', runId: 7, at: 1 });
      custom.values$.next('value');
      expect(app.status).to.equal('running');
      const outcome: Outcome = { task: 'custom', runner: custom, status: 'completed' };
      custom.events$.next({ type: 'done', task: 'custom', runId: 7, at: 1, outcome });
      custom.end('completed');
      expect(values).to.deep.equal(['value', 'complete']);
      expect(summaryOf(app)).to.equal('app completed [app/workers completed [app/workers/custom completed]]');
      expect(outcomeOf(app)?.members?.[0]?.members?.[0]?.runner).to.equal(custom);
      const own = emitted.filter(({ runId }) => runId === 7);
      expect(own.map(({ task, type }) => `${task} ${type}`)).to.deep.equal([
        'app/workers/custom ready',
        'app/workers/custom done',
      ]);
      const last = own.at(-1);
      expect(last?.type === 'done' && last.outcome.task).to.equal('app/workers/custom');
      for (const subject of [custom.events$, custom.ready$, custom.done$, custom.values$])
        expect(subject.observed).to.equal(false);
    });
  });

  describe(`The events of a group (${kind})`, () => {
    it('are in order, include those of the members, and are emitted once on each level', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const inner = parallel('inner', probes.create('a', { initialize: 1, execute: 2 }));
        const app = group('app', inner);
        const [outside, within] = [events(app), events(inner)];
        startQuietly(app);
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

    describe('with an error', () => {
      /** Returns the tasks whose errors are written with `console.error` when a cron fails twice. */
      const writtenTasks = async (listen: (app: TaskRunner, inner: TaskRunner, cleaner: TaskRunner) => void) => {
        const written = await writtenDuring(() =>
          virtually((_, scheduler) => {
            const cleaner = cron(task('cleaner', throwing()), 5);
            const inner = parallel('inner', cleaner, forever('b'));
            const app = group('app', forever('a'), supervise(inner));
            listen(app, inner, cleaner);
            const [ctx, cancel] = withCancel();
            startQuietly(app, ctx);
            scheduler.schedule(() => cancel(), 7);
            scheduler.flush();
          }),
        );
        return written.map((error) => (error as TaskError).task);
      };
      const listener = (onType: (type: string) => void) => (runner: TaskRunner) =>
        runner.events$.subscribe(({ type }) => onType(type));

      it('are written once each when nobody listens', async () => {
        expect(await writtenTasks(() => undefined)).to.deep.equal(['app/inner/cleaner', 'app/inner/cleaner']);
      });

      for (const [index, name] of ['the outer group', 'the inner group', 'the member'].entries()) {
        it(`are not written when somebody listens to ${name} alone`, async () => {
          const types: string[] = [];
          const listen = listener((type) => types.push(type));
          const written = await writtenTasks((...runners) => runners.slice(index, index + 1).forEach(listen));
          expect(written).to.deep.equal([]);
          expect(types.filter((type) => type === 'slot-failed')).to.have.length(2);
        });
      }

      it('are written again after the listener has left', async () => {
        expect(await writtenTasks((app) => app.events$.subscribe().unsubscribe())).to.have.length(2);
      });

      it('about a restart are written once and emitted once', async () => {
        const written = await writtenDuring(() =>
          virtually((_, scheduler) => {
            let runs = 0;
            const flaky = () =>
              supervise(
                task('s', () => {
                  if (++runs % 2) throw new Error('boom');
                }),
              );
            const silent = group('silent', flaky());
            startQuietly(silent);
            scheduler.flush();
            const loud = group('loud', flaky());
            const emitted = events(loud);
            startQuietly(loud);
            scheduler.flush();
            expect(emitted.filter(({ type }) => type === 'restarting')).to.have.length(1);
          }),
        );
        expect(written.map((error) => (error as TaskError).task)).to.deep.equal(['silent/s']);
      });
    });

    it('are not created without listeners', () => {
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
        startQuietly(app, ctx);
        return now.callCount;
      };
      const silent = counted(false);
      // `initializing` and `ready` of two groups; `ready` of two tasks. A `done` has the time of its outcome.
      expect(counted(true) - silent).to.equal(6);
    });
  });
}
