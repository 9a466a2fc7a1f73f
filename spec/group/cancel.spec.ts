import { expect } from 'chai';
import { NEVER, of, take, timer } from 'rxjs';
import sinon from 'sinon';
import { task, taskRunner, withCancel, type CancelFunc } from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { forever, outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { groupKinds, startQuietly, summaryOf } from './helpers.js';

for (const [kind, group] of groupKinds) {
  describe(`A group (${kind})`, () => {
    it('emits `ready$` while it is being cancelled', () => {
      virtually((_, scheduler) => {
        const app = group('app', task('a', { execute: () => NEVER, finalize: () => timer(3) }));
        const [ctx, cancel] = withCancel();
        startQuietly(app, ctx);
        cancel();
        expect(collect(app.ready$)).to.deep.equal([undefined, 'complete']);
        scheduler.flush();
      });
    });

    it('stops when an AbortSignal aborts', () => {
      const controller = new AbortController();
      const probes = new ProbeTasks();
      const app = group('app', probes.create('a'), group('inner', probes.create('b')));
      const emitted = collect(app.start(controller.signal));
      controller.abort('enough');
      expect([emitted, [...probes.causes.values()]]).to.deep.equal([['complete'], ['enough', 'enough']]);
      expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/inner cancelled [app/inner/b cancelled]]');
    });

    it('starts no member under a cancelled context', () => {
      const [ctx, cancel] = withCancel();
      cancel();
      const execute = sinon.spy();
      const a = taskRunner(task('a', execute));
      const app = group('app', a);
      expect(collect(app.start(ctx))).to.deep.equal(['complete']);
      expect([outcomeOf(app)?.status, a.status, execute.callCount]).to.deep.equal(['cancelled', 'idle', 0]);
    });

    it('passes its cancel to its members, or without one a cancel that ends this group alone', () => {
      const cancels: CancelFunc[] = [];
      const taking = (name: string) => taskRunner(task(name, (_, cancel) => (cancels.push(cancel), NEVER)));
      const [ctx, cancel] = withCancel();
      startQuietly(group('app', taking('a'), group('inner', taking('b'))), ctx, cancel);
      expect(cancels).to.deep.equal([cancel, cancel]);
      const app = group('app', taking('a'), group('inner', taking('b')));
      startQuietly(app, ctx);
      cancels[3]?.('enough');
      expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/inner cancelled [app/inner/b cancelled]]');
      expect(ctx.cancelled).to.equal(false);
      cancel();
    });
  });

  describe(`A group (${kind}) that is cancelled synchronously`, () => {
    const hooks = ['initialize', 'execute'] as const;
    for (const hook of hooks) {
      it(`by a member in ${hook}, does not start the later members and stops the earlier ones`, () => {
        const probes = new ProbeTasks();
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
        const c = probes.create('c');
        const app = group('app', probes.create('a'), b, c);
        expect(collect(app.start(ctx, cancel))).to.deep.equal(['complete']);
        expect(summaryOf(app)).to.equal('app cancelled [app/a cancelled, app/b cancelled, app/c not-started]');
        expect(log).to.deep.equal(
          hook === 'initialize' ? ['initialize', 'finalize'] : ['initialize', 'execute', 'finalize'],
        );
        expect([probes.causes.get('a'), c.status, listenerCount(ctx)]).to.deep.equal(['enough', 'idle', 0]);
      });
    }

    const types = ['initializing', 'ready', 'cancelling', 'finalizing', 'done'] as const;
    for (const whose of ['app', 'app/b', 'app/c'] as const) {
      for (const type of types) {
        if (whose === 'app' && type === 'finalizing') continue;
        it(`by a listener at ${whose} ${type}, ends with all its members`, () => {
          virtually((_, scheduler) => {
            const probes = new ProbeTasks();
            const [ctx, cancel] = withCancel();
            const app = group(
              'app',
              probes.create('a', { execute: 9 }),
              probes.create('b', { execute: 5, finalize: 1 }),
              probes.create('c', { initialize: 1 }),
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
            expect([cancels, ended, app.status, listenerCount(ctx)]).to.deep.equal([
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

    it('by the subscriber of its values, stops the running member and starts no other', () => {
      const log: string[] = [];
      const a = taskRunner(task('a', { execute: () => of('first', 'second'), finalize: () => log.push('finalize') }));
      const b = forever('b');
      const app = group('app', a, b);
      expect(collect(app.start().pipe(take(1)))).to.deep.equal(['first', 'complete']);
      expect([summaryOf(app), log, b.status]).to.deep.equal([
        'app cancelled [app/a cancelled, app/b not-started]',
        ['finalize'],
        'idle',
      ]);
    });
  });
}
