import { expect } from 'chai';
import {
  CancelledError,
  joinAll,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type Context,
  type TaskEvent,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { ManualRunner, wrapRunner } from '../helpers/custom-runners.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { events, failing, forever, outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { groupKinds, outcome$, startQuietly, summaryOf } from './helpers.js';

for (const [kind, group] of groupKinds) {
  describe(`A custom runner as a member of a group (${kind})`, () => {
    it('is cancelled by its context, and its error is the error of the group', () => {
      const custom = new ManualRunner();
      const app = group('app', forever('a'), custom);
      const [ctx, cancel] = withCancel();
      const values = collect(app.start(ctx, cancel));
      const given = custom.ctx as Context;
      expect([given.cancelled, custom.cancel]).to.deep.equal([false, cancel]);
      cancel('enough');
      expect([given.cancelled, given.cause, app.status]).to.deep.equal([true, 'enough', 'initializing']);
      const error = new TaskError('custom', 'finalize', new Error('boom'));
      custom.end('failed', error);
      expect(values).to.deep.equal([error]);
      expect(outcomeOf(app)?.error).to.equal(error);
      expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/custom failed]');
    });

    it('has exactly its own events, with its path', () => {
      const custom = new ManualRunner();
      const app = group('app', custom);
      const emitted: TaskEvent[] = [];
      app.events$.subscribe((event) => {
        if (event.task !== 'app') emitted.push(event);
      });
      startQuietly(app);
      const ready: TaskEvent = { type: 'ready', task: 'custom', runId: 3, at: 1 };
      custom.events$.next(ready);
      expect(emitted).to.deep.equal([{ ...ready, task: 'app/custom' }]);
    });

    it('has ended when its `done$` emits, and not when its values error', () => {
      const custom = new ManualRunner();
      const app = group('app', custom);
      startQuietly(app);
      const error = new TaskError('custom', 'execute', new Error('boom'));
      custom.values$.error(error);
      expect(app.status).to.equal('initializing');
      custom.done$.next({ task: 'custom', runner: custom, status: 'failed', error });
      expect(outcomeOf(app)?.error).to.equal(error);
    });

    it('that hangs past the deadline of a join has the time at which it was cancelled', () => {
      virtually((_, scheduler) => {
        const custom = new ManualRunner();
        const app = group('app', custom);
        const [ctx, cancel] = withCancel();
        startQuietly(app, ctx);
        const outcomes = collect(joinAll(ctx, 5, [app]));
        scheduler.schedule(() => cancel(), 3);
        scheduler.flush();
        expect(outcomes[0]).to.have.nested.property('members[0].stoppingAt', 3);
      });
    });

    it('has a context that ends with it', () => {
      const [well, ill] = [new ManualRunner(), new ManualRunner()];
      const [ctx, cancel] = withCancel();
      startQuietly(group('well', well, forever('a')), ctx);
      startQuietly(group('ill', ill, forever('a')), ctx);
      const [ofWell, ofIll] = [well.ctx as Context, ill.ctx as Context];
      well.ready$.next();
      well.end('completed');
      expect([ofWell.cancelled, ofIll.cancelled]).to.deep.equal([true, false]);
      expect(ofWell.cause).to.be.instanceOf(CancelledError);
      ill.values$.error(new Error('in use'));
      expect([ofIll.cancelled, ctx.cancelled]).to.deep.equal([true, false]);
      cancel();
      expectNothingLeft(ctx);
    });

    it('fails the group when it cannot be started', () => {
      const custom = new ManualRunner();
      const app = group('app', forever('a'), custom);
      const values = collect(app.start());
      custom.values$.error(new Error('in use'));
      const error = values[0] as TaskError;
      expect([error.task, (error.cause as Error).message]).to.deep.equal(['app/custom', 'in use']);
      expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/custom failed]');
      for (const subject of [custom.events$, custom.ready$, custom.done$]) expect(subject.observed).to.equal(false);
    });

    it('fails the group when its start throws, and leaves nothing behind', () => {
      const custom = new ManualRunner();
      custom.start = () => {
        throw new Error('no start');
      };
      const a = forever('a');
      const app = group('app', a, custom, forever('c'));
      const [error] = collect(app.start()) as TaskError[];
      expect([error?.task, (error?.cause as Error).message]).to.deep.equal(['app/custom', 'no start']);
      expect([a.status, app.status]).to.deep.equal(['done', 'done']);
      expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/custom failed, app/c not-started]');
      expect(custom.events$.observed).to.equal(false);
    });

    it('ends once when it wraps a runner of the library', () => {
      virtually(({ expectObservable }) => {
        const probes = new ProbeTasks();
        const app = group('app', wrapRunner(probes.create('a', { execute: 2 })), probes.create('b', { execute: 5 }));
        expectObservable(outcome$(app)).toBe('-----(d|)', { d: 'app completed [app/a completed, app/b completed]' });
        expectObservable(app.start()).toBe('--a--(b|)');
      });
    });

    it('does not suppress its own failure when it wraps a runner of the library', () => {
      const [error] = collect(group('app', wrapRunner(failing('a'))).start()) as TaskError[];
      expect(error).to.be.instanceOf(TaskError);
      expect(error?.suppressed).to.deep.equal([]);
    });

    it('emits each event once when it wraps a runner of the library', () => {
      const app = group('app', wrapRunner(taskRunner(task('a', () => 'a'))));
      const emitted = events(app);
      expect(collect(app.start())).to.deep.equal(['a', 'complete']);
      expect(emitted.map(({ task, type }) => `${task} ${type}`)).to.deep.equal([
        'app initializing',
        'app/a ready',
        'app/a done',
        'app ready',
        'app done',
      ]);
    });

    it('can start several runners of the library under its context', () => {
      const [a, b] = [forever('a'), forever('b')];
      const custom = new ManualRunner();
      custom.start = (ctx, cancel) => {
        startQuietly(a, ctx as Context, cancel);
        startQuietly(b, ctx as Context, cancel);
        return custom.values$;
      };
      const app = group('app', custom);
      const [ctx, cancel] = withCancel();
      startQuietly(app, ctx, cancel);
      expect([a.status, b.status, app.status]).to.deep.equal(['running', 'running', 'initializing']);
      cancel();
      expect([a.status, b.status, app.status]).to.deep.equal(['done', 'done', 'initializing']);
      custom.end('cancelled');
      expect(summaryOf(app)).to.equal('app cancelled [app/custom cancelled]');
    });
  });
}
