import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import { critical, ordered, parallel, supervise, task, withCancel } from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { ProbeTasks } from '../helpers/probe-tasks.js';
import { outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { expectProbes, outcome$, start$, startQuietly, summaryOf } from './helpers.js';

describe('A parallel group', () => {
  it('starts all members together, is ready when all are, and ends when all have ended', () => {
    virtually((helpers) => {
      const { expectObservable } = helpers;
      const probes = new ProbeTasks();
      const app = parallel(
        'app',
        probes.create('a', { initialize: 5, execute: 3, finalize: 2 }),
        probes.create('b', { execute: 6 }),
        probes.create('c', { initialize: 8, execute: 1 }),
      );
      expectProbes(helpers, probes, {
        initialized: '(abc)',
        executed: '   b----a--c',
        finalized: '  ------b-ac',
        ended: '      ------b--ca',
      });
      expectObservable(app.ready$).toBe('--------(r|)', { r: undefined });
      expectObservable(app.start()).toBe('------b-ac|');
    });
  });

  it('cancels all members together when its context is cancelled, and marks all before it notifies any', () => {
    virtually((helpers) => {
      const { hot, expectObservable, flush } = helpers;
      const probes = new ProbeTasks();
      const [ctx, cancel] = withCancel();
      hot('-----x').subscribe(cancel);
      const seen: boolean[] = [];
      const app = parallel(
        'app',
        probes.create('a', { finalize: 5 }),
        parallel('p', probes.create('b', { finalize: 6 }), supervise(probes.create('c'))),
        critical(probes.create('d', { initialize: 6 })),
      );
      probes.cancelled$.subscribe(() => seen.push(...[...probes.contexts.values()].map(({ cancelled }) => cancelled)));
      expectProbes(helpers, probes, {
        initialized: '(abcd)',
        executed: '   (abc)',
        cancelled: '        -----(abcd)',
        finalized: '  -----(abcd)',
        ended: '      -----(cd)-ab',
      });
      expectObservable(start$(app, ctx)).toBe('-----------|');
      flush();
      expect(seen).to.deep.equal(Array(16).fill(true));
      expect([...probes.causes.values()]).to.deep.equal(['x', 'x', 'x', 'x']);
      expectNothingLeft(ctx);
    });
  });

  it('cancels all members together when it is unsubscribed', () => {
    virtually((helpers) => {
      const { expectObservable, flush } = helpers;
      const probes = new ProbeTasks();
      const [ctx] = withCancel();
      const app = parallel('app', probes.create('a', { finalize: 5 }), probes.create('b'));
      expectProbes(helpers, probes, {
        initialized: '(ab)',
        executed: '   (ab)',
        cancelled: '        -----(ab)',
        finalized: '  -----(ab)',
        ended: '      -----b----a',
      });
      expectObservable(outcome$(app)).toBe('----------(d|)', { d: 'app cancelled [app/a cancelled, app/b cancelled]' });
      expectObservable(app.start(ctx), '-----!').toBe('-');
      flush();
      expectNothingLeft(ctx);
    });
  });

  it('cancels the other members together when one fails, and marks all before it notifies any', () => {
    virtually((helpers) => {
      const { expectObservable, flush } = helpers;
      const probes = new ProbeTasks();
      const seen: boolean[] = [];
      const app = parallel(
        'app',
        probes.create('a', { finalize: 5 }),
        probes.create('b', { execute: 4, fails: ['execute'], finalize: 1 }),
        parallel('p', probes.create('c')),
      );
      probes.cancelled$.subscribe(() => seen.push(...[...probes.contexts.values()].map(({ cancelled }) => cancelled)));
      expectProbes(helpers, probes, {
        initialized: '(abc)',
        executed: '   (abc)',
        cancelled: '        ----(ac)',
        finalized: '  ----(acb)',
        ended: '      ----cb---a',
      });
      expectObservable(start$(app)).toBe('---------#', undefined, 'app/b in execute');
      flush();
      const error = outcomeOf(app)?.error;
      expect(seen).to.deep.equal(Array(6).fill(true));
      expect([probes.causes.get('a'), probes.causes.get('c')]).to.deep.equal([error, error]);
      expect(summaryOf(app)).to.equal(
        'app failed [app/a cancelled, app/b failed, app/p cancelled [app/p/c cancelled]]',
      );
    });
  });

  it('starts no member of an inner group once it is cancelled', () => {
    const probes = new ProbeTasks();
    const up = new Subject<void>();
    const [ctx, cancel] = withCancel();
    const first = task('first', ({ cancelled$ }) => {
      cancelled$.subscribe(() => up.complete());
      return NEVER;
    });
    const slow = task('slow', { initialize: () => up, execute: () => NEVER });
    const app = parallel('app', first, ordered('o', slow, probes.create('next')));
    startQuietly(app, ctx);
    cancel();
    expect(summaryOf(app)).to.equal(
      'app cancelled [app/first cancelled, app/o cancelled [app/o/slow cancelled, app/o/next not-started]]',
    );
    expect([probes.contexts.size, listenerCount(ctx)]).to.deep.equal([0, 0]);
  });

  it('does not start the members after one that fails during its start', () => {
    const probes = new ProbeTasks();
    const app = parallel('app', probes.create('a'), probes.create('b', { fails: ['initialize'] }), probes.create('c'));
    expect(collect(app.start())).to.have.length(1);
    expect(summaryOf(app)).to.equal('app failed [app/a cancelled, app/b failed, app/c not-started]');
    expect(probes.causes.get('a')).to.equal(outcomeOf(app)?.error);
  });
});
