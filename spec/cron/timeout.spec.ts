import { expect } from 'chai';
import { concat, interval, map, NEVER, Observable, of, takeUntil, timer } from 'rxjs';
import { cron, DeadlineError, launch, task, TaskError, type TaskEvent } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { startCron, takes } from '../helpers/start-cron.js';
import { deferred, events, settled, throwing } from '../helpers/tasks.js';

const failed = (slot: number) => `failed ${slot} TaskError: x failed in execute: Not done within 15 ms`;

describe('The cron option `timeout`', () => {
  it('cancels a run that takes longer and reports it as failed, and the schedule goes on', () => {
    const causes: unknown[] = [];
    const { clock, runner, log, ctx, cancel } = startCron(
      ({ cancelled$ }) => (cancelled$.subscribe((cause) => causes.push(cause)), NEVER),
      10,
      { timeout: 15 },
    );
    const runnerEvents = events(runner);
    clock.advance(36);
    expect(log).to.deep.equal([
      '0: started 0',
      '10: skipped 10 overlap',
      `15: ${failed(0)}`,
      '20: started 20',
      '30: skipped 30 overlap',
      `35: ${failed(20)}`,
    ]);
    const errors = runnerEvents.flatMap((event: TaskEvent) => (event.type === 'slot-failed' ? [event.error] : []));
    expect(causes).to.deep.equal(errors);
    for (const error of errors) {
      expect(error).to.be.instanceOf(TaskError).and.include({ task: 'x', phase: 'execute' });
      expect(error.cause).to.be.instanceOf(DeadlineError).and.include({ ms: 15 });
    }
    cancel();
    expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
  });

  it('does not affect a run that ends in time, and leaves no timer', () => {
    const { clock, log, emitted } = startCron(takes(14.9), 20, { timeout: 15, maxRuns: 2 });
    clock.advance(100);
    expect(log).to.deep.equal(['0: started 0', '20: started 20', '34.9: done completed']);
    expect([emitted, clock.timers]).to.deep.equal([[0, 20, 'complete'], 0]);
  });

  it('does not affect synchronous runs, failed or not', () => {
    const { clock, log } = startCron(
      ({ slot }) => {
        if (slot === 10) throw new Error('boom');
      },
      10,
      { timeout: 15, maxRuns: 3 },
    );
    clock.advance(100);
    expect(log).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '10: failed 10 TaskError: x failed in execute: boom',
      '20: started 20',
      '20: done completed',
    ]);
  });

  it('emits what a run yields until then, and nothing after', () => {
    const { clock, emitted, cancel } = startCron(
      ({ scheduler, slot }) => interval(4, scheduler).pipe(map((n) => [slot, n])),
      100,
      { timeout: 15 },
    );
    clock.advance(50);
    cancel();
    expect(emitted).to.deep.equal([[0, 0], [0, 1], [0, 2], 'complete']);
  });

  it('of Infinity sets no timer', () => {
    const { clock, log, cancel } = startCron(() => NEVER, 10, { timeout: Infinity, overlap: 'allowAll' });
    clock.advance(10);
    expect([log, clock.timers]).to.deep.equal([['0: started 0', '10: started 10'], 1]);
    cancel();
  });

  it('counts for each run from when its slot has its turn', () => {
    const { clock, log } = startCron(takes(14), 10, { timeout: 15, overlap: 'bufferAll', maxRuns: 4 });
    clock.advance(100);
    expect(log.filter((line) => !line.includes('skipped'))).to.deep.equal([
      '0: started 0',
      '14: started 10',
      '28: started 20',
      '42: started 30',
      '56: done completed',
    ]);
  });

  it('does not keep the schedule waiting for a promise that never settles', async () => {
    const { clock, log, emitted, cancel, ctx } = startCron(
      ({ slot }) => (slot === 0 ? new Promise(() => undefined) : slot),
      20,
      {
        timeout: 15,
      },
    );
    clock.advance(45);
    await settled();
    expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '20: started 20', '40: started 40']);
    cancel();
    expect([emitted, clock.timers, listenerCount(ctx)]).to.deep.equal([[20, 40, 'complete'], 0, 0]);
  });

  it('drops the result of a promise that settles later, with an event', async () => {
    const works = [deferred<string>(), deferred<string>(), deferred<string>()];
    let n = 0;
    const { clock, log, emitted } = startCron(() => works[n++]?.promise, 20, { timeout: 15, maxRuns: 3 });
    clock.advance(60);
    works[0]?.resolve('too late');
    works[1]?.reject(new Error('boom'));
    // The work respects its context.
    works[2]?.reject(new DOMException('Aborted', 'AbortError'));
    await settled();
    expect(log).to.deep.equal([
      '0: started 0',
      `15: ${failed(0)}`,
      '20: started 20',
      `35: ${failed(20)}`,
      '40: started 40',
      `55: ${failed(40)}`,
      '55: done completed',
      '60: dropped 0',
      '60: dropped 20 TaskError: x failed in execute: boom',
      '60: dropped 40',
    ]);
    expect(emitted).to.deep.equal(['complete']);
  });

  it('ends a run that cannot be interrupted as failed, once', async () => {
    const clock = virtualClock();
    const released = deferred<void>();
    const endless = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise<IteratorResult<number>>(() => undefined),
        return: async () => {
          await released.promise;
          return { done: true as const, value: undefined };
        },
      }),
    };
    const ends: string[] = [];
    const runner = cron(
      task('x', () => endless),
      100,
      { timeout: 15 },
    );
    const app = launch([runner], {
      scheduler: clock,
      observer: () => undefined,
      instrumentation: [{ onRunEnd: ({ slot }, { status }) => slot === 0 && ends.push(status) }],
    });
    clock.advance(15);
    released.resolve();
    await settled();
    expect([ends, runner.history.runs, runner.history.failures]).to.deep.equal([['failed'], 1, 1]);
    await app.stop();
  });

  it('calls `return()` of an async iterable without waiting for it, and drops what it still yields', async () => {
    const steps = [deferred<number>(), deferred<number>()];
    const closed = deferred<undefined>();
    let returned = 0;
    let n = 0;
    const iterable = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false as const, value: await steps[n++]?.promise }),
        return: async () => {
          returned++;
          return { done: true as const, value: await closed.promise };
        },
      }),
    };
    const { clock, log, emitted, cancel } = startCron(({ slot }) => (slot === 0 ? iterable : slot), 20, {
      timeout: 15,
    });
    steps[0]?.resolve(1);
    await settled();
    clock.advance(18);
    expect(returned).to.equal(1);
    steps[1]?.resolve(2);
    await settled();
    clock.advance(2);
    closed.resolve(undefined);
    await settled();
    cancel();
    expect(log).to.deep.equal([
      '0: started 0',
      `15: ${failed(0)}`,
      '18: dropped 0',
      '20: started 20',
      '20: done cancelled',
    ]);
    expect(emitted).to.deep.equal([1, 20, 'complete']);
  });

  describe('of a task with a grace', () => {
    it('waits for the grace and emits what the run yields within it', () => {
      const { clock, log, emitted, cancel } = startCron(
        { execute: ({ scheduler, slot }) => interval(4, scheduler).pipe(map((n) => [slot, n])), grace: 6 },
        20,
        { timeout: 15 },
      );
      clock.advance(30);
      cancel();
      clock.advance(10);
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '20: skipped 20 overlap', '30: done cancelled']);
      expect(emitted).to.deep.equal([[0, 0], [0, 1], [0, 2], [0, 3], [0, 4], 'complete']);
      expect(clock.timers).to.equal(0);
    });

    it('fails a run at the timeout, even if it ends by itself within the grace', () => {
      const { clock, log, emitted } = startCron({ ...{ execute: takes(18) }, grace: 6 }, 20, {
        timeout: 15,
        maxRuns: 1,
      });
      clock.advance(100);
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '18: done completed']);
      expect([emitted, clock.timers]).to.deep.equal([[0, 'complete'], 0]);
    });

    it('is counted from a cancel that came before the timeout', () => {
      const { clock, log, cancel } = startCron({ execute: () => NEVER, grace: 12 }, 100, { timeout: 15 });
      clock.advance(5);
      cancel();
      clock.advance(50);
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '17: done cancelled']);
      expect(clock.timers).to.equal(0);
    });

    it('keeps the deadline as the only error of a promise that rejects because of the timeout', async () => {
      const { clock, runner } = startCron(
        {
          execute: ({ signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError'))),
            ),
          grace: 6,
        },
        100,
        { timeout: 15, maxRuns: 1 },
      );
      const runnerEvents = events(runner);
      clock.advance(15);
      await settled();
      const errors = runnerEvents.flatMap((event) => (event.type === 'slot-failed' ? [event.error] : []));
      expect(errors.map(({ cause, suppressed }) => [String(cause), suppressed])).to.deep.equal([
        ['DeadlineError: Not done within 15 ms', []],
      ]);
    });

    it('leaves no timer when the run ends at the cancel itself', () => {
      const { clock, log } = startCron(
        { execute: ({ cancelled$ }) => NEVER.pipe(takeUntil(cancelled$)), grace: 6 },
        20,
        {
          timeout: 15,
          maxRuns: 1,
        },
      );
      clock.advance(15);
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: done completed']);
      expect(clock.timers).to.equal(0);
    });

    it('stops waiting for a promise after the grace', async () => {
      const work = deferred<string>();
      const { clock, log, emitted, cancel } = startCron(
        { execute: ({ slot }): Promise<string> | string => (slot === 0 ? work.promise : `at ${slot}`), grace: 6 },
        10,
        { timeout: 15 },
      );
      clock.advance(31);
      work.resolve('too late');
      await settled();
      cancel();
      expect(log).to.deep.equal([
        '0: started 0',
        '10: skipped 10 overlap',
        `15: ${failed(0)}`,
        '20: skipped 20 overlap',
        '30: started 30',
        '31: dropped 0',
        '31: done cancelled',
      ]);
      expect([emitted, clock.timers]).to.deep.equal([['at 30', 'complete'], 0]);
    });

    it('goes on after the grace even if an iterable does not return', async () => {
      const execute = ({ slot }: { slot?: number }): AsyncIterable<number> | number => {
        if (slot !== 0) return 1;
        const never = () => new Promise<never>(() => undefined);
        return { [Symbol.asyncIterator]: () => ({ next: never, return: never }) };
      };
      const { clock, log, cancel } = startCron({ execute, grace: 6 }, 25, { timeout: 15 });
      clock.advance(26);
      cancel();
      await settled();
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '25: started 25', '26: done cancelled']);
    });

    it('emits the value of a promise that settles within the grace', async () => {
      const work = deferred<string>();
      const { clock, log, emitted } = startCron({ execute: () => work.promise, grace: 6 }, 40, {
        timeout: 15,
        maxRuns: 1,
      });
      clock.advance(18);
      work.resolve('just so');
      await settled();
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '18: done completed']);
      expect([emitted, clock.timers]).to.deep.equal([['just so', 'complete'], 0]);
    });

    it('of Infinity waits without end', async () => {
      const { clock, log, cancel } = startCron({ execute: () => new Promise(() => undefined), grace: Infinity }, 10, {
        timeout: 15,
      });
      clock.advance(1000);
      expect(log.filter((line) => !line.includes('skipped'))).to.deep.equal(['0: started 0', `15: ${failed(0)}`]);
      cancel();
      expect(clock.timers).to.equal(0);
    });
  });

  it('keeps an error of interrupting the run as suppressed', () => {
    const { clock, runner } = startCron(() => new Observable(() => throwing()), 100, { timeout: 15 });
    const runnerEvents = events(runner);
    clock.advance(20);
    const error = runnerEvents.flatMap((event) => (event.type === 'slot-failed' ? [event.error] : []))[0];
    expect(error?.cause).to.be.instanceOf(DeadlineError);
    expect(error?.suppressed.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
  });

  it("ends the runner with its error for onError: 'stop'", () => {
    const { clock, emitted } = startCron(() => NEVER, 10, { timeout: 15, onError: 'stop' });
    clock.advance(100);
    expect(emitted).to.have.length(1);
    expect(emitted[0]).to.be.instanceOf(TaskError);
    expect((emitted[0] as Error).cause).to.be.instanceOf(DeadlineError);
    expect(clock.timers).to.equal(0);
  });

  for (const overlap of ['bufferOne', 'bufferAll', 'cancelOther'] as const) {
    it(`lets the waiting slot start, with overlap '${overlap}'`, () => {
      const { clock, log } = startCron(({ slot }) => (slot === 0 ? new Promise(() => undefined) : NEVER), 10, {
        timeout: 15,
        overlap,
      });
      clock.advance(15);
      expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: started 10']);
    });
  }

  it("limits each of several concurrent runs, with overlap 'allowAll'", () => {
    const { clock, log } = startCron(() => NEVER, 10, { timeout: 15, overlap: 'allowAll', maxRuns: 3 });
    clock.advance(100);
    expect(log).to.deep.equal([
      '0: started 0',
      '10: started 10',
      `15: ${failed(0)}`,
      '20: started 20',
      `25: ${failed(10)}`,
      `35: ${failed(20)}`,
      '35: done completed',
    ]);
  });

  it('limits how long a cancelled cron waits for a run that ignores its context', () => {
    const { clock, log, cancel, emitted } = startCron(() => new Promise(() => undefined), 10, { timeout: 15 });
    clock.advance(5);
    cancel();
    clock.advance(9);
    expect(log).to.deep.equal(['0: started 0']);
    clock.advance(1);
    expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: done cancelled']);
    expect([emitted.length, clock.timers]).to.deep.equal([1, 0]);
  });

  it('fails a run that ends at the same instant, because its timer was set first', () => {
    const { clock, log, emitted } = startCron(({ scheduler, slot }) => concat(timer(15, scheduler), of(slot)), 100, {
      timeout: 15,
      maxRuns: 1,
    });
    clock.advance(50);
    expect(log).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: done completed']);
    expect(emitted).to.deep.equal(['complete']);
  });
});
