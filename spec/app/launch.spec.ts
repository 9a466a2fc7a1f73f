import { expect } from 'chai';
import { NEVER, Subject, throwError, timer, VirtualTimeScheduler } from 'rxjs';
import {
  AlreadyRunningError,
  cron,
  dynamic,
  launch,
  ordered,
  SignalError,
  supervise,
  task,
  taskRunner,
  withCancel,
  type AppEvent,
} from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { failAfter, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

describe('launch', () => {
  const server = task('server', { execute: () => NEVER, finalize: () => timer(3) });

  it('starts immediately and promises the report', async () => {
    const app = launch([task('x', () => 1)]);
    expect(app).to.be.instanceOf(Promise);
    const report = await app;
    expect(report.outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
    expect(report.clean).to.equal(true);
  });

  it('is live until all tasks have ended', () => {
    virtually((_, scheduler) => {
      const app = launch([server]);
      expect(app.live).to.equal(true);
      void app.stop();
      expect(app.live).to.equal(true);
      scheduler.flush();
      expect(app.live).to.equal(false);
    });
  });

  it('is ready when all tasks are ready, and emits each change', () => {
    virtually((_, scheduler) => {
      const slow = task('slow', { initialize: () => timer(5), execute: () => NEVER });
      const app = launch([ordered('app', server, slow), task('migration', () => timer(1))]);
      const changes: unknown[] = [];
      app.ready$.subscribe({
        next: (ready) => changes.push([scheduler.now(), ready, app.ready]),
        complete: () => changes.push('complete'),
      });
      scheduler.schedule(() => void app.stop(), 10);
      scheduler.flush();
      expect(changes).to.deep.equal([[0, false, false], [5, true, true], [10, false, false], 'complete']);
      expect(collect(app.ready$)).to.deep.equal([false, 'complete']);
    });
  });

  it('is not ready after all tasks have ended by themselves, or when it could not be started', async () => {
    const app = launch([task('x', () => 1)]);
    expect(collect(app.ready$)).to.deep.equal([false, 'complete']);
    expect([app.ready, app.live, (await app).clean]).to.deep.equal([false, false, true]);

    const busy = taskRunner(task('busy', () => NEVER));
    const running = busy.start().subscribe();
    const rejected = launch([busy]);
    await rejected.catch(() => undefined);
    expect([rejected.ready, rejected.live]).to.deep.equal([false, false]);
    running.unsubscribe();
  });

  it('stops being ready before it drains and cancels', () => {
    virtually((_, scheduler) => {
      const events: string[] = [];
      const [parent, cancel] = withCancel();
      const observer = ({ type }: AppEvent) => events.push(`${type} ${scheduler.now()}`);
      const app = launch([server], { parent, drainDelay: 5, observer });
      app.ready$.subscribe((ready) => events.push(`${ready ? 'is' : 'is not'} ready ${scheduler.now()}`));
      scheduler.schedule(() => cancel(new SignalError('SIGTERM')), 2);
      scheduler.flush();
      expect(events.slice(events.indexOf('is ready 0'))).to.deep.equal([
        'is ready 0',
        'is not ready 2',
        'draining 2',
        'cancelled 7',
        'cancelling 7',
        'finalizing 7',
        'done 10',
        'shutdown 10',
      ]);
    });
  });

  it('does not drain when a listener of its readiness makes a task fail', () => {
    virtually((_, scheduler) => {
      const types: string[] = [];
      const [parent, cancel] = withCancel();
      const broken = new Subject<never>();
      const observer = ({ type }: AppEvent) => types.push(type);
      const app = launch([server, task('x', () => broken)], { parent, drainDelay: 5, observer });
      scheduler.schedule(() => {
        app.ready$.subscribe((ready) => {
          if (!ready) broken.error(new Error('boom'));
        });
        cancel('parent');
      }, 2);
      scheduler.flush();
      expect(types).to.include('cancelled').and.not.include('draining');
    });
  });

  it('is not ready while a supervised task restarts, nor after a failure', () => {
    virtually((_, scheduler) => {
      let attempts = 0;
      const flaky = task('flaky', {
        initialize: () => timer(2),
        execute: () => (++attempts === 1 ? throwError(() => new Error('boom')) : NEVER),
      });
      const failing = task('failing', () => failAfter(50));
      const observer = () => undefined;
      const app = launch([ordered('app', server, supervise(flaky, { backoff: { initial: 10, jitter: 0 } })), failing], {
        scheduler,
        observer,
      });
      const changes: unknown[] = [];
      app.ready$.subscribe((ready) => changes.push([scheduler.now(), ready]));
      scheduler.flush();
      expect(changes).to.deep.equal([
        [0, false],
        [14, true],
        [50, false],
      ]);
    });
  });

  it('stops once, with the cause of the first call of stop, and returns the report from each call', async () => {
    const app = launch([task('server', () => NEVER)]);
    const [first, second] = await Promise.all([app.stop('enough'), app.stop('again')]);
    expect(first.cause).to.equal('enough');
    expect(second).to.equal(first);
    expect(await app).to.equal(first);
  });

  it('stops at the end of an `await using` block', async () => {
    let finalized = false;
    {
      await using app = launch([task('server', { execute: () => NEVER, finalize: () => void (finalized = true) })]);
      expect(app.live).to.equal(true);
    }
    expect(finalized).to.equal(true);
  });

  it('stops with its parent and leaves no listener in it', async () => {
    const [parent, cancel] = withCancel();
    const app = launch([task('server', () => NEVER)], { parent });
    cancel('parent');
    expect((await app).cause).to.equal('parent');
    await settled();
    expect(listenerCount(parent)).to.equal(0);
  });

  it('goes on when a group cannot start one of its tasks, because the task is running already', async () => {
    const server = taskRunner(task('server', () => NEVER));
    const group = dynamic('group');
    const events: string[] = [];
    const app = launch([server, group], {
      observer: (event) => event.type === 'done' && events.push(`${event.task} ${event.outcome.status}`),
    });
    group.add('other', server);
    expect(events).to.deep.equal(['group/other failed']);
    expect(app.live).to.equal(true);
    await app.stop();
    expect(events.slice(1).sort()).to.deep.equal(['group cancelled', 'server cancelled']);
  });

  it('rejects when one of the runners is already running', async () => {
    const runner = taskRunner(task('busy', () => NEVER));
    const running = runner.start().subscribe();
    let completed = false;
    const observer = { complete: () => (completed = true) };
    const error: unknown = await launch([runner], { observer }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(AlreadyRunningError);
    expect(completed).to.equal(true);
    running.unsubscribe();
  });

  it('throws synchronously for an invalid task or option', () => {
    expect(() => launch([{} as never])).to.throw(TypeError, 'Expected `task`');
    expect(() => launch([], { exitCode: 'signal' } as never)).to.throw(TypeError, 'got `exitCode`');
  });

  it('throws for an invalid scheduler, an invalid observer, and the same runner twice', () => {
    const runner = taskRunner(task('twice', () => 1));
    expect(() => launch([], { scheduler: 5 as never })).to.throw(
      TypeError,
      'Expected `scheduler` to be an RxJS scheduler, got `5` (number)',
    );
    for (const scheduler of [{}, { now: () => 0 }, { schedule: () => 0 }])
      expect(() => launch([], { scheduler: scheduler as never })).to.throw(TypeError, 'Expected `scheduler`');
    for (const observer of [null, 5, 'x']) {
      expect(() => launch([], { observer: observer as never })).to.throw(
        TypeError,
        'Expected `observer` to be an observer or a function',
      );
    }
    for (const [observer, message] of [
      [{ onNext: () => undefined }, 'Expected a member of `observer`, got `onNext`; did you mean `next`?'],
      [NEVER, 'Expected `observer` to be an object with `next`, `error`, `complete`, got an Observable'],
    ] as const)
      expect(() => launch([], { observer: observer as never })).to.throw(TypeError, message);
    for (const observer of [
      {},
      () => undefined,
      new Subject<AppEvent>(),
      Object.assign(new Subject(), { name: 'events' }),
    ])
      expect(() => launch([], { observer })).to.not.throw();
    expect(() => launch([runner, runner])).to.throw(TypeError, 'got the runner `twice` twice');
  });

  it('emits the changes of ready$ in order to all subscribers when one of them changes it', () => {
    const app = launch([task('server', { initialize: () => Promise.resolve(), execute: () => NEVER })], {
      drainDelay: 1000,
    });
    const changes: boolean[][] = [[], []];
    app.ready$.subscribe((ready) => {
      changes[0]?.push(ready);
      if (ready) void app.stop();
    });
    app.ready$.subscribe((ready) => changes[1]?.push(ready));
    return settled().then(() => {
      expect(changes).to.deep.equal([
        [false, true, false],
        [false, true, false],
      ]);
      expect(app.ready).to.equal(false);
    });
  });

  it('rejects only after the tasks that were started have ended', () => {
    virtually((_, scheduler) => {
      const busy = taskRunner(task('busy', () => NEVER));
      const running = busy.start().subscribe();
      const app = launch([server, busy]);
      app.catch(() => undefined);
      const live: boolean[] = [];
      for (const at of [2, 4]) scheduler.schedule(() => live.push(app.live), at);
      scheduler.flush();
      expect(live).to.deep.equal([true, false]);
      expect(busy.status).to.equal('running');
      running.unsubscribe();
    });
  });

  it('is not ready after a task has failed, even if it continues', () => {
    virtually((_, scheduler) => {
      const failing = task('failing', () => failAfter(5));
      const app = launch([server, failing], { onFailure: 'continue', observer: () => undefined });
      const changes: unknown[] = [];
      app.ready$.subscribe((ready) => changes.push([scheduler.now(), ready]));
      scheduler.schedule(() => void app.stop(), 20);
      scheduler.flush();
      expect(changes).to.deep.equal([
        [0, true],
        [5, false],
      ]);
    });
  });

  it("uses its parent's scheduler", () => {
    const scheduler = new VirtualTimeScheduler();
    const [parent] = withCancel(undefined, { scheduler });
    const schedulers: unknown[] = [];
    void launch([task('x', (ctx) => void schedulers.push(ctx.scheduler))], { parent });
    expect(schedulers).to.deep.equal([scheduler]);
  });

  it('starts no task under a cancelled parent, and ends', async () => {
    const [parent, cancel] = withCancel();
    cancel('parent');
    const app = launch([server], { parent });
    expect(collect(app.ready$)).to.deep.equal([false, 'complete']);
    const { cause, outcomes } = await app;
    expect([cause, outcomes.map(({ status }) => status)]).to.deep.equal(['parent', ['cancelled']]);
  });

  it('completes its observer', () => {
    let completed = false;
    void launch([task('x', () => 1)], { observer: { complete: () => (completed = true) } });
    expect(completed).to.equal(true);
  });

  describe('without an observer', () => {
    const output = spyOnConsoleError();
    const errors = () => output.all().map(String);

    it('writes the errors of failed tasks', async () => {
      const failing = () => task('failing', () => Promise.reject(new Error('boom')));
      await launch([failing()]);
      expect(errors()).to.deep.equal(['TaskError: failing failed in execute: boom']);
      await launch([failing()], { observer: () => undefined });
      expect(errors()).to.have.length(1);
    });

    it('writes an error that several groups report once', async () => {
      const failing = task('b', () => Promise.reject(new Error('boom')));
      const server = task('a', () => NEVER);
      await launch([ordered('app', server, ordered('workers', failing))]);
      expect(errors()).to.deep.equal(['TaskError: app/workers/b failed in execute: boom']);
    });

    it('writes the error of a failed run of a cron, and that of its coordinator, even if it is not an Error', () => {
      virtually((_, scheduler) => {
        const failing = cron(
          task('failing', () => throwError(() => new Error('boom'))),
          5,
          { maxRuns: 1 },
        );
        const lease = () => throwError(() => 'down');
        const alone = cron(
          task('alone', () => 1),
          5,
          { coordinator: { lease }, stopAt: 8 },
        );
        void launch([failing, alone]);
        scheduler.flush();
      });
      expect(errors()).to.deep.equal([
        'TaskError: failing failed in execute: boom',
        'Cron alone: 1 slot skipped (coordinator) at 1970-01-01T00:00:00.000Z',
        'down',
        'Cron alone: 1 slot skipped (coordinator) at 1970-01-01T00:00:00.005Z',
      ]);
    });
  });
});
