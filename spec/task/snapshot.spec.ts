import { expect } from 'chai';
import { defer, NEVER, throwError, timer, VirtualTimeScheduler } from 'rxjs';
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
  type TaskRunner,
} from '../../lib/index.js';
import { virtually } from '../helpers/virtual-time.js';

describe('snapshot', () => {
  const createTask = (name: string) =>
    task(name, { initialize: () => timer(2), execute: () => NEVER, finalize: () => timer(3) });

  it('returns a tree of idle tasks before the start', () => {
    expect(snapshot(ordered('app', createTask('db'), parallel('workers', supervise(createTask('a')))))).to.deep.equal({
      name: 'app',
      status: 'idle',
      restarts: 0,
      members: [
        { name: 'db', status: 'idle', restarts: 0 },
        { name: 'workers', status: 'idle', restarts: 0, members: [{ name: 'a', status: 'idle', restarts: 0 }] },
      ],
    });
  });

  it('returns the current status of each member and the time since it has it', () => {
    virtually((_, scheduler) => {
      const [parent, cancel] = withCancel();
      const app = ordered('app', createTask('db'), createTask('http'));
      orchestrate([app], { parent }).subscribe();
      const describeApp = () => {
        const { status, since, members } = snapshot(app);
        return [`${status} ${since}`, ...(members ?? []).map((member) => `${member.status} ${String(member.since)}`)];
      };
      const states: string[][] = [];
      for (const at of [0, 3, 5, 12, 14, 20]) scheduler.schedule(() => states.push(describeApp()), at);
      scheduler.schedule(() => cancel(), 10);
      scheduler.flush();
      expect(states).to.deep.equal([
        ['initializing 0', 'initializing 0', 'idle undefined'],
        ['initializing 0', 'running 2', 'initializing 2'],
        ['running 4', 'running 2', 'running 4'],
        ['running 4', 'running 2', 'finalizing 10'],
        ['running 4', 'finalizing 13', 'done 13'],
        ['done 16', 'done 16', 'done 13'],
      ]);
    });
  });

  it('counts the restarts of a supervised task and has its last error, without a member of its own', () => {
    virtually((_, scheduler) => {
      let attempts = 0;
      const flaky = task('flaky', () =>
        defer(() => (++attempts > 2 ? timer(10) : throwError(() => new Error(`no. ${attempts}`)))),
      );
      const runner = supervise(flaky, { backoff: { initial: 4, jitter: 0 } });
      runner.events$.subscribe();
      runner.start().subscribe();
      const states: unknown[] = [];
      const record = () => {
        const { name, status, restarts, lastError, members } = snapshot(runner);
        states.push([name, status, restarts, String(lastError?.cause), members]);
      };
      for (const at of [1, 5, 13, 30]) scheduler.schedule(record, at);
      scheduler.flush();
      expect(states).to.deep.equal([
        ['flaky', 'initializing', 1, 'Error: no. 1', undefined],
        ['flaky', 'initializing', 2, 'Error: no. 2', undefined],
        ['flaky', 'running', 2, 'Error: no. 2', undefined],
        ['flaky', 'done', 2, 'Error: no. 2', undefined],
      ]);
    });
  });

  it('merges a supervised or critical task with its child: restarts add up, errors and members show', () => {
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

  it('has no next slot of a cron that its schedule has cancelled, nor of one after its last run', () => {
    const scheduler = new VirtualTimeScheduler();
    const [ctx, cancel] = withCancel(undefined, { scheduler });
    const cancelled = cron(
      task('cancelled', () => 1),
      {
        next(after) {
          if (after > 5) cancel();
          return after + 3;
        },
      },
    );
    cancelled.start(ctx).subscribe();
    scheduler.flush();
    expect(snapshot(cancelled)).to.include({ status: 'done' }).and.not.have.property('nextAt');
    const inRun: unknown[] = [];
    const once: TaskRunner = cron(
      task('once', () => void inRun.push(snapshot(once).nextAt)),
      10,
      { maxRuns: 1 },
    );
    once.start().subscribe();
    expect([inRun, snapshot(once).status]).to.deep.equal([[undefined], 'done']);
  });

  it('has the next slot of a cron, also of a supervised one, until there is none', () => {
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
      const states: unknown[] = [];
      for (const at of [5, 25, 50, 80])
        scheduler.schedule(
          () =>
            states.push([plain, supervised].map((runner) => ['nextAt' in snapshot(runner), snapshot(runner).nextAt])),
          at,
        );
      scheduler.flush();
      const both = (...state: unknown[]) => [state, state];
      expect(states).to.deep.equal([both(true, 20), both(true, 40), both(false, undefined), both(false, undefined)]);
    });
  });

  it('has the error of the last failed run of a cron, and of a failed task', () => {
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

  it('returns the name and status of a custom runner', () => {
    const { done$, ready$, results$, events$ } = taskRunner(task('x', () => 1));
    const start = () => NEVER;
    const custom = { start, done$, ready$, results$, events$, status: 'running' as const, toString: () => 'custom' };
    expect(snapshot(custom)).to.deep.equal({ name: 'custom', status: 'running', restarts: 0 });
  });

  it('throws a TypeError for a value that is not a runner', () => {
    expect(() => snapshot(task('x', () => 1) as never)).to.throw(TypeError, 'Expected `runner` to be a TaskRunner');
  });
});
