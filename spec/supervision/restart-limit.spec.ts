import { expect } from 'chai';
import { of, Subject, timer } from 'rxjs';
import {
  critical,
  parallel,
  RestartLimitError,
  supervise,
  task,
  TaskError,
  withCancel,
  type TaskEvent,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { events, eventTypes, failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { boom, delaysOf, startRunner, taskOf } from './helpers.js';

describe('The restart limit of a supervised task', () => {
  spyOnConsoleError();

  const often = { initial: 10, factor: 1, jitter: 0 };

  it('is exceeded with an error whose cause is the last error', () => {
    const { clock, log, emitted, runner } = startRunner(() =>
      supervise(task('x', throwing()), { backoff: often, maxRestarts: 2, window: 1000 }),
    );
    clock.advance(100);
    expect(log.filter((line) => /restarting|done/.test(line))).to.deep.equal([
      '0: x restarting 1 in 10 (x failed in execute: boom)',
      '10: x restarting 2 in 10 (x failed in execute: boom)',
      '20: x done failed',
    ]);
    const { error } = outcomeOf(runner) ?? {};
    expect(emitted).to.deep.equal([error]);
    expect(error).to.be.instanceOf(RestartLimitError).and.instanceOf(TaskError);
    const { name, message, task: of, phase, suppressed, maxRestarts, window } = error as RestartLimitError;
    expect({ name, message, of, phase, suppressed, maxRestarts, window }).to.deep.equal({
      name: 'RestartLimitError',
      message: 'x ended for good after 2 restarts within 1000 ms: x failed in execute: boom',
      of: 'x',
      phase: 'execute',
      suppressed: [],
      maxRestarts: 2,
      window: 1000,
    });
    const last = error?.cause as TaskError;
    expect(last).to.be.instanceOf(TaskError).and.not.instanceOf(RestartLimitError);
    expect((last.cause as Error).message).to.equal('boom');
  });

  it('is exceeded with the phase of the last error', () => {
    let runs = 0;
    const runner = supervise(task('x', { initialize: () => throwing(++runs)(), execute: () => 1 }), {
      backoff: { initial: 0 },
      maxRestarts: 1,
    });
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(1);
    const { error } = outcomeOf(runner) ?? {};
    expect([error?.phase, (error?.cause as TaskError).cause, error?.message]).to.deep.equal([
      'initialize',
      2,
      'x ended for good after 1 restart within 60000 ms: x failed in initialize: 2',
    ]);
  });

  it('counts the restarts within the window', () => {
    // The task fails every 20 ms.
    const restarts = (maxRestarts: number, window: number) => {
      const { clock, runner } = startRunner((scheduler) =>
        supervise(
          task('x', () => failAfter(10, scheduler)),
          { backoff: often, maxRestarts, window },
        ),
      );
      const delays = delaysOf(runner);
      clock.advance(2000);
      return [runner.status, delays.length];
    };
    expect(restarts(2, 41)).to.deep.equal(['done', 2]);
    expect(restarts(2, 40)).to.deep.equal(['running', 100]);
    expect(restarts(1, 20)).to.deep.equal(['running', 100]);
    expect(restarts(1, 20.5)).to.deep.equal(['done', 1]);
    expect(restarts(1, 0)).to.deep.equal(['running', 100]);
    expect(restarts(7, Infinity)).to.deep.equal(['done', 7]);
  });

  it('uses a window that slides', () => {
    const lengths = [10, 80, 10, 80, 10, 10];
    const { clock, log } = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(lengths.shift() ?? NaN, scheduler)),
        { backoff: often, maxRestarts: 2, window: 100 },
      ),
    );
    clock.advance(1000);
    expect(log.filter((line) => /restarting|done/.test(line))).to.deep.equal([
      '10: x restarting 1 in 10 (x failed in execute: boom)',
      '100: x restarting 2 in 10 (x failed in execute: boom)',
      // The first one has left the window.
      '120: x restarting 3 in 10 (x failed in execute: boom)',
      '210: x restarting 4 in 10 (x failed in execute: boom)',
      // The restarts at 120 and 210 are within the window.
      '230: x restarting 5 in 10 (x failed in execute: boom)',
      '250: x done failed',
    ]);
  });

  it('is five restarts within 60 s by default', () => {
    const { clock, log } = startRunner(() => supervise(task('x', throwing()), { backoff: often }));
    clock.advance(1000);
    expect(log.filter((line) => line.includes('restarting'))).to.have.length(5);
    expect(log.at(-1)).to.equal('50: x done failed');
    const slow = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(10_000, scheduler)),
        { backoff: { initial: 0 } },
      ),
    );
    slow.clock.advance(59_999);
    expect(slow.log.at(-1)).to.equal('50000: x ready');
    slow.clock.advance(1);
    // The restart at 10 s counts until 70 s.
    expect(slow.log.at(-1)).to.equal('60000: x done failed');
    const slower = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(12_000, scheduler)),
        { backoff: { initial: 0 } },
      ),
    );
    slower.clock.advance(1e6);
    expect(slower.runner.status).to.equal('running');
  });

  it('allows no restart when it is 0', () => {
    virtually(({ cold, expectObservable }) => {
      const failed = supervise(taskOf(cold('-a#', undefined, new Error('boom'))), { maxRestarts: 0 });
      expectObservable(failed.start()).toBe('-a#', undefined, new RestartLimitError('x', 0, 60_000, boom()));
      expectObservable(supervise(taskOf(cold('-a|')), { maxRestarts: 0 }).start()).toBe('-a|');
    });
    const runner = supervise(task('x', throwing()), { maxRestarts: 0 });
    const delays = delaysOf(runner);
    const emitted = collect(runner.start());
    expect(delays).to.deep.equal([]);
    expect(emitted).to.deep.equal([outcomeOf(runner)?.error]);
    expect(emitted.map(String)).to.deep.equal([
      'RestartLimitError: x ended for good after 0 restarts within 60000 ms: x failed in execute: boom',
    ]);
  });

  it('allows any number of restarts when it is Infinity', () => {
    const { clock, log } = startRunner(() =>
      supervise(task('x', throwing()), { backoff: often, maxRestarts: Infinity, window: Infinity }),
    );
    clock.advance(10_000);
    expect(log.slice(-3)).to.deep.equal([
      '10000: x ready',
      '10000: x failed',
      '10000: x restarting 1001 in 10 (x failed in execute: boom)',
    ]);
  });

  it('counts clean ends that cause a restart, and then has no last error', () => {
    const { clock, log, emitted, runner } = startRunner((scheduler) =>
      supervise(
        task('x', () => timer(1, scheduler)),
        { restart: 'always', backoff: often, maxRestarts: 1, window: 50 },
      ),
    );
    clock.advance(100);
    expect(log).to.deep.equal(['0: x ready', '1: x restarting 1 in 10', '11: x ready', '12: x done failed']);
    const { error } = outcomeOf(runner) ?? {};
    expect(emitted).to.deep.equal([0, 0, error]);
    expect([String(error), error?.cause, error?.phase]).to.deep.equal([
      'RestartLimitError: x ended for good after 1 restart within 50 ms',
      undefined,
      'execute',
    ]);
  });

  it('does not add an error to the `restarting` event after a clean end', () => {
    const { clock, runner } = startRunner(() =>
      supervise(
        task('x', () => 1),
        { restart: 'always', backoff: often },
      ),
    );
    const emitted = events(runner);
    clock.advance(10);
    const [, { at, ...restarting }] = emitted as [TaskEvent, TaskEvent];
    expect(at).to.equal(10);
    expect(restarting).to.deep.equal({ type: 'restarting', task: 'x', runId: 2, restart: 2, delay: 10 });
    expect(restarting).to.not.have.property('error');
  });

  it('names a member of a group by its path', () => {
    const { clock, emitted } = startRunner(() => parallel('app', supervise(task('x', throwing()), { maxRestarts: 0 })));
    clock.advance(1);
    expect(emitted.map(String)).to.deep.equal([
      'RestartLimitError: app/x ended for good after 0 restarts within 60000 ms: app/x failed in execute: boom',
    ]);
  });

  it('is exceeded with an error of `finalize` as its cause alone when it stops the application', () => {
    const [ctx, cancel] = withCancel();
    const consumer = task('consumer', { execute: () => of(1), finalize: throwing() });
    const runner = critical(supervise(consumer, { restart: 'always', maxRestarts: 0 }));
    runner.start(ctx, cancel).subscribe({ error: () => undefined });
    const error = outcomeOf(runner)?.error;
    expect(error?.cause).to.include({ task: 'consumer', phase: 'finalize' });
    expect(error?.suppressed).to.deep.equal([]);
  });

  it('counts a failure at a `startTimeout` once, also when a listener of the failure ends the hook', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    let initialized = new Subject<never>();
    const slow = task('slow', { initialize: () => (initialized = new Subject()), startTimeout: 5, grace: 10 });
    const runner = supervise(slow, { maxRestarts: 1, backoff: { initial: 2 } });
    const types = eventTypes(runner);
    runner.events$.subscribe(({ type }) => {
      if (type === 'failed' && types.length < 5) initialized.complete();
    });
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(8);
    expect(types).to.deep.equal(['initializing', 'failed', 'finalizing', 'restarting', 'initializing']);
    // It has not failed for good.
    expect(collect(runner.ready$)).to.deep.equal([]);
    cancel();
  });
});
