import { expect } from 'chai';
import { NEVER, timer } from 'rxjs';
import { createApplication } from '../../lib/app/launch.js';
import { toRunners } from '../../lib/app/orchestrate.js';
import { warnOfSlowStop } from '../../lib/app/slow-stop.js';
import {
  launch,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  type LaunchOptions,
  type Runnable,
  type Task,
} from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { wrapRunner } from '../helpers/custom-runners.js';
import { failAfter } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

/** Takes some time to finalize. */
const slow = (name: string, ms: number): Task =>
  task(name, { execute: () => NEVER, finalize: () => (ms === Infinity ? NEVER : timer(ms)) });
const deaf = task('deaf', () => new Promise(() => undefined));

describe('A task that has not ended 5 s after the cancel of `runMain`', () => {
  const written = spyOnConsoleError();

  /** Runs tasks as `runMain` does, and stops them at 10 ms. */
  const stop = (runnables: Runnable[], options: LaunchOptions = {}) =>
    virtually((_, scheduler) => {
      const runners = toRunners(runnables);
      const app = createApplication(
        runners,
        { scheduler, observer: () => undefined, ...options },
        { onSlowStop: () => warnOfSlowStop(runners) },
      );
      const end = app.start();
      scheduler.schedule(() => void end.stop(), 10);
      scheduler.flush();
    });

  it('is named on the console, once, with the hook that it is in', () => {
    stop([slow('db', 15_000), slow('cache', 4999), deaf]);
    expect(written.all()).to.deep.equal(['Not ended 5 s after the cancel: db (finalize), deaf (execute)']);
  });

  it('is named by its path in a group, without the members that its group has not cancelled yet', () => {
    stop([ordered('app', slow('config', 1), parallel('data', slow('db', 6000), slow('cache', 5)), slow('http', 1))]);
    expect(written.all()).to.deep.equal(['Not ended 5 s after the cancel: app/data/db (finalize)']);
  });

  it('is named by its path also below `supervise`, and if it has failed', () => {
    const broken = task('broken', { execute: () => failAfter(1), finalize: () => timer(6000) });
    stop([supervise(slow('db', 6000)), broken]);
    expect(written.all()).to.deep.equal(['Not ended 5 s after the cancel: db (finalize), broken (finalize)']);
  });

  it('is named instead of the task that has started it', () => {
    const job = () => taskRunner(slow('job', 6000));
    const parent = task('parent', (ctx) => {
      for (const runner of [job(), job()]) runner.start(ctx).subscribe();
      return NEVER;
    });
    stop([parent]);
    expect(written.all()).to.deep.equal(['Not ended 5 s after the cancel: parent/job (finalize)']);
  });

  it('is named also if it is a custom runner', () => {
    stop([wrapRunner(taskRunner(slow('custom', 6000)))]);
    expect(written.all()).to.deep.equal(['Not ended 5 s after the cancel: custom (finalize)']);
  });

  it('is not counted from the request to stop, but from the cancel', () => {
    stop([slow('db', 4999)], { drainDelay: 10_000 });
    expect(written.all()).to.deep.equal([]);
  });

  it('is not named if the deadline comes first, or the application is another one', () => {
    stop([deaf], { timeout: 5000 });
    virtually((_, scheduler) => {
      const app = launch([deaf], { scheduler, observer: () => undefined });
      scheduler.schedule(() => void app.stop(), 10);
      scheduler.flush();
    });
    expect(written.all()).to.deep.equal([]);
  });
});
