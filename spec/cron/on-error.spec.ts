import { expect } from 'chai';
import { map, Observable, Subject, timer } from 'rxjs';
import type { CronOptions, RunContext } from '../../lib/index.js';
import { listenerCount } from '../helpers/collect.js';
import { startCron } from '../helpers/start-cron.js';
import { deferred, settled } from '../helpers/tasks.js';

describe('The cron option `onError`', () => {
  const failsAt =
    (failing: number, ms: number) =>
    ({ slot, scheduler }: RunContext) =>
      timer(ms, scheduler).pipe(
        map(() => {
          if (slot === failing) throw new Error('boom');
          return slot;
        }),
      );

  it("lets the schedule go on by default and with 'continue'", () => {
    for (const options of [{}, { onError: 'continue' }] satisfies CronOptions[]) {
      const { clock, log, emitted } = startCron(failsAt(10, 5), 10, { ...options, maxRuns: 3 });
      clock.advance(100);
      expect(log).to.deep.equal([
        '0: started 0',
        '10: started 10',
        '15: failed 10 TaskError: x failed in execute: boom',
        '20: started 20',
        '25: done completed',
      ]);
      expect(emitted).to.deep.equal([0, 20, 'complete']);
    }
  });

  it("with 'stop' skips all waiting slots", () => {
    for (const overlap of ['bufferAll', 'bufferOne'] as const) {
      const executed: (number | undefined)[] = [];
      const { clock, log, emitted } = startCron((ctx) => (executed.push(ctx.slot), failsAt(0, 35)(ctx)), 10, {
        onError: 'stop',
        overlap,
      });
      clock.advance(200);
      expect(executed, overlap).to.deep.equal([0]);
      expect(log.filter((line) => line.startsWith('35'))).to.deep.equal([
        '35: failed 0 TaskError: x failed in execute: boom',
        ...(overlap === 'bufferAll' ? [10, 20, 30] : [10]).map((slot) => `35: skipped ${slot} ended`),
        '35: done failed',
      ]);
      expect(emitted.at(-1)).to.include({ phase: 'execute', message: 'x failed in execute: boom' });
    }
  });

  it("with 'stop' ends with the run’s error, and starts no other, if a listener of the failure ends that run", () => {
    for (const options of [{ maxRuns: 1 }, { overlap: 'bufferOne' }] satisfies CronOptions[]) {
      const output = new Subject<number>();
      const { clock, runner, log, emitted } = startCron({ execute: () => output, grace: 100 }, 10, {
        timeout: 15,
        onError: 'stop',
        ...options,
      });
      runner.events$.subscribe(({ type }) => type === 'slot-failed' && output.complete());
      clock.advance(200);
      expect(log.filter((line) => !line.includes('skipped'))).to.deep.equal([
        '0: started 0',
        '15: failed 0 TaskError: x failed in execute: Not done within 15 ms',
        '15: done failed',
      ]);
      expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: Not done within 15 ms']);
    }
  });

  it("with 'stop' ends the catching up with missed slots", () => {
    const executed: (number | undefined)[] = [];
    const { clock, log } = startCron((ctx) => (executed.push(ctx.slot), failsAt(-25, 5)(ctx)), 10, {
      onError: 'stop',
      lastRun: -35,
      missed: 'runAll',
      tolerance: 50,
    });
    clock.advance(50);
    expect(executed).to.deep.equal([-25]);
    expect(log).to.deep.equal([
      '0: started -25',
      '5: failed -25 TaskError: x failed in execute: boom',
      '5: missed -15 ×2',
      '5: done failed',
    ]);
  });

  it("with 'stop' cancels the other runs and awaits them before finalize", async () => {
    const works = new Map([0, 10, 20].map((slot) => [slot, deferred<string>()]));
    const causes: unknown[] = [];
    const hooks: string[] = [];
    const { clock, log, emitted } = startCron<string>(
      {
        execute: ({ slot = NaN, cancelled$ }) => {
          cancelled$.subscribe((cause) => causes.push([slot, String(cause)]));
          return works.get(slot)?.promise ?? 'none';
        },
        finalize: () => hooks.push('finalize'),
      },
      10,
      { overlap: 'allowAll', onError: 'stop' },
    );
    clock.advance(25);
    works.get(10)?.reject(new Error('boom'));
    await settled();
    works.get(0)?.resolve('a');
    await settled();
    expect([hooks, emitted]).to.deep.equal([[], ['a']]);
    works.get(20)?.reject(new Error('another'));
    await settled();
    expect(hooks).to.deep.equal(['finalize']);
    expect(log).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '20: started 20',
      '25: failed 10 TaskError: x failed in execute: boom',
      '25: failed 20 TaskError: x failed in execute: another',
      '25: done failed',
    ]);
    const cause = 'TaskError: x failed in execute: boom';
    expect(causes).to.deep.equal([
      [0, cause],
      [10, cause],
      [20, cause],
    ]);
    expect(emitted).to.have.length(2);
    expect(emitted[1]).to.include({ message: 'x failed in execute: boom' });
    expect(clock.timers).to.equal(0);
  });

  it("with 'stop' errors with the run’s own error, which is the cause of cancelling the others", () => {
    const causes: unknown[] = [];
    const { clock, emitted, ctx } = startCron(
      ({ slot, cancelled$, scheduler }) => {
        if (slot !== 0) cancelled$.subscribe((cause) => causes.push(cause));
        return slot === 0
          ? failsAt(0, 25)({ slot, scheduler } as RunContext)
          : new Observable<never>(() => () => causes.push(`unsubscribed ${slot}`));
      },
      10,
      { overlap: 'allowAll', onError: 'stop' },
    );
    clock.advance(100);
    expect(causes).to.deep.equal([emitted[0], 'unsubscribed 10', emitted[0], 'unsubscribed 20']);
    expect([emitted.length, clock.timers, listenerCount(ctx), ctx.cancelled]).to.deep.equal([1, 0, 0, false]);
  });
});
