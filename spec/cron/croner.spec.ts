import { expect } from 'chai';
import { Cron } from 'croner';
import fc from 'fast-check';
import { nextRuns } from '../../lib/index.js';
import { day, hour, minute, transitionsBetween } from '../helpers/calendar.js';
import { iso } from '../helpers/schedules.js';

describe('A cron expression compared with croner', () => {
  const from = Date.UTC(2024, 0);
  const until = Date.UTC(2034, 0);
  const zones = ['UTC', 'Europe/Berlin', 'America/New_York'];

  /** Expressions of which all slots of ten years are compared. */
  const rare = [
    '30 2 * * *',
    '15 30 1 * * 6,0',
    '30 2,14 * * 0',
    '0 12 * MAR,NOV MON-FRI',
    '0 9-17/4 * * 1',
    '0 4 */5 * *',
    '0 0 1-7 * *',
    '0 3 1,15 * *',
    '0 0 L * *',
    '0 0 LW * *',
    '0 8 15W * *',
    '30 2 * * 0L',
    '0 1 * * SUN#2',
    '0 12 13 * FRI',
    '0 12 13 * +FRI',
    '0 0 1 JAN,JUL *',
    '0 0 29 2 *',
    '5,35 2 * mar-apr 6-7',
    '45 59 23 31 12 *',
    '0 30 6 ? OCT-NOV TUE,THU',
    '@weekly',
    '@monthly',
    '@yearly',
    '@annually',
  ];
  /** Expressions of which some slots are compared: near each change of the clock and at random times. */
  const frequent: [expression: string, before: number][] = [
    ['* * * * * *', 6_000],
    ['*/10 * * * * *', minute],
    ['* * * * *', 6 * minute],
    ['*/15 * * * *', 1.5 * hour],
    ['0-29/7 * * * *', 2 * hour],
    ['*/20 0-6 * * *', 3 * hour],
    ['30 0 * * * *', 6 * hour],
    ['0 * * * *', 6 * hour],
    ['@hourly', 6 * hour],
    ['@daily', 6 * day],
  ];

  const cronerNext = (expression: string, timezone: string) => {
    const job = new Cron(expression, { paused: true, timezone, mode: '5-or-6-parts' });
    return (after: number) => job.nextRun(new Date(after))?.getTime();
  };

  for (const zone of zones) {
    it(`is due at the same times for ten years in ${zone}`, () => {
      for (const expression of rare) {
        const nextOfCroner = cronerNext(expression, zone);
        const times: number[] = [];
        for (let at = nextOfCroner(from); at !== undefined && at < until; at = nextOfCroner(at)) times.push(at);
        const runs = nextRuns(expression, times.length + 1, { from, timezone: zone }).map(Number);
        expect(runs.pop(), expression).to.be.at.least(until);
        expect(times, expression).to.have.length.greaterThan(1);
        expect(iso(runs), expression).to.deep.equal(iso(times));
      }
    });

    it(`is due at the same times around each change of the clock and at random times in ${zone}`, () => {
      const changes = transitionsBetween(zone === 'UTC' ? 'Europe/Berlin' : zone, from, until).map(({ at }) => at);
      const others = fc.sample(fc.integer({ min: from, max: until }), 8);
      for (const [expression, before] of frequent) {
        const nextOfCroner = cronerNext(expression, zone);
        // The repeated hour ends one hour after the change.
        const ends = before < hour ? changes.map((at) => at + hour) : [];
        for (const start of [...changes, ...ends, ...others]) {
          const times: number[] = [];
          for (let at: number | undefined = start - before; times.length < 12; times.push(at))
            if ((at = nextOfCroner(at)) === undefined) expect.fail(`${expression} ends`);
          const runs = nextRuns(expression, times.length, { from: start - before, timezone: zone });
          expect(iso(runs), `${expression} from ${start - before}`).to.deep.equal(iso(times));
        }
      }
    });
  }
});
