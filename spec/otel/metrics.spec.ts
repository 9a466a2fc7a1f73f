import { expect } from 'chai';
import { map, NEVER, timer } from 'rxjs';
import { cron, supervise, task, TaskError } from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { registeredSdk, runOf } from '../helpers/telemetry.js';
import { fail, fails, run } from './helpers.js';

describe('The metrics of telemetry', () => {
  const { sdk } = registeredSdk();

  const of = (name: string, kind = 'task') => ({ 'rxjs_tasks.task': name, 'rxjs_tasks.run.kind': kind });

  it('count runs, failures by the type of the error, and restarts', async () => {
    const broken = task('broken', () => timer(1).pipe(map(() => fail('no'))));
    run([task('x', () => 1), supervise(broken, { maxRestarts: 2, backoff: { initial: 1, jitter: 0 } })], 50, {
      onFailure: 'continue',
    });
    expect(await sdk.points('rxjs_tasks.runs')).to.deep.equal([
      [of('x'), 1],
      [of('broken'), 3],
    ]);
    expect(await sdk.points('rxjs_tasks.failures')).to.deep.equal([[{ ...of('broken'), 'error.type': 'Error' }, 3]]);
    expect(await sdk.points('rxjs_tasks.restarts')).to.deep.equal([[{ 'rxjs_tasks.task': 'broken' }, 2]]);
    expect(await sdk.points('rxjs_tasks.missed')).to.deep.equal([]);
    // The supervisor has no hooks, and is not measured.
    const durations = await sdk.points('rxjs_tasks.run.duration');
    expect(durations.map(([attributes]) => attributes['rxjs_tasks.task'])).to.deep.equal(['x', 'broken']);
  });

  it('count skipped slots by their reason, and missed slots', async () => {
    run(
      [
        cron(
          task('slow', () => timer(25)),
          10,
          { lastRun: -40, missed: 'runOnce' },
        ),
      ],
      30,
    );
    expect(await sdk.points('rxjs_tasks.skips')).to.deep.equal([
      [{ 'rxjs_tasks.task': 'slow', 'rxjs_tasks.reason': 'overlap' }, 2],
    ]);
    expect(await sdk.points('rxjs_tasks.missed')).to.deep.equal([[{ 'rxjs_tasks.task': 'slow' }, 3]]);
  });

  it('count a failure once, at its moment, even if `finalize` hangs', async () => {
    run([task('x', { execute: fails, finalize: () => NEVER })], 5, { timeout: 10 });
    expect(await sdk.points('rxjs_tasks.failures')).to.deep.equal([[{ ...of('x'), 'error.type': 'RangeError' }, 1]]);
  });

  it('measure the duration of runs in seconds, by their outcome', async () => {
    const job = task('job', ({ slot }) => (slot === 0 ? timer(250) : NEVER));
    run([cron(job, 1000)], 1500);
    expect(await sdk.points('rxjs_tasks.run.duration')).to.deep.equal([
      [{ ...of('job', 'slot'), 'rxjs_tasks.run.outcome': 'completed' }, 0.25],
      [{ ...of('job', 'slot'), 'rxjs_tasks.run.outcome': 'cancelled' }, 0.5],
      [{ ...of('job'), 'rxjs_tasks.run.outcome': 'cancelled' }, 1.5],
    ]);
  });

  it('count and measure a run once, from its first hook to its last', async () => {
    run([task('x', { initialize: () => timer(200), execute: () => timer(300), finalize: () => timer(500) })], 5000);
    expect(await sdk.points('rxjs_tasks.runs')).to.deep.equal([[of('x'), 1]]);
    expect(await sdk.points('rxjs_tasks.run.duration')).to.deep.equal([
      [{ ...of('x'), 'rxjs_tasks.run.outcome': 'completed' }, 1],
    ]);
  });

  it('measure the lateness of slots in seconds', async () => {
    run(
      [
        cron(
          task('slow', () => timer(1500)),
          1000,
          { overlap: 'bufferOne', maxRuns: 2 },
        ),
        task('x', () => 1),
      ],
      9000,
    );
    expect(await sdk.points('rxjs_tasks.slot.lateness')).to.deep.equal([[{ 'rxjs_tasks.task': 'slow' }, 0.5]]);
  });

  it('measure no negative lateness or duration after the clock was set back', async () => {
    const { wrapHook, onRunEnd } = telemetry();
    const clock = virtualClock(1000);
    const slot = { ...runOf({ slot: 5000, scheduler: clock }), startedAt: 1000 };
    wrapHook?.(slot, 'execute', () => clock.adjust(-500));
    onRunEnd?.(slot, { status: 'completed', startedAt: 1000, at: clock.now() });
    expect(await sdk.points('rxjs_tasks.slot.lateness')).to.deep.equal([[{ 'rxjs_tasks.task': 'x' }, 0]]);
    expect((await sdk.points('rxjs_tasks.run.duration')).map(([, seconds]) => seconds)).to.deep.equal([0]);
  });

  it('count a failure when it happens, and not again at the end of the run', async () => {
    const { wrapHook, onEvent, onRunEnd } = telemetry();
    const slot = runOf();
    const error = new TaskError('x', 'execute', new RangeError('no'));
    const failures = async () => (await sdk.points('rxjs_tasks.failures')).map(([, count]) => count);
    wrapHook?.(slot, 'execute', () => undefined);
    onEvent?.({ type: 'failed', task: 'x', runId: 1, at: 1, phase: 'execute', error }, slot);
    expect(await failures()).to.deep.equal([1]);
    onRunEnd?.(slot, { status: 'failed', error, startedAt: 0, at: 2 });
    expect(await failures()).to.deep.equal([1]);
  });

  it('count runs that a join no longer waits for as failures', async () => {
    run([task('x', { execute: () => NEVER, grace: 50 })], 5, { timeout: 10 });
    expect(await sdk.points('rxjs_tasks.failures')).to.deep.equal([[{ ...of('x'), 'error.type': 'timed-out' }, 1]]);
    const duration = { ...of('x'), 'rxjs_tasks.run.outcome': 'timed-out', 'error.type': 'timed-out' };
    expect(await sdk.points('rxjs_tasks.run.duration')).to.deep.equal([[duration, 0.015]]);
  });

  it('have their units and descriptions, and buckets from ms to hours', async () => {
    const flaky = supervise(
      task('x', () => fail('no')),
      { maxRestarts: 1, backoff: { initial: 1 } },
    );
    const slow = cron(
      task('slow', () => timer(25)),
      10,
      { lastRun: -40, missed: 'runOnce' },
    );
    run([flaky, slow], 30, { onFailure: 'continue' });
    const names = ['runs', 'failures', 'restarts', 'skips', 'missed', 'run.duration', 'slot.lateness'];
    const units = await Promise.all(names.map((name) => sdk.unit(`rxjs_tasks.${name}`)));
    expect(units).to.deep.equal(['{run}', '{run}', '{restart}', '{slot}', '{slot}', 's', 's']);
    expect(await sdk.undescribed()).to.deep.equal([]);
    for (const name of ['run.duration', 'slot.lateness'])
      expect(await sdk.boundaries(`rxjs_tasks.${name}`)).to.include.members([0.005, 1, 3600]);
  });
});
