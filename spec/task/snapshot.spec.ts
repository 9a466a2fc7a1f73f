import { expect } from 'chai';
import { defer, NEVER, throwError, timer } from 'rxjs';
import {
  critical,
  cron,
  orchestrate,
  ordered,
  parallel,
  snapshot,
  supervise,
  task,
  taskRunner,
  withCancel,
} from '../../lib/index.js';
import { virtually } from '../helpers/virtual-time.js';

describe('snapshot', () => {
  const part = (name: string) =>
    task(name, { initialize: () => timer(2), execute: () => NEVER, finalize: () => timer(3) });

  it('tells of a tree that has not been started', () => {
    expect(snapshot(ordered('app', part('db'), parallel('workers', supervise(part('a')))))).to.deep.equal({
      name: 'app',
      status: 'idle',
      restarts: 0,
      members: [
        { name: 'db', status: 'idle', restarts: 0 },
        { name: 'workers', status: 'idle', restarts: 0, members: [{ name: 'a', status: 'idle', restarts: 0 }] },
      ],
    });
  });

  it('tells at any time what each part is doing, and since when', () => {
    virtually((_, scheduler) => {
      const [parent, cancel] = withCancel();
      const app = ordered('app', part('db'), part('http'));
      orchestrate([app], { parent }).subscribe();
      const look = () => {
        const { status, since, members } = snapshot(app);
        return [`${status} ${since}`, ...(members ?? []).map((one) => `${one.status} ${String(one.since)}`)];
      };
      const looks: string[][] = [];
      for (const at of [0, 3, 5, 12, 14, 20]) scheduler.schedule(() => looks.push(look()), at);
      scheduler.schedule(() => cancel(), 10);
      scheduler.flush();
      expect(looks).to.deep.equal([
        ['initializing 0', 'initializing 0', 'idle undefined'],
        ['initializing 0', 'running 2', 'initializing 2'],
        ['running 4', 'running 2', 'running 4'],
        ['running 4', 'running 2', 'finalizing 10'],
        ['running 4', 'finalizing 13', 'done 13'],
        ['done 16', 'done 16', 'done 13'],
      ]);
    });
  });

  it('counts the restarts of a supervised task, which is one with it, and has its last error', () => {
    virtually((_, scheduler) => {
      let attempts = 0;
      const flaky = task('flaky', () =>
        defer(() => (++attempts > 2 ? timer(10) : throwError(() => new Error(`no. ${attempts}`)))),
      );
      const runner = supervise(flaky, { backoff: { initial: 4, jitter: 0 } });
      runner.events$.subscribe();
      runner.start().subscribe();
      const looks: unknown[] = [];
      const look = () => {
        const { name, status, restarts, lastError, members } = snapshot(runner);
        looks.push([name, status, restarts, String(lastError?.cause), members]);
      };
      for (const at of [1, 5, 13, 30]) scheduler.schedule(look, at);
      scheduler.flush();
      expect(looks).to.deep.equal([
        ['flaky', 'initializing', 1, 'Error: no. 1', undefined],
        ['flaky', 'initializing', 2, 'Error: no. 2', undefined],
        ['flaky', 'running', 2, 'Error: no. 2', undefined],
        ['flaky', 'done', 2, 'Error: no. 2', undefined],
      ]);
    });
  });

  it('sees through what supervises or is critical: restarts add up, errors and members show', () => {
    virtually((_, scheduler) => {
      let attempts = 0;
      const flaky = task('flaky', () => (++attempts === 1 ? throwError(() => new Error('boom')) : NEVER));
      const inner = supervise(flaky, { backoff: { initial: 4, jitter: 0 } });
      const outer = critical(inner);
      const group = critical(
        ordered(
          'app',
          task('a', () => NEVER),
        ),
      );
      const around = ordered('around', outer);
      around.events$.subscribe();
      for (const runner of [around, group]) runner.start().subscribe();
      scheduler.schedule(() => {
        const { restarts, lastError } = snapshot(outer);
        expect([restarts, String(lastError?.cause)]).to.deep.equal([1, 'Error: boom']);
        expect(snapshot(group).members?.map(({ name }) => name)).to.deep.equal(['a']);
        expect(snapshot(outer)).to.not.have.property('members');
        expect(snapshot(around)).to.include({ restarts: 0 }).and.not.have.property('lastError');
        attempts = 2;
      }, 10);
      scheduler.flush();
      expect(attempts).to.equal(2);
    });
  });

  it('tells the next slot of a cron, also of one that is supervised, for as long as one is to come', () => {
    virtually((_, scheduler) => {
      const slow = () =>
        cron(
          task('slow', () => timer(30)),
          20,
          { maxRuns: 2 },
        );
      const [plain, supervised] = [slow(), supervise(slow())];
      expect(snapshot(plain)).to.not.have.property('nextAt');
      for (const runner of [plain, supervised]) runner.start().subscribe();
      const looks: unknown[] = [];
      for (const at of [5, 25, 50, 80])
        scheduler.schedule(
          () =>
            looks.push([plain, supervised].map((runner) => ['nextAt' in snapshot(runner), snapshot(runner).nextAt])),
          at,
        );
      scheduler.flush();
      const both = (...one: unknown[]) => [one, one];
      expect(looks).to.deep.equal([both(true, 20), both(true, 40), both(false, undefined), both(false, undefined)]);
    });
  });

  it('has the last failed run of a cron, and the error of a task that has failed', () => {
    virtually((_, scheduler) => {
      let runs = 0;
      const flaky = cron(
        task('flaky', () => throwError(() => new Error(`run ${++runs}`))),
        5,
        { maxRuns: 3 },
      );
      flaky.events$.subscribe();
      flaky.start().subscribe();
      scheduler.schedule(() => expect(String(snapshot(flaky).lastError?.cause)).to.equal('Error: run 2'), 7);
      const failing = taskRunner(task('failing', () => throwError(() => 'why')));
      failing.start().subscribe({ error: () => undefined });
      expect(snapshot(failing)).to.deep.include({ status: 'done', since: 0 });
      expect(snapshot(failing).lastError?.cause).to.equal('why');
      scheduler.flush();
      expect(runs).to.equal(3);
    });
  });

  it('tells of a runner of any make what that tells', () => {
    const { done$, ready$, results$, events$ } = taskRunner(task('x', () => 1));
    const start = () => NEVER;
    const foreign = { start, done$, ready$, results$, events$, status: 'running' as const, toString: () => 'foreign' };
    expect(snapshot(foreign)).to.deep.equal({ name: 'foreign', status: 'running', restarts: 0 });
  });

  it('refuses what is no runner', () => {
    expect(() => snapshot(task('x', () => 1) as never)).to.throw(TypeError, 'Expected `runner` to be a TaskRunner');
  });
});
