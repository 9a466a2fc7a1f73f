import { expect } from 'chai';
import { NEVER, timer } from 'rxjs';
import {
  launch,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  type LaunchOptions,
  type Runnable,
} from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { wrapRunner } from '../helpers/custom-runners.js';
import { failAfter } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const silent: LaunchOptions = { observer: () => undefined };
/** Is ready after some time. */
const slow = (name: string, ms: number): Runnable => task(name, { initialize: () => timer(ms), execute: () => NEVER });

describe('A task that is not ready 10 s after the start of an application', () => {
  const written = spyOnConsoleError();

  /** Launches tasks, and stops them after some time. */
  const launchFor = (ms: number, runnables: Runnable[], options: LaunchOptions = {}) =>
    virtually((_, scheduler) => {
      const app = launch(runnables, { scheduler, ...options });
      scheduler.schedule(() => void app.stop(), ms);
      scheduler.flush();
    });

  it('is named on the console, once, with the hook that it is in', () => {
    launchFor(60_000, [slow('db', 30_000), slow('cache', 9999), slow('queue', Infinity)]);
    expect(written.all()).to.deep.equal(['Not ready after 10 s: db (initialize), queue (initialize)']);
  });

  it('is named by its path in a group, before the tasks that wait for it', () => {
    launchFor(20_000, [
      ordered('app', slow('config', 1), parallel('data', slow('db', 20_001), slow('cache', 5)), slow('http', 1)),
      slow('other', 20_001),
    ]);
    expect(written.all()).to.deep.equal([
      'Not ready after 10 s: app/data/db (initialize), other (initialize); not started yet: app/http',
    ]);
  });

  it('is named while it is restarted', () => {
    const flaky = task('flaky', { initialize: () => failAfter(4000), execute: () => NEVER });
    launchFor(10_001, [supervise(flaky, { backoff: { initial: 3000, jitter: 0 } })], silent);
    expect(written.all()).to.deep.equal(['Not ready after 10 s: flaky (initialize)']);
  });

  it('is named by its path also during the delay before a restart', () => {
    const flaky = task('flaky', { initialize: () => failAfter(1), execute: () => NEVER });
    const restarting = supervise(flaky, { backoff: { initial: 30_000, jitter: 0 } });
    launchFor(20_000, [ordered('app', restarting, slow('http', 1))], silent);
    expect(written.all()).to.deep.equal(['Not ready after 10 s: app/flaky (restarting); not started yet: app/http']);
  });

  it('is named also if it has failed and does not stop the others', () => {
    const broken = task('broken', { initialize: () => failAfter(1), execute: () => NEVER });
    launchFor(20_000, [broken, slow('http', 1)], { ...silent, onFailure: 'continue' });
    expect(written.all()).to.deep.equal(['Not ready after 10 s: failed: broken']);
  });

  it('is named also if it is a custom runner', () => {
    launchFor(20_000, [wrapRunner(taskRunner(task('custom', { initialize: () => NEVER, execute: () => NEVER })))]);
    expect(written.all()).to.deep.equal(['Not ready after 10 s: custom (initialize)']);
  });

  it('is not named when it was ready before, or when the application stops before', () => {
    launchFor(20_000, [slow('db', 9999)]);
    launchFor(9999, [slow('db', 30_000)]);
    launchFor(20_000, [task('short', () => timer(1))]);
    expect(written.all()).to.deep.equal([]);
  });

  it('is not named by an application that is only subscribed', () => {
    virtually((_, scheduler) => {
      const running = orchestrate([slow('db', 30_000)], { scheduler }).subscribe();
      scheduler.schedule(() => running.unsubscribe(), 20_000);
      scheduler.flush();
    });
    expect(written.all()).to.deep.equal([]);
  });
});

describe('The `startTimeout` of an application', () => {
  it('fails a task whose `initialize` takes longer, and stops the application', async () => {
    const reports: Promise<unknown>[] = [];
    virtually((_, scheduler) => {
      const app = launch([slow('db', 30), slow('cache', 5)], {
        scheduler,
        startTimeout: 20,
        observer: () => undefined,
      });
      reports.push(
        app.then(({ outcomes, cause }) => {
          expect(outcomes.map(({ task: name, status, endedAt }) => [name, status, endedAt])).to.deep.equal([
            ['cache', 'cancelled', 20],
            ['db', 'failed', 20],
          ]);
          expect(String(cause)).to.include('db failed in initialize');
        }),
      );
      scheduler.flush();
    });
    await Promise.all(reports);
  });

  it('is not below 0', () => {
    expect(() => launch([], { startTimeout: -1 })).to.throw(RangeError, 'Expected `startTimeout`');
  });
});
