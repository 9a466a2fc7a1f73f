import { expect } from 'chai';
import { of, type Observable } from 'rxjs';
import { cron, task, withCancel, type Coordinator, type CronOptions, type Schedule } from '../../lib/index.js';
import { memoryFleet, virtualClock } from '../../lib/testing/index.js';
import { everyTen, startCron } from '../helpers/start-cron.js';
import { collect, thrownBy } from '../helpers/collect.js';

const work = task('x', () => 1);
const expression = '* * * * *';

describe('The options of a cron', () => {
  type Refusal = [options: unknown, error: new (message: string) => Error, message: string, schedule?: unknown];
  const invalidOptions: Record<string, readonly Refusal[]> = {
    'not an object, or unknown names': [
      [null, TypeError, 'Expected `options` of `cron` to be an object, got null'],
      ['skip', TypeError, "Expected `options` of `cron` to be an object, got `'skip'` (string)"],
      [10, TypeError, 'Expected `options` of `cron` to be an object, got `10` (number)'],
      [
        { overlaps: 'skip' },
        TypeError,
        'Expected an option of `cron`, got `overlaps`; did you mean `overlap`? ' +
          'Known options: `immediate`, `overlap`, `missed`, `missedWithin`, `tolerance`, `lastRun`, ' +
          '`startAt`, `stopAt`, `maxRuns`, `jitter`, `random`, `timeout`, `onError`, `timezone`, `coordinator`',
      ],
    ],
    immediate: [
      [{ immediate: 1 }, TypeError, 'Expected `immediate` to be a boolean, got `1` (number)'],
      [{ immediate: null }, TypeError, 'Expected `immediate` to be a boolean, got null'],
      [
        { immediate: true, lastRun: 1 },
        RangeError,
        'Expected `immediate` to be false or left out when `lastRun` is given, got `true` (boolean)',
      ],
    ],
    overlap: [
      [
        { overlap: 'queue' },
        RangeError,
        "Expected `overlap` to be 'skip' or 'bufferOne' or 'bufferAll' or 'cancelOther' or 'allowAll', " +
          "got `'queue'` (string)",
      ],
    ],
    missed: [
      [
        { missed: 'never' },
        RangeError,
        "Expected `missed` to be 'skip' or 'runOnce' or 'runAll', got `'never'` (string)",
      ],
    ],
    tolerance: [
      [{ tolerance: '1' }, TypeError, "Expected `tolerance` to be a number of ms, got `'1'` (string)"],
      [{ tolerance: -1 }, RangeError, 'Expected `tolerance` to be a number of ms from 0 and up, got `-1` (number)'],
      [{ tolerance: NaN }, RangeError, 'got `NaN` (number)'],
    ],
    lastRun: [
      [
        { lastRun: '2026-01-01' },
        TypeError,
        "Expected `lastRun` to be a Date or a number of ms since the epoch, got `'2026-01-01'` (string)",
      ],
      [{ lastRun: null }, TypeError, 'got null'],
      [{ lastRun: NaN }, RangeError, 'Expected `lastRun` to be a valid time, got `NaN` (number)'],
      [
        { lastRun: new Date('never') },
        RangeError,
        'Expected `lastRun` to be a valid time, got `Invalid Date` (object)',
      ],
    ],
    startAt: [
      [{ startAt: 'now' }, TypeError, 'Expected `startAt` to be a Date or a number of ms since the epoch'],
      [{ startAt: Infinity }, RangeError, 'Expected `startAt` to be a valid time, got `Infinity` (number)'],
    ],
    stopAt: [
      [{ stopAt: true }, TypeError, 'Expected `stopAt` to be a Date or a number of ms since the epoch'],
      [{ stopAt: -Infinity }, RangeError, 'Expected `stopAt` to be a valid time, got `-Infinity` (number)'],
      [{ startAt: 5, stopAt: 5 }, RangeError, 'Expected `stopAt` to be after `startAt`, got `5` (number)'],
      [
        { startAt: new Date(6), stopAt: new Date(5) },
        RangeError,
        'Expected `stopAt` to be after `startAt`, got `1970-01-01T00:00:00.005Z` (object)',
      ],
    ],
    maxRuns: [
      [{ maxRuns: 0 }, RangeError, 'Expected `maxRuns` to be a whole number from 1 and up, got `0` (number)'],
      [{ maxRuns: -1 }, RangeError, 'got `-1` (number)'],
      [{ maxRuns: 1.5 }, RangeError, 'got `1.5` (number)'],
      [{ maxRuns: NaN }, RangeError, 'got `NaN` (number)'],
      [{ maxRuns: Infinity }, RangeError, 'got `Infinity` (number)'],
    ],
    jitter: [
      [{ jitter: '1' }, TypeError, "Expected `jitter` to be a number of ms, got `'1'` (string)"],
      [{ jitter: -1 }, RangeError, 'Expected `jitter` to be a number of ms from 0 and up, got `-1` (number)'],
      [{ jitter: NaN }, RangeError, 'got `NaN` (number)'],
    ],
    random: [[{ random: 0.5 }, TypeError, 'Expected `random` to be a function, got `0.5` (number)']],
    timeout: [
      [{ timeout: '1' }, TypeError, "Expected `timeout` to be a number of ms, got `'1'` (string)"],
      [{ timeout: 0 }, RangeError, 'Expected `timeout` to be a number of ms above 0, got `0` (number)'],
      [{ timeout: -1 }, RangeError, 'Expected `timeout` to be a number of ms'],
      [{ timeout: NaN }, RangeError, 'Expected `timeout` to be a number of ms'],
    ],
    onError: [
      [{ onError: 'retry' }, RangeError, "Expected `onError` to be 'continue' or 'stop', got `'retry'` (string)"],
    ],
    timezone: [
      [
        { timezone: 'Mars/Olympus' },
        RangeError,
        "Expected `timezone` to be a time zone of the IANA database, got `'Mars/Olympus'` (string)",
        expression,
      ],
      [{ timezone: '' }, RangeError, "got `''` (string)", expression],
      [{ timezone: 1 }, TypeError, 'Expected `timezone` to be the name of a time zone, got `1` (number)', expression],
      ...[10, { next: () => undefined }].map((schedule): Refusal => [
        { timezone: 'UTC' },
        RangeError,
        "Expected `timezone` to be left out unless the schedule is a cron expression, got `'UTC'` (string)",
        schedule,
      ]),
    ],
    coordinator: [
      [
        { coordinator: {} },
        TypeError,
        'Expected `coordinator` to be an object with a `lease` function, got `{}` (object)',
      ],
      [{ coordinator: memoryFleet() }, TypeError, 'got the task `fleet`. Give its `coordinator`'],
      [{ coordinator: null }, TypeError, 'got null'],
      [{ coordinator: () => 1 }, TypeError, 'Expected `coordinator`'],
      [{ coordinator: 'x' }, TypeError, 'Expected `coordinator`'],
      [{ coordinator: { lease: 1 } }, TypeError, 'Expected `coordinator`'],
    ],
  };

  for (const [title, rows] of Object.entries(invalidOptions)) {
    it(`are refused when the cron is created: ${title}`, () => {
      for (const [options, error, message, schedule = 1000] of rows) {
        const thrown = thrownBy(() => cron(work, schedule as number, options as CronOptions));
        expect(thrown, message).to.be.instanceOf(error);
        expect(thrown.message).to.contain(message);
      }
    });
  }

  it('are validated after the schedule', () => {
    expect(() => cron(work, 0, { overlap: 'queue' as never })).to.throw(RangeError, 'Expected `schedule`');
    expect(() => cron(work, '* *', { overlap: 'queue' as never })).to.throw(RangeError, 'Expected `schedule`');
  });

  it('may have their extreme values, or be undefined', () => {
    const options: CronOptions[] = [
      {},
      { tolerance: 0 },
      { tolerance: Infinity },
      { jitter: 0 },
      { timeout: Number.MIN_VALUE },
      { timeout: Infinity },
      { maxRuns: 1 },
      { startAt: 1, stopAt: 2 },
      { startAt: new Date(1), stopAt: 2 },
      { lastRun: 0, immediate: false },
      { lastRun: -1 },
      { coordinator: Object.create({ lease: () => undefined }) as never },
    ];
    for (const extreme of options) expect(() => cron(work, 1000, extreme)).not.to.throw();
    const names = ['immediate', 'overlap', 'missed', 'tolerance', 'lastRun', 'startAt', 'stopAt', 'maxRuns', 'jitter'];
    const none = [...names, 'random', 'timeout', 'onError', 'timezone', 'coordinator'].map((name) => [name, undefined]);
    expect(() => cron(work, 1000, Object.fromEntries(none) as CronOptions)).not.to.throw();
  });

  it('are read once, when the cron is created', () => {
    const options: CronOptions = { maxRuns: 1 };
    const emitted: unknown[] = [];
    const runner = cron(work, 1000, options);
    options.maxRuns = 2;
    runner.start().subscribe({ complete: () => emitted.push('complete') });
    expect(emitted).to.deep.equal(['complete']);
  });

  it('are read once each, as are the methods of a Schedule and of a coordinator', () => {
    const reads: string[] = [];
    const once = <O extends object>(object: O): O =>
      Object.defineProperties(
        {},
        Object.fromEntries(
          Object.entries(object).map(([name, value]) => [
            name,
            { enumerable: true, get: () => (reads.push(name), value as unknown) },
          ]),
        ),
      ) as O;
    const coordinator = once<Coordinator>({ lease: () => of(true) });
    const schedule = once<Schedule>(everyTen);
    const options = once<CronOptions>({ overlap: 'skip', maxRuns: 2, jitter: 1, random: () => 0, coordinator });
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const emitted = collect(cron(work, schedule, options).start(ctx));
    clock.advance(100);
    expect(emitted).to.deep.equal([1, 1, 'complete']);
    expect(reads.sort()).to.deep.equal(['coordinator', 'jitter', 'lease', 'maxRuns', 'next', 'overlap', 'random']);
  });

  it('keep a Schedule and a coordinator as they were when the cron was created', () => {
    const schedule = { ...everyTen };
    const coordinator = { lease: () => of(true) };
    const { clock, log, cancel } = startCron(() => 1, schedule, { coordinator });
    schedule.next = () => NaN;
    coordinator.lease = () => of(false);
    clock.advance(20);
    cancel();
    expect(log).to.deep.equal(['10: started 10', '20: started 20', '20: done cancelled']);
  });

  it('call the methods of a Schedule and of a coordinator as methods', () => {
    class Every implements Schedule {
      readonly ms = 10;
      next(after: number): number {
        return after + this.ms;
      }
    }
    class Granting implements Coordinator {
      readonly answer = true;
      lease(): Observable<boolean> {
        return of(this.answer);
      }
    }
    const { clock, log, cancel } = startCron(() => 1, new Every(), { coordinator: new Granting() });
    clock.advance(10);
    cancel();
    expect(log).to.deep.equal(['10: started 10', '10: done cancelled']);
  });

  it('do not take an unrelated member of a Schedule for one of the library', () => {
    const schedule = { passed: 3, ...everyTen };
    const { clock, log, cancel } = startCron(() => 1, schedule);
    clock.advance(5);
    clock.advanceSilently(30);
    clock.advance(10);
    cancel();
    expect(log).to.deep.equal(['35: missed 10 ×2', '35: started 30', '40: started 40', '45: done cancelled']);
  });
});
