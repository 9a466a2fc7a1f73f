import { expect } from 'chai';
import { concat, interval, map, NEVER, Observable, of, takeUntil, timer } from 'rxjs';
import { DeadlineError, TaskError, type TaskEvent } from '../../lib/index.js';
import { listenerCount } from '../helpers/collect.js';
import { lasting, play } from '../helpers/cron-story.js';
import { deferred, events, settled } from '../helpers/tasks.js';

const failed = (slot: number) => `failed ${slot} TaskError: x failed in execute: Not done within 15 ms`;

describe('cron: timeout', () => {
  it('cancels a run that takes longer, tells that it failed, and the schedule goes on', () => {
    const causes: unknown[] = [];
    const { machine, runner, story, ctx, cancel } = play(
      ({ cancelled$ }) => (cancelled$.subscribe((cause) => causes.push(cause)), NEVER),
      10,
      { timeout: 15 },
    );
    const told = events(runner);
    machine.advance(36);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: skipped 10 overlap',
      `15: ${failed(0)}`,
      '20: started 20',
      '30: skipped 30 overlap',
      `35: ${failed(20)}`,
    ]);
    const errors = told.flatMap((event: TaskEvent) => (event.type === 'slot-failed' ? [event.error] : []));
    expect(causes).to.deep.equal(errors);
    for (const error of errors) {
      expect(error).to.be.instanceOf(TaskError).and.include({ task: 'x', phase: 'execute' });
      expect(error.cause).to.be.instanceOf(DeadlineError).and.include({ ms: 15 });
    }
    cancel();
    expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
  });

  it('leaves a run alone that ends in time, its values as they are, and no timer', () => {
    const { machine, story, told } = play(lasting(14.9), 20, { timeout: 15, maxRuns: 2 });
    machine.advance(100);
    expect(story).to.deep.equal(['0: started 0', '20: started 20', '34.9: done completed']);
    expect([told, machine.timers]).to.deep.equal([[0, 20, 'complete'], 0]);
  });

  it('takes a synchronous run, and such as fails, for in time', () => {
    const { machine, story } = play(
      ({ slot }) => {
        if (slot === 10) throw new Error('boom');
      },
      10,
      { timeout: 15, maxRuns: 3 },
    );
    machine.advance(100);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '10: failed 10 TaskError: x failed in execute: boom',
      '20: started 20',
      '20: done completed',
    ]);
  });

  it('delivers what a run yields until then, and nothing after', () => {
    const { machine, told, cancel } = play(
      ({ scheduler, slot }) => interval(4, scheduler).pipe(map((n) => [slot, n])),
      100,
      { timeout: 15 },
    );
    machine.advance(50);
    cancel();
    expect(told).to.deep.equal([[0, 0], [0, 1], [0, 2], 'complete']);
  });

  it('of Infinity never comes', () => {
    const { machine, story, cancel } = play(() => NEVER, 10, { timeout: Infinity, overlap: 'allowAll' });
    machine.advance(10);
    expect([story, machine.timers]).to.deep.equal([['0: started 0', '10: started 10'], 1]);
    cancel();
  });

  it('counts from when the slot gets its turn, for each run anew', () => {
    const { machine, story } = play(lasting(14), 10, { timeout: 15, overlap: 'bufferAll', maxRuns: 4 });
    machine.advance(100);
    expect(story.filter((line) => !line.includes('skipped'))).to.deep.equal([
      '0: started 0',
      '14: started 10',
      '28: started 20',
      '42: started 30',
      '56: done completed',
    ]);
  });

  it('does not keep the schedule waiting for a promise that never settles', async () => {
    const { machine, story, told, cancel, ctx } = play(
      ({ slot }) => (slot === 0 ? new Promise(() => undefined) : slot),
      20,
      {
        timeout: 15,
      },
    );
    machine.advance(45);
    await settled();
    expect(story).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '20: started 20', '40: started 40']);
    cancel();
    expect([told, machine.timers, listenerCount(ctx)]).to.deep.equal([[20, 40, 'complete'], 0, 0]);
  });

  it('a promise that settles later is a `late` event, and its value is not delivered', async () => {
    const works = [deferred<string>(), deferred<string>(), deferred<string>()];
    let n = 0;
    const { machine, story, told } = play(() => works[n++]?.promise, 20, { timeout: 15, maxRuns: 3 });
    machine.advance(60);
    works[0]?.resolve('too late');
    works[1]?.reject(new Error('boom'));
    // It heeds its context.
    works[2]?.reject(new DOMException('Aborted', 'AbortError'));
    await settled();
    expect(story).to.deep.equal([
      '0: started 0',
      `15: ${failed(0)}`,
      '20: started 20',
      `35: ${failed(20)}`,
      '40: started 40',
      `55: ${failed(40)}`,
      '55: done completed',
      '60: dropped 0',
      '60: dropped 20 TaskError: x failed in execute: boom',
    ]);
    expect(told).to.deep.equal(['complete']);
  });

  it('an async iterable has `return()` called, is not waited for, and what it still yields is late', async () => {
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
    const { machine, story, told, cancel } = play(({ slot }) => (slot === 0 ? iterable : slot), 20, { timeout: 15 });
    steps[0]?.resolve(1);
    await settled();
    machine.advance(18);
    expect(returned).to.equal(1);
    steps[1]?.resolve(2);
    await settled();
    machine.advance(2);
    closed.resolve(undefined);
    await settled();
    cancel();
    expect(story).to.deep.equal([
      '0: started 0',
      `15: ${failed(0)}`,
      '18: dropped 0',
      '20: started 20',
      '20: done cancelled',
    ]);
    expect(told).to.deep.equal([1, 20, 'complete']);
  });

  describe('of a task with grace', () => {
    it('waits for it, and delivers what comes within', () => {
      const { machine, story, told, cancel } = play(
        { execute: ({ scheduler, slot }) => interval(4, scheduler).pipe(map((n) => [slot, n])), grace: 6 },
        20,
        { timeout: 15 },
      );
      machine.advance(30);
      cancel();
      machine.advance(10);
      expect(story).to.deep.equal(['0: started 0', '20: skipped 20 overlap', `21: ${failed(0)}`, '30: done cancelled']);
      expect(told).to.deep.equal([[0, 0], [0, 1], [0, 2], [0, 3], [0, 4], 'complete']);
      expect(machine.timers).to.equal(0);
    });

    it('ends it when it ends by itself, and is a failure all the same', () => {
      const { machine, story, told } = play({ ...{ execute: lasting(18) }, grace: 6 }, 20, { timeout: 15, maxRuns: 1 });
      machine.advance(100);
      expect(story).to.deep.equal(['0: started 0', `18: ${failed(0)}`, '18: done completed']);
      expect([told, machine.timers]).to.deep.equal([[0, 'complete'], 0]);
    });

    it('leaves no timer when the run ends at the cancel itself', () => {
      const { machine, story } = play(
        { execute: ({ cancelled$ }) => NEVER.pipe(takeUntil(cancelled$)), grace: 6 },
        20,
        {
          timeout: 15,
          maxRuns: 1,
        },
      );
      machine.advance(15);
      expect(story).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: done completed']);
      expect(machine.timers).to.equal(0);
    });

    it('gives a promise up when it is over', async () => {
      const work = deferred<string>();
      const { machine, story, told, cancel } = play(
        { execute: ({ slot }): Promise<string> | string => (slot === 0 ? work.promise : `at ${slot}`), grace: 6 },
        10,
        { timeout: 15 },
      );
      machine.advance(31);
      work.resolve('too late');
      await settled();
      cancel();
      expect(story).to.deep.equal([
        '0: started 0',
        '10: skipped 10 overlap',
        '20: skipped 20 overlap',
        `21: ${failed(0)}`,
        '30: started 30',
        '31: dropped 0',
        '31: done cancelled',
      ]);
      expect([told, machine.timers]).to.deep.equal([['at 30', 'complete'], 0]);
    });

    it('goes on after it though an iterable does not return', async () => {
      const execute = ({ slot }: { slot?: number }): AsyncIterable<number> | number => {
        if (slot !== 0) return 1;
        const never = () => new Promise<never>(() => undefined);
        return { [Symbol.asyncIterator]: () => ({ next: never, return: never }) };
      };
      const { machine, story, cancel } = play({ execute, grace: 6 }, 25, { timeout: 15 });
      machine.advance(26);
      cancel();
      await settled();
      expect(story).to.deep.equal(['0: started 0', `21: ${failed(0)}`, '25: started 25', '26: done cancelled']);
    });

    it('takes the value of a promise that settles within', async () => {
      const work = deferred<string>();
      const { machine, story, told } = play({ execute: () => work.promise, grace: 6 }, 40, { timeout: 15, maxRuns: 1 });
      machine.advance(18);
      work.resolve('just so');
      await settled();
      expect(story).to.deep.equal(['0: started 0', `18: ${failed(0)}`, '18: done completed']);
      expect([told, machine.timers]).to.deep.equal([['just so', 'complete'], 0]);
    });

    it('of Infinity waits for ever, as it says', async () => {
      const { machine, story, cancel } = play({ execute: () => new Promise(() => undefined), grace: Infinity }, 10, {
        timeout: 15,
      });
      machine.advance(1000);
      expect(story.filter((line) => !line.includes('skipped'))).to.deep.equal(['0: started 0']);
      cancel();
      expect(machine.timers).to.equal(0);
    });
  });

  it('keeps an error of the cut itself beside its own', () => {
    const { machine, runner } = play(
      () =>
        new Observable(() => () => {
          throw new Error('boom');
        }),
      100,
      { timeout: 15 },
    );
    const told = events(runner);
    machine.advance(20);
    const error = told.flatMap((event) => (event.type === 'slot-failed' ? [event.error] : []))[0];
    expect(error?.cause).to.be.instanceOf(DeadlineError);
    expect(error?.suppressed.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
  });

  it("ends the runner with that error for onError: 'stop'", () => {
    const { machine, told } = play(() => NEVER, 10, { timeout: 15, onError: 'stop' });
    machine.advance(100);
    expect(told).to.have.length(1);
    expect(told[0]).to.be.instanceOf(TaskError);
    expect((told[0] as Error).cause).to.be.instanceOf(DeadlineError);
    expect(machine.timers).to.equal(0);
  });

  for (const overlap of ['bufferOne', 'bufferAll', 'cancelOther'] as const) {
    it(`lets the slot that waits have its turn, with overlap '${overlap}'`, () => {
      const { machine, story } = play(({ slot }) => (slot === 0 ? new Promise(() => undefined) : NEVER), 10, {
        timeout: 15,
        overlap,
      });
      machine.advance(15);
      expect(story).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: started 10']);
    });
  }

  it("bounds each of the runs that go side by side, with 'allowAll'", () => {
    const { machine, story } = play(() => NEVER, 10, { timeout: 15, overlap: 'allowAll', maxRuns: 3 });
    machine.advance(100);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: started 10',
      `15: ${failed(0)}`,
      '20: started 20',
      `25: ${failed(10)}`,
      `35: ${failed(20)}`,
      '35: done completed',
    ]);
  });

  it('bounds the end of a cancelled cron whose run does not heed it', () => {
    const { machine, story, cancel, told } = play(() => new Promise(() => undefined), 10, { timeout: 15 });
    machine.advance(5);
    cancel();
    machine.advance(9);
    expect(story).to.deep.equal(['0: started 0']);
    machine.advance(1);
    expect(story).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: done cancelled']);
    expect([told.length, machine.timers]).to.deep.equal([1, 0]);
  });

  it('lets a run be that ends with it at the same instant', () => {
    const { machine, story, told } = play(({ scheduler, slot }) => concat(timer(15, scheduler), of(slot)), 100, {
      timeout: 15,
      maxRuns: 1,
    });
    machine.advance(50);
    // The limit was set before.
    expect(story).to.deep.equal(['0: started 0', `15: ${failed(0)}`, '15: done completed']);
    expect(told).to.deep.equal(['complete']);
  });
});
