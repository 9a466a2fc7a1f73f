import { expect } from 'chai';
import sinon from 'sinon';
import { nextRuns, type Schedule } from '../../lib/index.js';
import { day } from '../helpers/calendar.js';
import { thrownBy } from '../helpers/collect.js';
import { createCron, inZone, iso } from '../helpers/schedules.js';

describe('nextRuns', () => {
  it('counts a period from `from`: slot k is from + k · period, for k from 1 on', () => {
    expect(nextRuns(250, 4, { from: 1000 }).map(Number)).to.deep.equal([1250, 1500, 1750, 2000]);
    expect(nextRuns(2.5, 4, { from: 0.5 }).map(Number)).to.deep.equal([3, 5, 8, 10]);
    expect(iso(nextRuns(31 * day, 2, { from: new Date('2024-01-01T00:00:00.500Z') }))).to.deep.equal([
      '2024-02-01T00:00:00.500Z',
      '2024-03-03T00:00:00.500Z',
    ]);
  });

  it('takes an expression of 5 fields, or of 6 with the seconds first', () => {
    const from = new Date('2024-02-28T23:59:30Z');
    expect(iso(nextRuns('*/20 * * * *', 3, { from, timezone: 'UTC' }))).to.deep.equal([
      '2024-02-29T00:00:00.000Z',
      '2024-02-29T00:20:00.000Z',
      '2024-02-29T00:40:00.000Z',
    ]);
    expect(iso(nextRuns('*/20 * * * * *', 3, { from, timezone: 'UTC' }))).to.deep.equal([
      '2024-02-28T23:59:40.000Z',
      '2024-02-29T00:00:00.000Z',
      '2024-02-29T00:00:20.000Z',
    ]);
  });

  it('takes any Schedule, and asks it only for the slot after `from` and then after each slot', () => {
    class Doubling {
      readonly asked: number[] = [];
      next(after: number): number {
        this.asked.push(after);
        return after * 2;
      }
    }
    const doubling = new Doubling();
    expect(nextRuns(doubling, 3, { from: new Date(5) })).to.deep.equal([new Date(10), new Date(20), new Date(40)]);
    expect(nextRuns(doubling, 0)).to.deep.equal([]);
    expect(doubling.asked).to.deep.equal([5, 10, 20]);
  });

  it('returns fewer times if the schedule ends before', () => {
    const untilTen: Schedule = { next: (after) => (after < 10 ? after + 4 : undefined) };
    expect(nextRuns(untilTen, 9, { from: 0 }).map(Number)).to.deep.equal([4, 8, 12]);
    expect(nextRuns({ next: () => undefined }, 9)).to.deep.equal([]);
  });

  it('returns no time for n = 0', () => {
    for (const schedule of [1000, '* * * * *', { next: (after: number) => after + 1 }])
      expect(nextRuns(schedule, 0)).to.deep.equal([]);
  });

  it('takes `from` as a Date or as a number, and returns no slot at it', () => {
    const at = Date.UTC(2024, 0, 1);
    for (const from of [at, new Date(at)]) {
      expect(iso(nextRuns('0 * * * *', 1, { from, timezone: 'UTC' }))).to.deep.equal(['2024-01-01T01:00:00.000Z']);
      expect(nextRuns(60_000, 1, { from })).to.deep.equal([new Date(at + 60_000)]);
    }
    for (const from of [at - 1, at - 0.25, new Date(at - 1)])
      expect(iso(nextRuns('0 * * * *', 1, { from, timezone: 'UTC' }))).to.deep.equal(['2024-01-01T00:00:00.000Z']);
    expect(nextRuns('0 0 1 1 *', 1, { from: -1, timezone: 'UTC' })).to.deep.equal([new Date(0)]);
  });

  it('starts now and uses the time zone of the process by default', () => {
    const clock = sinon.useFakeTimers({ now: new Date('2024-07-01T07:30:00Z'), toFake: ['Date'] });
    try {
      expect(iso(nextRuns(1000, 1))).to.deep.equal(['2024-07-01T07:30:01.000Z']);
      expect(iso(nextRuns(1000, 1, {}))).to.deep.equal(['2024-07-01T07:30:01.000Z']);
      expect(iso(nextRuns('0 * * * *', 1, { timezone: 'UTC' }))).to.deep.equal(['2024-07-01T08:00:00.000Z']);
      inZone('Asia/Kolkata', () => {
        expect(iso(nextRuns('0 * * * *', 2))).to.deep.equal(['2024-07-01T08:30:00.000Z', '2024-07-01T09:30:00.000Z']);
      });
      inZone('America/New_York', () => {
        expect(iso(nextRuns('0 9 * * *', 1))).to.deep.equal(['2024-07-01T13:00:00.000Z']);
        expect(iso(nextRuns('0 9 * * *', 1, { timezone: 'Asia/Kolkata' }))).to.deep.equal(['2024-07-02T03:30:00.000Z']);
      });
    } finally {
      clock.restore();
    }
  });

  it('refuses an `n` that is not a whole number from 0 and up', () => {
    const invalidCounts: [unknown, string][] = [
      [-1, '`-1` (number)'],
      [1.5, '`1.5` (number)'],
      ['3', "`'3'` (string)"],
      [NaN, '`NaN` (number)'],
      [Infinity, '`Infinity` (number)'],
      [undefined, 'undefined'],
    ];
    for (const [n, got] of invalidCounts)
      expect(() => nextRuns(1000, n as number)).to.throw(
        typeof n === 'number' ? RangeError : TypeError,
        `Expected \`n\` to be a whole number from 0 and up, got ${got}`,
      );
  });

  it('refuses a `from` that is not a valid time', () => {
    for (const [from, got] of [
      [NaN, '`NaN` (number)'],
      [-Infinity, '`-Infinity` (number)'],
      [new Date(NaN), '`Invalid Date` (object)'],
    ] as const)
      for (const schedule of [1000, '* * * * *'])
        expect(() => nextRuns(schedule, 1, { from })).to.throw(
          RangeError,
          `Expected \`from\` to be a valid time, got ${got}`,
        );
    for (const [from, got] of [
      ['2024-01-01', "`'2024-01-01'` (string)"],
      [true, '`true` (boolean)'],
      [null, 'null'],
    ] as const)
      expect(() => nextRuns(1000, 1, { from: from as never })).to.throw(
        TypeError,
        `Expected \`from\` to be a Date or a number of ms since the epoch, got ${got}`,
      );
  });

  it('refuses a `from` beyond the range of a Date', () => {
    for (const schedule of [1000, '* * * * *'])
      expect(() => nextRuns(schedule, 1, { from: 8.64e15 + 1 })).to.throw(RangeError, 'Expected `from`');
  });

  it('refuses unknown options, and options that are not an object', () => {
    expect(() => nextRuns('* * * * *', 1, { zone: 'UTC' } as never)).to.throw(
      TypeError,
      'Expected an option of `nextRuns`, got `zone`; did you mean `timezone`? Known options: `from`, `timezone`',
    );
    expect(() => nextRuns(1000, 1, null as never)).to.throw(
      TypeError,
      'Expected `options` of `nextRuns` to be an object, got null',
    );
    expect(() => nextRuns(1000, 1, 5 as never)).to.throw(TypeError, 'got `5` (number)');
  });

  it('refuses a time zone that does not exist', () => {
    for (const timezone of ['Mars/Olympus_Mons', 'Europe/Berlin ', '']) {
      const error = thrownBy(() => nextRuns('* * * * *', 1, { timezone }));
      expect(error).to.be.instanceOf(RangeError);
      expect(error.message).to.equal(
        `Expected \`timezone\` to be a time zone of the IANA database, got \`'${timezone}'\` (string)`,
      );
      // Its cause would quote the text as it is, control characters included.
      expect(error.cause).to.equal(undefined);
    }
    expect(() => nextRuns('* * * * *', 1, { timezone: 2 as never })).to.throw(
      TypeError,
      'Expected `timezone` to be the name of a time zone, got `2` (number)',
    );
    expect(() => nextRuns('* * * * *', 1, { timezone: null as never })).to.throw(TypeError, 'got null');
  });

  it('takes a time zone with a sign in its name', () => {
    for (const timezone of ['Etc/GMT+2', 'America/Port-au-Prince'])
      expect(nextRuns('0 0 * * *', 1, { timezone, from: 0 })).to.have.length(1);
  });

  it('refuses a time zone with a period or a Schedule', () => {
    for (const schedule of [1000, { next: (after: number) => after + 1 }])
      expect(() => nextRuns(schedule, 1, { timezone: 'UTC' })).to.throw(
        RangeError,
        "Expected `timezone` to be left out unless the schedule is a cron expression, got `'UTC'` (string)",
      );
  });

  it('refuses an invalid schedule, as cron does', () => {
    for (const [schedule, got] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [true, '`true` (boolean)'],
      [{}, '`{}` (object)'],
      [{ next: 5 }, '`{ next: 5 }` (object)'],
      [new Date(0), '`1970-01-01T00:00:00.000Z` (object)'],
    ] as const)
      for (const made of [() => nextRuns(schedule as never, 1), () => createCron(schedule as never)])
        expect(made).to.throw(
          TypeError,
          `Expected \`schedule\` to be a period in ms, a cron expression, or a Schedule, got ${got}`,
        );
  });
});

describe('A custom Schedule', () => {
  const from = 1000;

  it('makes nextRuns throw a RangeError when its slot is not a later time', () => {
    for (const [slot, got] of [
      [from, '`1000` (number)'],
      [from - 0.5, '`999.5` (number)'],
      [0, '`0` (number)'],
      [NaN, '`NaN` (number)'],
      [Infinity, '`Infinity` (number)'],
      [-Infinity, '`-Infinity` (number)'],
      [null as never, 'null'],
      ['2000' as never, "`'2000'` (string)"],
    ] as const)
      expect(() => nextRuns({ next: () => slot }, 1, { from })).to.throw(
        RangeError,
        `Expected \`schedule.next(1000)\` to be undefined or a time after 1000, got ${got}`,
      );
  });

  it('makes nextRuns throw when it repeats a slot', () => {
    const asked: number[] = [];
    const stuck: Schedule = { next: (after) => (asked.push(after), Math.min(after + 1000, 3000)) };
    expect(() => nextRuns(stuck, 10, { from })).to.throw(
      RangeError,
      'Expected `schedule.next(3000)` to be undefined or a time after 3000, got `3000` (number)',
    );
    expect(asked).to.deep.equal([1000, 2000, 3000]);
  });

  it('makes nextRuns throw what it throws', () => {
    const boom = new Error('boom');
    const broken: Schedule = {
      next: () => {
        throw boom;
      },
    };
    expect(thrownBy(() => nextRuns(broken, 1))).to.equal(boom);
  });
});
