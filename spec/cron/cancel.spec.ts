import { expect } from 'chai';
import { concat, map, NEVER, Observable, of, take, throwError, timer } from 'rxjs';
import {
  cron,
  launch,
  launchRunner,
  task,
  taskRunner,
  withCancel,
  type CancelFunc,
  type CronOptions,
  type RunContext,
  type TaskEvent,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { overlapPolicies, slotEvents, startCron, takes } from '../helpers/start-cron.js';
import { deferred, outcomeOf, settled } from '../helpers/tasks.js';

describe('Cancelling a cron', () => {
  it('skips the waiting slots in order and ends with the current run', () => {
    const { clock, log, emitted, cancel, ctx } = startCron(() => NEVER, 10, { overlap: 'bufferAll', tolerance: 15 });
    clock.advance(33);
    cancel('enough');
    expect(log).to.deep.equal([
      '0: started 0',
      '25: overdue 10 by 15',
      '33: skipped 10 ended',
      '33: skipped 20 ended',
      '33: skipped 30 ended',
      '33: done cancelled',
    ]);
    expect([emitted, clock.timers, listenerCount(ctx)]).to.deep.equal([['complete'], 0, 0]);
    clock.advance(1000);
    expect(log).to.have.length(6);
  });

  it('begins for all tasks at the failure of a run, although the other runs have grace', async () => {
    const clock = virtualClock();
    const failing = cron(
      task('x', {
        execute: ({ slot }) => (slot === 10 ? throwError(() => new Error('boom')) : new Promise(() => undefined)),
        grace: 100,
      }),
      10,
      { onError: 'stop', overlap: 'allowAll' },
    );
    const server = taskRunner(task('server', () => NEVER));
    const app = launch([failing, server], { scheduler: clock, observer: () => undefined });
    clock.advance(10);
    expect([failing.status, outcomeOf(server)?.status]).to.deep.equal(['running', 'cancelled']);
    clock.advance(100);
    expect((await app).outcomes.map(({ status }) => status)).to.deep.equal(['cancelled', 'failed']);
  });

  it('lists the children of its runs that have not ended at the deadline', async () => {
    const clock = virtualClock();
    const child = task('child', { finalize: () => NEVER });
    const runner = cron(
      task('x', (ctx, cancel) => void launchRunner(ctx, cancel, taskRunner(child))),
      10,
    );
    const app = launch([runner], { scheduler: clock, timeout: 5, observer: () => undefined });
    const report = app.stop();
    clock.advance(5);
    const [outcome] = (await report).outcomes;
    expect(outcome?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal(['x/child timed-out']);
  });

  it('cancels all current runs with its cause and awaits them before finalize', () => {
    const causes: unknown[] = [];
    const hooks: string[] = [];
    const { clock, log, emitted, cancel, ctx } = startCron(
      {
        execute: ({ cancelled$, slot }) => (cancelled$.subscribe((cause) => causes.push([slot, cause])), NEVER),
        finalize: () => hooks.push('finalize'),
        grace: 7,
      },
      10,
      { overlap: 'allowAll' },
    );
    clock.advance(25);
    cancel('enough');
    expect(causes).to.deep.equal([
      [0, 'enough'],
      [10, 'enough'],
      [20, 'enough'],
    ]);
    clock.advance(6.9);
    expect([hooks, emitted]).to.deep.equal([[], []]);
    clock.advance(0.1);
    expect([hooks, emitted]).to.deep.equal([['finalize'], ['complete']]);
    expect(log.slice(3)).to.deep.equal(['32: done cancelled']);
    expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
  });

  it('awaits each pending promise', async () => {
    const works = [deferred<string>(), deferred<string>()];
    let n = 0;
    const { clock, emitted, cancel } = startCron(() => works[n++]?.promise, 10, { overlap: 'allowAll' });
    clock.advance(15);
    cancel();
    works[1]?.resolve('b');
    await settled();
    expect(emitted).to.deep.equal(['b']);
    works[0]?.reject(new Error('boom'));
    await settled();
    expect(emitted).to.deep.equal(['b', 'complete']);
  });

  it('reports a run that fails meanwhile and still ends the cron as cancelled', async () => {
    const work = deferred<string>();
    const { log, cancel, runner } = startCron(() => work.promise, 10);
    cancel();
    work.reject(new Error('boom'));
    await settled();
    expect(log).to.deep.equal([
      '0: started 0',
      '0: failed 0 TaskError: x failed in execute: boom',
      '0: done cancelled',
    ]);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('does not wait for the next slot', () => {
    const { clock, emitted, cancel } = startCron(() => 1, '0 0 1 1 *');
    expect(clock.timers).to.equal(1);
    cancel();
    expect([emitted, clock.timers]).to.deep.equal([['complete'], 0]);
  });

  it('reports the slots that it no longer catches up with as one missed event', () => {
    const { clock, log, cancel } = startCron(takes(5), 10, { lastRun: -1000, missed: 'runAll', tolerance: 2000 });
    clock.advance(7);
    cancel();
    expect(log).to.deep.equal(['0: started -990', '5: started -980', '7: missed -970 ×98', '7: done cancelled']);
  });

  it('ends the catching up in the middle of synchronous runs', () => {
    const slots: (number | undefined)[] = [];
    const { log, emitted } = startCron(
      ({ slot }, cancel) => {
        slots.push(slot);
        if (slot === -30) cancel();
        return slot;
      },
      10,
      { lastRun: -50, missed: 'runAll', tolerance: 100 },
    );
    expect(slots).to.deep.equal([-40, -30]);
    expect(log).to.deep.equal(['0: started -40', '0: started -30', '0: missed -20 ×3', '0: done cancelled']);
    expect(emitted.at(-1)).to.equal('complete');
  });

  describe('from inside execute', () => {
    for (const overlap of overlapPolicies) {
      it(`ends the schedule, with overlap '${overlap}'`, () => {
        const { clock, log, emitted, ctx } = startCron(
          ({ slot }, cancel) => {
            if (slot === 20) cancel();
            return slot;
          },
          10,
          { overlap },
        );
        clock.advance(100);
        expect(log).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '20: done cancelled']);
        expect(emitted.slice(0, 2)).to.deep.equal([0, 10]);
        expect([emitted.at(-1), clock.timers, listenerCount(ctx)]).to.deep.equal(['complete', 0, 0]);
      });

      it(`cancels the other runs and skips the waiting slots, with overlap '${overlap}'`, () => {
        let stop: CancelFunc | undefined;
        const { clock, log, ctx } = startCron(
          ({ scheduler, slot }, cancel) => {
            stop ??= cancel;
            return slot === 0 ? timer(35, scheduler).pipe(map(() => (stop?.(), slot))) : NEVER;
          },
          10,
          { overlap },
        );
        clock.advance(100);
        if (overlap === 'cancelOther') stop?.();
        expect(log.at(-1)).to.match(/done cancelled$/);
        const accounted = log.filter((line) => / (started|skipped) /.test(line)).map((line) => line.split(' ')[2]);
        expect(
          accounted
            .map(Number)
            .sort((a, b) => a - b)
            .slice(0, 4),
        ).to.deep.equal([0, 10, 20, 30]);
        expect(new Set(accounted).size).to.equal(accounted.length);
        expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
      });
    }
  });

  describe('by unsubscribing', () => {
    it('at a value ends the cron together with the run', () => {
      for (const overlap of overlapPolicies) {
        const clock = virtualClock();
        const [ctx] = withCancel(undefined, { scheduler: clock });
        const runner = cron(
          task('x', ({ slot }) => concat(of(slot), NEVER)),
          10,
          { overlap },
        );
        const log = slotEvents(runner);
        const emitted: unknown[] = [];
        runner
          .start(ctx)
          .pipe(take(1))
          .subscribe((slot) => emitted.push(slot));
        clock.advance(100);
        expect([emitted, log], overlap).to.deep.equal([[0], ['0: started 0', '0: done cancelled']]);
        expect([clock.timers, listenerCount(ctx), runner.status]).to.deep.equal([0, 0, 'done']);
      }
    });

    it('while slots wait skips them', () => {
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const executed: (number | undefined)[] = [];
      const runner = cron(
        task('x', (run) => (executed.push(run.slot), takes(35)(run))),
        10,
        { overlap: 'bufferAll' },
      );
      const log = slotEvents(runner);
      runner.start(ctx).pipe(take(1)).subscribe();
      clock.advance(100);
      expect(executed).to.deep.equal([0]);
      expect(log.slice(1)).to.deep.equal([
        '35: skipped 10 ended',
        '35: skipped 20 ended',
        '35: skipped 30 ended',
        '35: done cancelled',
      ]);
    });
  });

  describe('from a listener of its events', () => {
    interface EventCase {
      readonly type: TaskEvent['type'];
      readonly nth?: number;
      readonly options: CronOptions;
      /** The duration of the run of the slot of 0, in ms. Default: without end. */
      readonly first?: number;
      readonly grace?: number;
    }
    const boom = () => throwError(() => new Error('boom'));
    const cases: Record<string, EventCase> = {
      'a slot-started event': { type: 'slot-started', nth: 2, options: { overlap: 'allowAll' } },
      'the start of a slot that has waited, while others wait': {
        type: 'slot-started',
        nth: 2,
        options: { overlap: 'bufferAll' },
        first: 35,
      },
      'a slot skipped because of another run': { type: 'skipped', options: {} },
      'a waiting slot skipped because of the next one': {
        type: 'skipped',
        options: { overlap: 'cancelOther' },
        grace: 25,
      },
      'a slot skipped because of the next one while it waits for its lease': {
        type: 'skipped',
        options: { overlap: 'cancelOther', coordinator: { lease: () => NEVER } },
      },
      'a refused slot': { type: 'skipped', options: { coordinator: { lease: () => of(false) } } },
      'a refused slot while others wait': {
        type: 'skipped',
        options: { overlap: 'bufferAll', coordinator: { lease: (_, slot) => of(slot === 0) } },
        first: 35,
      },
      'a slot whose coordinator fails': { type: 'skipped', options: { coordinator: { lease: boom } } },
      'a slot whose coordinator does not answer in time while others wait': {
        type: 'skipped',
        options: { overlap: 'bufferAll', timeout: 35, coordinator: { lease: () => NEVER } },
      },
      'the first of several slots skipped at the end': {
        type: 'skipped',
        options: { overlap: 'bufferAll', maxRuns: 2 },
        first: 35,
      },
      'a missed event after which the latest slot runs': {
        type: 'missed',
        options: { lastRun: -100, missed: 'runOnce' },
      },
      'a missed event': { type: 'missed', options: { lastRun: -105, tolerance: 1 } },
      'an overdue slot that waits for its turn': { type: 'overdue', options: { overlap: 'bufferAll', tolerance: 15 } },
      'a slot that is overdue at its start': {
        type: 'overdue',
        options: { lastRun: -105, missed: 'runOnce', tolerance: 1 },
      },
      'a slot that is overdue while it waits for its lease': {
        type: 'overdue',
        options: { overlap: 'bufferAll', tolerance: 5, coordinator: { lease: () => NEVER } },
      },
      'an overdue slot that is caught up with': {
        type: 'overdue',
        nth: 2,
        options: { lastRun: -100, missed: 'runAll', tolerance: 1 },
      },
      'a failed run': { type: 'slot-failed', options: { timeout: 12 } },
      'a failed run while one slot waits': { type: 'slot-failed', options: { timeout: 12, overlap: 'bufferAll' } },
      'a failed run while several slots wait': { type: 'slot-failed', options: { timeout: 35, overlap: 'bufferAll' } },
      'a failed run among other runs': { type: 'slot-failed', options: { timeout: 35, overlap: 'allowAll' } },
      'a failed run while others are caught up with': {
        type: 'slot-failed',
        options: { timeout: 12, lastRun: -105, missed: 'runAll' },
      },
    };
    for (const [title, { type, nth = 1, options, first, grace = 0 }] of Object.entries(cases)) {
      it(`at ${title} starts no further run and accounts for each slot once`, () => {
        const clock = virtualClock();
        const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
        const executed: (number | undefined)[] = [];
        const execute = (run: RunContext) => {
          executed.push(run.slot);
          return run.slot === 0 && first === undefined ? NEVER : takes(run.slot === 0 ? (first ?? 0) : 25)(run);
        };
        const runner = cron(task('x', { execute, grace }), 10, options);
        const log = slotEvents(runner);
        const startedSlots = () => log.filter((line) => line.includes(': started ')).length;
        let n = 0;
        let before: { readonly executed: readonly unknown[]; readonly started: number } | undefined;
        runner.events$.subscribe((event) => {
          if (event.type !== type || ++n !== nth) return;
          before = { executed: [...executed], started: startedSlots() };
          cancel();
        });
        const emitted: unknown[] = [];
        runner.start(ctx).subscribe({ complete: () => emitted.push('complete') });
        clock.advance(100);
        expect(before, 'It never happens').not.to.equal(undefined);
        expect(executed).to.deep.equal(before?.executed);
        expect(startedSlots()).to.equal(before?.started);
        expect([emitted, log.at(-1)?.replace(/^\d+: /, '')]).to.deep.equal([['complete'], 'done cancelled']);
        const slots = log.flatMap((line) => {
          const [, slot, count = '1'] = /(?:started|skipped|missed) (-?\d+)(?: ×(\d+))?/.exec(line) ?? [];
          return slot === undefined ? [] : Array.from({ length: Number(count) }, (_, k) => Number(slot) + 10 * k);
        });
        slots.sort((a, b) => a - b);
        expect(slots).to.deep.equal(slots.map((_, k) => (slots[0] ?? NaN) + 10 * k));
        expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
      });
    }
  });

  it('from a listener of its events emits nothing after the end', () => {
    const types = ['slot-started', 'missed', 'overdue', 'skipped'] as const;
    for (const type of types) {
      for (const overlap of overlapPolicies) {
        const { clock, runner, log, cancel } = startCron(takes(15), 10, {
          overlap,
          missed: 'runOnce',
          tolerance: 3,
        });
        runner.events$.subscribe((event) => event.type === type && clock.now() > 0 && cancel());
        clock.advance(5);
        clock.adjust(45);
        clock.advance(100);
        cancel();
        expect(log.at(-1), `${overlap}, ${type}`).to.match(/done cancelled$/);
      }
    }
  });

  it('in initialize runs no slot', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const runner = cron(task('x', { initialize: () => cancel(), execute: () => expect.fail('It runs') }), 10);
    const log = slotEvents(runner);
    runner.start(ctx).subscribe();
    clock.advance(50);
    expect([log, clock.timers]).to.deep.equal([['0: done cancelled'], 0]);
  });

  it('at its ready event runs no slot', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const runner = cron(
      task('x', () => expect.fail('It runs')),
      10,
    );
    const log = slotEvents(runner);
    runner.events$.subscribe(({ type }) => type === 'ready' && cancel());
    runner.start(ctx).subscribe();
    clock.advance(50);
    expect([log, clock.timers, listenerCount(ctx)]).to.deep.equal([['0: done cancelled'], 0, 0]);
  });

  it('from its Schedule while the next slot is computed ends it, with and without jitter', () => {
    for (const jitter of [0, 5]) {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const runner = cron(
        task('x', () => 1),
        { next: (after) => (after >= 20 && cancel(), after + 10) },
        { jitter },
      );
      const log = slotEvents(runner);
      runner.start(ctx).subscribe();
      clock.advance(100);
      expect(log.at(-1)).to.match(/done cancelled$/);
      expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
    }
  });

  it('from its coordinator while that is asked runs no slot', () => {
    for (const overlap of overlapPolicies) {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const runner = cron(
        task('x', () => expect.fail('It runs')),
        10,
        { overlap, coordinator: { lease: () => (cancel(), of(true)) } },
      );
      const log = slotEvents(runner);
      runner.start(ctx).subscribe();
      clock.advance(100);
      expect(log, overlap).to.deep.equal(['0: skipped 0 ended', '0: done cancelled']);
      expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
    }
  });

  it('twice has the effect of once', () => {
    const { clock, log, cancel } = startCron({ execute: () => NEVER, grace: 5 }, 10, { overlap: 'bufferAll' });
    clock.advance(12);
    cancel('first');
    cancel('second');
    clock.advance(50);
    expect(log).to.deep.equal(['0: started 0', '12: skipped 10 ended', '17: done cancelled']);
  });

  it('after a thousand runs finds no more listeners on the context than after one, and removes them', () => {
    const { clock, ctx, cancel } = startCron(takes(5), 10, { overlap: 'allowAll', timeout: 8, tolerance: 3 });
    clock.advance(5);
    const listeners = listenerCount(ctx);
    clock.advance(10_000);
    expect([listenerCount(ctx), clock.timers]).to.deep.equal([listeners, 1]);
    cancel();
    expect([listenerCount(ctx), clock.timers]).to.deep.equal([0, 0]);
  });

  it('unsubscribes the Observable of each run once', () => {
    let open = 0;
    let opened = 0;
    const { clock, cancel } = startCron(
      () =>
        new Observable(() => {
          open++;
          opened++;
          return () => {
            open--;
          };
        }),
      10,
      { overlap: 'allowAll' },
    );
    clock.advance(55);
    cancel();
    expect([open, opened]).to.deep.equal([0, 6]);
  });
});

describe('A cron that has ended', () => {
  it('can be started again by a listener of done$', () => {
    const { clock, runner, ctx, emitted } = startCron(() => 1, 10, { maxRuns: 1 });
    const again: unknown[] = [];
    runner.done$.subscribe(() => runner.start(ctx).subscribe((value) => again.push(value)));
    clock.advance(100);
    expect([emitted, again]).to.deep.equal([[1, 'complete'], [1]]);
  });
});
