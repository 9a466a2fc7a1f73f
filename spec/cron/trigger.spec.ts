import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { NEVER, throwError, timer } from 'rxjs';
import { cron, launch, NotRunningError, supervise, task, type SlotOutcome } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { startCron, takes } from '../helpers/start-cron.js';
import { rejectionOf } from '../helpers/rejection.js';
import { settled } from '../helpers/tasks.js';

/** Collects the outcomes of triggered runs, in the order of their ends. */
function collectOutcomes() {
  const outcomes: SlotOutcome[] = [];
  return { outcomes, add: (outcome: Promise<SlotOutcome>) => void outcome.then((each) => outcomes.push(each)) };
}

describe('The `trigger` of a cron', () => {
  it('runs the task now, between the slots of the schedule, which it does not move', async () => {
    const { clock, runner, log } = startCron(takes(3), 10);
    const { outcomes, add } = collectOutcomes();
    clock.advance(5);
    add(runner.trigger({ by: 'operator' }));
    clock.advance(20);
    await settled();
    expect(log).to.deep.equal([
      '0: started 0',
      '5: triggered 5 by operator',
      '5: started 5',
      '10: started 10',
      '20: started 20',
    ]);
    expect(outcomes).to.deep.equal([{ slot: 5, trigger: 'manual', status: 'completed', startedAt: 5, endedAt: 8 }]);
  });

  it('uses the resources of the one `initialize`, and emits the values with those of the schedule', async () => {
    const calls: string[] = [];
    const { clock, runner, emitted, cancel } = startCron(
      {
        initialize: () => calls.push('initialize'),
        execute: ({ slot }) => slot,
        finalize: () => calls.push('finalize'),
      },
      10,
    );
    clock.advance(4);
    await runner.trigger();
    cancel();
    expect(calls).to.deep.equal(['initialize', 'finalize']);
    expect(emitted).to.deep.equal([0, 4, 'complete']);
  });

  const overlapping: Record<string, readonly string[]> = {
    skip: ['2: triggered 2', '2: skipped 2 overlap', '10: started 10'],
    bufferOne: ['2: triggered 2', '6: started 2', '12: started 10'],
    bufferAll: ['2: triggered 2', '6: started 2', '12: started 10'],
    cancelOther: ['2: triggered 2', '2: started 2', '10: started 10'],
    allowAll: ['2: triggered 2', '2: started 2', '10: started 10'],
  };
  for (const [overlap, log] of Object.entries(overlapping))
    it(`obeys the overlap policy \`${overlap}\``, () => {
      const started = startCron(takes(6), 10, { overlap: overlap as 'skip', tolerance: 100 });
      started.clock.advance(2);
      void started.runner.trigger();
      started.clock.advance(11);
      expect(started.log).to.deep.equal(['0: started 0', ...log]);
    });

  it('resolves as skipped when the run is dropped, is replaced, or still waits at the stop', async () => {
    const skipping = startCron(() => NEVER, 10);
    expect(await skipping.runner.trigger()).to.deep.equal({
      slot: 0,
      trigger: 'manual',
      status: 'skipped',
      reason: 'overlap',
    });
    const waiting = startCron(() => NEVER, 10, { overlap: 'bufferOne' });
    const [first, second] = [waiting.runner.trigger(), waiting.runner.trigger()];
    waiting.cancel();
    expect((await first).reason).to.equal('ended');
    expect((await second).reason).to.equal('overlap');
  });

  it('resolves as failed with the error, as cancelled after a stop, and as failed after the timeout', async () => {
    const failing = startCron(() => throwError(() => new Error('boom')), 10, { immediate: false });
    failing.runner.events$.subscribe();
    const failed = await failing.runner.trigger();
    expect([failed.status, String(failed.error)]).to.deep.equal(['failed', 'TaskError: x failed in execute: boom']);

    const stopped = startCron(() => NEVER, 10, { immediate: false });
    const outcome = stopped.runner.trigger();
    stopped.clock.advance(3);
    stopped.cancel();
    expect(await outcome).to.deep.equal({
      slot: 0,
      trigger: 'manual',
      status: 'cancelled',
      startedAt: 0,
      endedAt: 3,
    });

    const slow = startCron(() => NEVER, 10, { immediate: false, timeout: 5 });
    slow.runner.events$.subscribe();
    const timedOut = slow.runner.trigger();
    slow.clock.advance(5);
    expect((await timedOut).error?.cause).to.have.property('name', 'DeadlineError');
  });

  it('resolves as cancelled when the application no longer waits for the run', async () => {
    const clock = virtualClock();
    const runner = cron(task('x', { execute: () => new Promise(() => undefined), grace: 100 }), 10, {
      immediate: false,
    });
    const app = launch([runner], { scheduler: clock, timeout: 5, observer: () => undefined });
    const outcome = runner.trigger();
    void app.stop();
    clock.advance(5);
    expect(await outcome).to.deep.equal({
      slot: 0,
      trigger: 'manual',
      status: 'cancelled',
      reason: 'timed-out',
      startedAt: 0,
      endedAt: 5,
    });
  });

  it('is joined: the cron ends when a triggered run has ended', async () => {
    const { clock, runner, cancel, log } = startCron(
      (ctx) => new Promise<void>((resolve) => timer(30, ctx.scheduler).subscribe(() => resolve())),
      100,
      { immediate: false },
    );
    const outcome = runner.trigger();
    clock.advance(10);
    cancel();
    expect(runner.status).to.equal('running');
    clock.advance(20);
    expect((await outcome).status).to.equal('cancelled');
    await settled();
    expect(log.at(-1)).to.equal('30: done cancelled');
  });

  it('needs no lease, and is not overdue', async () => {
    const requested: number[] = [];
    const { clock, runner, log } = startCron(takes(20), 10, {
      overlap: 'bufferOne',
      immediate: false,
      tolerance: 1,
      coordinator: { lease: (_, slot) => (requested.push(slot), NEVER) },
    });
    clock.advance(5);
    void runner.trigger();
    void runner.trigger();
    clock.advance(22);
    await settled();
    expect(requested).to.deep.equal([]);
    expect(log).to.deep.equal([
      '5: triggered 5',
      '5: started 5',
      '5: triggered 5',
      '10: skipped 10 overlap',
      '20: skipped 20 overlap',
      '25: started 5',
    ]);
  });

  it('rejects in an abort listener of the context whose cancel stops the cron', async () => {
    const { ctx, cancel, runner, log } = startCron(() => NEVER, 10, { immediate: false });
    const refused = new Promise((resolve) => {
      ctx.signal.addEventListener('abort', () => resolve(rejectionOf(runner.trigger())));
    });
    cancel();
    expect(await refused).to.be.instanceOf(NotRunningError);
    expect(log).to.deep.equal(['0: done cancelled']);
  });

  it('resolves as skipped, before the end, when a listener of `triggered` cancels the cron', async () => {
    const { runner, log, cancel } = startCron(() => NEVER, { next: () => 1e6 });
    runner.events$.subscribe(({ type }) => type === 'triggered' && cancel());
    expect(await runner.trigger()).to.include({ status: 'skipped', reason: 'ended' });
    expect(log).to.deep.equal(['0: triggered 0', '0: skipped 0 ended', '0: done cancelled']);
  });

  it('works while the cron is paused', async () => {
    const { runner } = startCron(({ slot }) => slot, 10, { immediate: false });
    runner.pause();
    expect((await runner.trigger()).status).to.equal('completed');
  });

  it('counts towards `maxRuns`', async () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 10, { maxRuns: 2 });
    clock.advance(1);
    await runner.trigger();
    expect(log).to.deep.equal(['0: started 0', '1: triggered 1', '1: started 1', '1: done completed']);
    expect(await rejectionOf(runner.trigger())).to.be.instanceOf(NotRunningError);
  });

  it('rejects unless the cron is running: idle, initializing, stopping, ended, or between restarts', async () => {
    const refusal = (runner: { trigger(): Promise<SlotOutcome> }) => rejectionOf(runner.trigger());
    const idle = cron(
      task('x', () => 1),
      10,
    );
    expect(String(await refusal(idle))).to.equal('NotRunningError: x is not running');

    const initializing = startCron({ initialize: () => NEVER, execute: () => 1 }, 10);
    expect(await refusal(initializing.runner)).to.be.instanceOf(NotRunningError);

    const stopping = startCron(() => new Promise(() => undefined), 10);
    stopping.cancel();
    expect(await refusal(stopping.runner)).to.be.instanceOf(NotRunningError);

    const ended = startCron(() => 1, 10);
    ended.cancel();
    expect(await refusal(ended.runner)).to.be.instanceOf(NotRunningError);

    const failing = cron(task('x', { execute: () => throwError(() => new Error('boom')) }), 10, { onError: 'stop' });
    const supervised = supervise(failing, { backoff: { initial: 1000 } });
    supervised.events$.subscribe();
    const run = supervised.start().subscribe();
    expect(await refusal(failing)).to.be.instanceOf(NotRunningError);
    run.unsubscribe();
  });

  it('runs its hooks in the async context of the call, also when it has waited', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const { clock, runner } = store.run('starter', () =>
      startCron(({ scheduler }) => (seen.push(store.getStore()), timer(5, scheduler)), 100, { overlap: 'bufferOne' }),
    );
    store.run('operator', () => void runner.trigger());
    clock.advance(5);
    store.run('other', () => clock.advance(200));
    expect(seen).to.deep.equal(['starter', 'operator', 'starter', 'starter']);
  });

  it('rejects for unknown options, and for a `by` that is no name', async () => {
    const { runner } = startCron(() => 1, 10);
    const refusal = (options: unknown) => rejectionOf(runner.trigger(options as never)).then(String);
    expect(await refusal({ who: 'me' })).to.include('TypeError: Expected an option of `trigger`, got `who`');
    expect(await refusal({ by: 1 })).to.equal('TypeError: Expected `by` to be a string, got `1` (number)');
    for (const by of ['', ' ', 'x'.repeat(201)])
      expect(await refusal({ by })).to.include('RangeError: Expected `by` to be a name of 1 to 200 characters');
  });
});
