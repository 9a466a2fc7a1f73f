import { expect } from 'chai';
import { Subject } from 'rxjs';
import {
  AlreadyRunningError,
  critical,
  launchRunner,
  ordered,
  parallel,
  supervise,
  task,
  TaskError,
  withCancel,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { failing, forever, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { groupKinds, start$, startQuietly, summaryOf } from './helpers.js';

for (const [kind, group] of groupKinds) {
  describe(`A group (${kind})`, () => {
    it('has the error of the member that fails first, and suppresses the later errors', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const [a, b, c] = [
          probes.create('a', { fails: ['finalize'], finalize: 2 }),
          probes.create('b', { execute: 3, fails: ['execute', 'finalize'] }),
          probes.create('c', { fails: ['finalize'], finalize: 1 }),
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
        expect(summaryOf(app)).to.equal('app failed [app/a failed, app/b failed, app/c failed]');
      });
    });

    it('fails when finalize fails after a cancel, and is cancelled otherwise', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const [ctx, cancel] = withCancel();
        const well = group('well', probes.create('a', { finalize: 2 }), probes.create('b'));
        const ill = group('ill', probes.create('a', { fails: ['finalize'], finalize: 2 }), probes.create('b'));
        startQuietly(well, ctx);
        startQuietly(ill, ctx);
        cancel('enough');
        scheduler.flush();
        expect(summaryOf(well)).to.equal('well cancelled [well/a cancelled, well/b cancelled]');
        expect(summaryOf(ill)).to.equal('ill failed [ill/a failed, ill/b cancelled]');
        expect(outcomeOf(ill)?.error?.phase).to.equal('finalize');
      });
    });

    it('is cancelled when its members reject with the cause of the cancel', async () => {
      const [ctx, cancel] = withCancel();
      const cause = new Error('enough');
      const rejecting = (name: string) =>
        task(name, (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(cause))));
      const app = group('app', rejecting('a'), rejecting('b'));
      startQuietly(app, ctx);
      cancel(cause);
      await settled();
      expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled]');
    });

    it('has a cancelled member when that rejects with the failure of another member', async () => {
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
      startQuietly(app);
      fail?.(new Error('boom'));
      await settled();
      expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/b failed]');
      expect(outcomeOf(app)?.error?.suppressed).to.deep.equal([]);
    });

    it('keeps a falsy error', () => {
      const app = group('app', failing('a', 0));
      const [error] = collect(app.start()) as TaskError[];
      expect([error?.task, error?.cause]).to.deep.equal(['app/a', 0]);
    });

    it('writes an error once when the subscriber has left and nobody waits for the end', async () => {
      let first: TaskError | undefined;
      const written = await writtenDuring(() =>
        virtually((_, scheduler) => {
          const probes = new ProbeTasks();
          const app = group('app', probes.create('a', { fails: ['finalize'], finalize: 1 }), probes.create('b'));
          const startAndUnsubscribe = () =>
            app
              .start()
              .subscribe({ error: () => undefined })
              .unsubscribe();
          startAndUnsubscribe();
          scheduler.flush();
          first = outcomeOf(app)?.error;
          startAndUnsubscribe();
          app.done$.subscribe();
          scheduler.flush();
        }),
      );
      expect(written).to.deep.equal([first]);
    });

    it('is not initializing while it stops because of a failure', () => {
      virtually((_, scheduler) => {
        const probes = new ProbeTasks();
        const app = group(
          'app',
          probes.create('a', { finalize: 5 }),
          probes.create('b', { execute: 2, fails: ['execute'] }),
        );
        const seen: string[] = [];
        startQuietly(app);
        for (const frame of [1, 4]) scheduler.schedule(() => seen.push(app.status), frame);
        scheduler.flush();
        expect(seen[0]).to.equal('running');
        expect(seen[1]).to.not.equal('initializing');
      });
    });

    it('is not ready, nor is an outer group, while it stops because of a failure', () => {
      virtually(({ expectObservable }) => {
        const probes = new ProbeTasks();
        const inner = group(
          'inner',
          probes.create('a', { finalize: 5 }),
          probes.create('b', { execute: 2, fails: ['execute'] }),
        );
        const app = ordered('app', inner, forever('c'));
        for (const runner of [inner, app]) {
          expectObservable(runner.ready$, '-^').toBe('-(r|)', { r: undefined });
          expectObservable(runner.ready$, '---^').toBe('---|');
        }
        expectObservable(start$(app)).toBe('-------#', undefined, 'app/inner/b in execute');
      });
    });

    it('writes its failure once when it is launched', async () => {
      const [ctx, cancel] = withCancel();
      const app = group('app', parallel('p', failing('a')));
      const written = await writtenDuring(() => launchRunner(ctx, cancel, app));
      expect(written).to.deep.equal([outcomeOf(app)?.error]);
      expectNothingLeft(ctx);
    });
  });

  describe(`A member of a group (${kind}) whose runner already runs elsewhere`, () => {
    it('fails the group, stops the other members, and continues to run', () => {
      const [ctx, cancel] = withCancel();
      const [elsewhere, stop] = withCancel();
      const shared = forever('shared');
      startQuietly(shared, elsewhere);
      const app = group('app', forever('a'), shared, forever('c'));
      const [error] = collect(app.start(ctx)) as TaskError[];
      expect(error).to.be.instanceOf(TaskError);
      expect([error?.task, error?.phase]).to.deep.equal(['app/shared', 'execute']);
      expect(error?.cause).to.be.instanceOf(AlreadyRunningError);
      expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/shared failed, app/c not-started]');
      expect(outcomeOf(app)?.members?.[1]?.error).to.equal(error);
      expect([shared.status, outcomeOf(shared)]).to.deep.equal(['running', undefined]);
      stop();
      expect(summaryOf(shared)).to.equal('shared cancelled');
      expectNothingLeft(ctx);
      cancel();
    });

    it('fails the group when it is a member and is inside another member', () => {
      const shared = forever('shared');
      const app = group('app', shared, supervise(shared, { maxRestarts: 0 }));
      const [error] = collect(app.start()) as TaskError[];
      expect(error).to.be.instanceOf(TaskError);
      expect(shared.status).to.equal('done');
      expect(outcomeOf(app)?.members?.map(({ status }) => status)).to.deep.equal(['cancelled', 'failed']);
    });
  });
}

describe('A group whose member fails while the group reports that it is ready', () => {
  for (const [name, wrap] of [
    ['alone', (group: ReturnType<typeof ordered>) => group],
    ['critical', critical],
  ] as const)
    it(`is not ready afterwards (${name})`, () => {
      const work = new Subject<never>();
      const group = ordered(
        'app',
        task('worker', () => work),
      );
      const runner = wrap(group);
      group.events$.subscribe(({ task, type }) => {
        if (task === 'app' && type === 'ready') work.error(new Error('lost'));
      });
      const early = collect(runner.ready$);
      runner.start().subscribe({ error: () => undefined });
      expect([early, collect(runner.ready$)]).to.deep.equal([['complete'], ['complete']]);
    });
});
