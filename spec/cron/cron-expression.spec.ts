import { expect } from 'chai';
import fc from 'fast-check';
import timers from 'node:timers/promises';
import { inspect } from 'node:util';
import { nextRuns } from '../../lib/index.js';
import { slotAfter } from '../../lib/cron/schedule.js';
import { errorChain } from '../../lib/util/error-causes.js';
import { hour, transitionsBetween } from '../helpers/calendar.js';
import { thrownBy } from '../helpers/collect.js';
import { createCron, expressionSlots, fractions, iso } from '../helpers/schedules.js';
import { scaledRuns } from '../helpers/scaled-runs.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

describe('A cron expression', () => {
  const expected = 'a number of ms, a cron expression of 5 or 6 fields, or a nickname such as `@daily`';

  it('is refused when the cron is created if it is malformed or never due', () => {
    const invalidExpressions: [expression: string, reason: string | RegExp, cause?: string][] = [
      ['0 0 30 2 *', 'it is never due'],
      ['0 0 31 4 *', 'it is never due'],
      ['0 0 31 2,4,6,9,11 *', 'it is never due'],
      ['* * * *', 'it has neither 5 nor 6 fields'],
      ['* * * * * * *', 'it has neither 5 nor 6 fields'],
      ['0 0 1 1 * * 2030', 'it has neither 5 nor 6 fields'],
      ['2030-01-01T00:00:00Z', 'it has neither 5 nor 6 fields'],
      ['2030-01-01', 'it has neither 5 nor 6 fields'],
      ['', 'it has neither 5 nor 6 fields'],
      [' ', 'it has neither 5 nor 6 fields'],
      ['@every 5s', 'a period is a number of ms, such as `300_000`'],
      ['@', 'it has neither 5 nor 6 fields'],
      ['\u001b[2J * * * *', 'it has an invalid character'],
      ['* * * * 監', 'it has an invalid character'],
      ['60 * * * *', 'Invalid value for minute: 60', 'RangeError: CronPattern: Invalid value for minute: 60'],
      ['* 24 * * *', 'Invalid value for hour: 24', 'RangeError: CronPattern: Invalid value for hour: 24'],
      ['60 * * * * *', 'Invalid value for second: 60', 'RangeError: CronPattern: Invalid value for second: 60'],
      ['* * 0 * *', /day/, 'RangeError: CronPattern'],
      ['* * 32 * *', /day/, 'RangeError: CronPattern'],
      ['* * * 13 *', /month/, 'RangeError: CronPattern'],
      ['* * * * 8', /dayOfWeek: 8/, 'RangeError: CronPattern'],
      ['* * * * FOO', /illegal characters/, 'TypeError: CronPattern'],
      ['* * * * 1#6', /nth weekday out of range/, 'TypeError: CronPattern'],
      ['30-10 * * * *', /larger/, 'TypeError: CronPattern'],
      ['1.5 * * * *', /illegal characters/, 'TypeError: CronPattern'],
      ['-1 * * * *', /illegal/, 'TypeError: CronPattern'],
      ['*/0 * * * *', 'Syntax error, illegal stepping: 0', 'TypeError: CronPattern: Syntax error, illegal stepping: 0'],
      ['*/61 * * * *', /steps cannot be greater/, 'TypeError: CronPattern'],
      ['@reboot', 'a task runs at the start, and a cron with `immediate: true` does, too'],
      [' @Reboot', 'a task runs at the start, and a cron with `immediate: true` does, too'],
      ['@fortnightly', 'the nicknames are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
      ['@dayly', 'did you mean `@daily`?'],
      [' @Houly ', 'did you mean `@hourly`?'],
    ];
    for (const [expression, expectedReason, cause] of invalidExpressions) {
      for (const made of [
        () => createCron(expression),
        () => createCron(expression, { timezone: 'America/New_York' }),
        () => nextRuns(expression, 0),
        () => nextRuns(expression, 1, { timezone: 'UTC' }),
      ]) {
        const error = thrownBy(made);
        const [, reason] = error.message.split(
          `Expected \`schedule\` to be ${expected}, got \`${inspect(expression)}\` (string): `,
        );
        expect(error, expression).to.be.instanceOf(RangeError);
        if (typeof expectedReason === 'string') expect(reason, error.message).to.equal(expectedReason);
        else expect(reason, error.message).to.match(expectedReason);
        if (cause === undefined) expect(error.cause, expression).to.equal(undefined);
        else expect(String(error.cause).startsWith(cause), String(error.cause)).to.equal(true);
      }
    }
  });

  it('is refused with a short text without control characters, also in the causes', () => {
    const textsOf = (made: () => unknown): string[] => {
      try {
        made();
        return [];
      } catch (error) {
        return errorChain(error).map(String);
      }
    };
    const created = (text: string, field: number) => [
      () => createCron(['*', '*', '*', '*', '*'].with(field, text).join(' ')),
      () => createCron('* * * * *', { timezone: text }),
    ];
    fc.assert(
      fc.property(anyText, fc.nat(4), (text, field) => {
        const texts = created(text, field).flatMap(textsOf);
        for (const each of texts) expect(unprintableIn(each), each).to.equal(undefined);
      }),
    );
    for (const text of ['9'.repeat(100_000), 'x'.repeat(100_000)])
      for (const made of created(text, 0)) expect(textsOf(made)[0]).to.have.length.within(50, 1000);
  });

  it('of Feb 29 is due in leap years', () => {
    const leapDays = nextRuns('0 0 29 2 *', 3, { from: new Date('2024-02-29T00:00:00Z'), timezone: 'UTC' });
    expect(iso(leapDays)).to.deep.equal([
      '2028-02-29T00:00:00.000Z',
      '2032-02-29T00:00:00.000Z',
      '2036-02-29T00:00:00.000Z',
    ]);
    const pastCentury = nextRuns('0 0 29 2 *', 1, { from: Date.UTC(2096, 2), timezone: 'UTC' });
    expect(iso(pastCentury)).to.deep.equal(['2104-02-29T00:00:00.000Z']);
    expect(String(createCron('0 0 29 2 *'))).to.equal('x');
  });

  it('is refused with an unknown time zone, as a period is with any', () => {
    expect(() => createCron('* * * * *', { timezone: 'Europe/Atlantis' })).to.throw(
      RangeError,
      "Expected `timezone` to be a time zone of the IANA database, got `'Europe/Atlantis'` (string)",
    );
    expect(() => createCron(1000, { timezone: 'UTC' })).to.throw(RangeError, 'Expected `timezone` to be left out');
  });

  it('is refused with an offset as its time zone, on every version of Node', () => {
    for (const timezone of ['+02:00', '-0530', '+01', '+'])
      for (const made of [() => createCron('* * * * *', { timezone }), () => nextRuns('* * * * *', 1, { timezone })])
        expect(made, timezone).to.throw(RangeError, 'Expected `timezone` to be a time zone of the IANA database');
  });

  it('may have steps from a number on, as Quartz and Go write them', () => {
    const hours = (field: string) =>
      nextRuns(`0 ${field} * * *`, 5, { from: Date.UTC(2026, 0), timezone: 'UTC' }).map((run) => run.getUTCHours());
    expect([hours('1/6'), hours('20/2'), hours('0/12')]).to.deep.equal([
      [1, 7, 13, 19, 1],
      [20, 22, 20, 22, 20],
      [12, 0, 12, 0, 12],
    ]);
  });

  it('is not a date, even of 5 or 6 words', () => {
    for (const date of ['Jan 1 2099 10:00 UTC', new Date(Date.UTC(2099, 0)).toUTCString()])
      for (const made of [() => createCron(date), () => nextRuns(date, 1)])
        expect(made, date).to.throw(RangeError, `Expected \`schedule\` to be ${expected}`);
  });

  it('is also one of @hourly, @daily, @weekly, @monthly, @yearly', () => {
    const from = new Date('2024-01-31T22:10:00Z');
    const runs = (nickname: string) => {
      expect(String(createCron(nickname))).to.equal('x');
      return iso(nextRuns(nickname, 2, { from, timezone: 'UTC' })).map((time) => time.slice(0, 16));
    };
    expect(runs('@hourly')).to.deep.equal(['2024-01-31T23:00', '2024-02-01T00:00']);
    expect(runs('@daily')).to.deep.equal(['2024-02-01T00:00', '2024-02-02T00:00']);
    expect(runs('@weekly')).to.deep.equal(['2024-02-04T00:00', '2024-02-11T00:00']);
    expect(runs('@monthly')).to.deep.equal(['2024-02-01T00:00', '2024-03-01T00:00']);
    expect(runs('@yearly')).to.deep.equal(['2025-01-01T00:00', '2026-01-01T00:00']);
  });

  it('has the same next slot before 1970, and between two ms', () => {
    const everySecond = expressionSlots('* * * * * *', 'UTC');
    expect([-1000.5, -1000, -999.5, -0.5, 0, 0.5].map((after) => slotAfter(everySecond, after))).to.deep.equal([
      -1000, 0, 0, 0, 1000, 1000,
    ]);
  });

  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'America/Nuuk',
    'Africa/Cairo',
    'Africa/Casablanca',
    'Antarctica/Troll',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'Pacific/Chatham',
  ];
  const transitions = new Map(
    zones.map((zone) => [zone, transitionsBetween(zone, Date.UTC(2024, 0), Date.UTC(2031, 0))]),
  );

  /** Fields of an expression: values, ranges, steps and lists, and as often as all of these a wildcard. */
  function field(min: number, max: number, ...others: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
    const value = fc.integer({ min, max });
    const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
    const step = fc.integer({ min: 1, max: max - min + 1 });
    const list = fc.array(fc.oneof(value.map(String), range), { minLength: 1, maxLength: 4 });
    return fc.oneof(
      { weight: 4, arbitrary: fc.constant('*') },
      { weight: 1, arbitrary: value.map(String) },
      { weight: 1, arbitrary: fc.tuple(fc.oneof(fc.constant('*'), range), step).map((both) => both.join('/')) },
      { weight: 1, arbitrary: list.map((several) => several.join(',')) },
      ...others.map((arbitrary) => ({ weight: 1, arbitrary })),
    );
  }
  const lastDays = [fc.constantFrom('L', 'LW', '1,L'), fc.integer({ min: 1, max: 28 }).map((date) => `${date}W`)];
  const weekdays = [
    fc.constantFrom('MON-FRI', 'SUN', 'sat,sun'),
    fc
      .tuple(fc.integer({ min: 0, max: 7 }), fc.constantFrom('#1', '#2', '#3', '#4', '#5', 'L'))
      .map((of) => of.join('')),
  ];
  // Every day of the month exists with any month; with a given month only the days up to 28 do.
  const dates = fc.oneof(
    fc.tuple(field(1, 31, ...lastDays), fc.constant('*')),
    fc.tuple(field(1, 28, ...lastDays), field(1, 12, fc.constantFrom('JAN', 'mar,oct', 'APR-SEP'))),
  );
  const expressions = fc
    .tuple(fc.option(field(0, 59), { nil: '' }), field(0, 59), field(0, 23), dates, field(0, 6, ...weekdays))
    // The clocks change on an nth weekday: at an hour that they skip, `* 2 * 3 0L` is never due in Berlin.
    .filter(([, , hours, , weekday]) => hours.startsWith('*') || !/#|L/.test(weekday))
    .map(([seconds, minutes, hours, date, weekday]) => [seconds, minutes, hours, ...date, weekday].join(' ').trim());
  /** Times since 1970, among them times near a change of the clocks and between two ms. */
  const zonesAndTimes = fc.constantFrom(...zones).chain((zone) => {
    const changes = transitions.get(zone) ?? [];
    const anywhere = fc.integer({ min: Date.UTC(1970, 1), max: Date.UTC(2038, 0) });
    const nearChanges = changes.map(({ at }) => fc.integer({ min: at - 3 * hour, max: at + 3 * hour }));
    const times = nearChanges.length > 0 ? fc.oneof(anywhere, fc.oneof(...nearChanges)) : anywhere;
    return fc.tuple(fc.constant(zone), times, fc.constantFrom(0, 0.25, 0.999)).map(([, time, fraction]) => ({
      zone,
      after: time + fraction,
    }));
  });

  it('is due strictly later each time', () => {
    fc.assert(
      fc.property(expressions, zonesAndTimes, (expression, { zone, after }) => {
        const schedule = expressionSlots(expression, zone);
        let last = after;
        for (let step = 0; step < 20; step++) {
          const slot = schedule.next(last);
          expect(slot).to.be.greaterThan(last);
          last = slot ?? NaN;
        }
      }),
      { numRuns: scaledRuns(1000) },
    );
  });

  it('is checked for each time zone, whatever zones it is in use with', () => {
    const inUse = [createCron('7 * * * *'), createCron('7 * * * *', { timezone: 'UTC' })];
    for (const timezone of ['', 'null', 'Europe/Atlantis'])
      expect(() => createCron('7 * * * *', { timezone }), timezone).to.throw(RangeError, 'Expected `timezone` to be');
    for (const timezone of [null, Symbol('UTC'), 1n, ['UTC']])
      expect(() => createCron('7 * * * *', { timezone } as never)).to.throw(TypeError, 'Expected `timezone` to be');
    const from = Date.UTC(2026, 0);
    const first = (timezone: string) => iso(nextRuns('7 * * * *', 1, { from, timezone }));
    expect([first('UTC'), first('Asia/Kolkata')]).to.deep.equal([
      ['2026-01-01T00:07:00.000Z'],
      ['2026-01-01T00:37:00.000Z'],
    ]);
    expect(inUse).to.have.length(2);
  });

  it('takes its memory once, however many crons it has, and gives it back after the last', async () => {
    expect(globalThis.gc, 'mocha runs with --expose-gc').to.be.a('function');
    const heapAfter = async (expressionOf: (i: number) => string) => {
      const crons = Array.from({ length: 300 }, (_, i) => createCron(expressionOf(i)));
      // A weak reference holds its target until the end of the turn, and what it held needs another collection.
      for (let each = 0; each < 3; each++) {
        await timers.setImmediate();
        globalThis.gc?.();
      }
      const heap = process.memoryUsage().heapUsed;
      return { heap, crons };
    };
    const { heap: shared } = await heapAfter(() => '1 2 4 * *');
    const { heap: own, crons } = await heapAfter((i) => `${i % 60} ${i % 24} ${1 + (i % 25)} * *`);
    expect(crons).to.have.length(300);
    crons.length = 0;
    const { heap: after } = await heapAfter(() => '1 2 5 * *');
    // Croner's form of 300 expressions takes 24 MB.
    expect([own - shared > 12e6, own - after > 12e6]).to.deep.equal([true, true]);
  });

  it('has the same next slot for all times between two slots', () => {
    fc.assert(
      fc.property(expressions, zonesAndTimes, fractions, (expression, { zone, after }, fraction) => {
        const schedule = expressionSlots(expression, zone);
        const asked: [time: number, slot: number][] = [];
        let last = after;
        for (let step = 0; step < 3; step++) {
          const slot = slotAfter(schedule, last) ?? NaN;
          for (const between of [last + fraction * (slot - last), slot - 1, slot - 0.5])
            if (between >= last && between < slot) asked.push([between, slot]);
          last = slot;
        }
        // In reverse, so that the result cannot come from the question before.
        for (const [time, slot] of asked.reverse()) expect(slotAfter(schedule, time)).to.equal(slot);
      }),
      { numRuns: scaledRuns(1000) },
    );
  });
});
