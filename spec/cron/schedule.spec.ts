import { expect } from 'chai';
import { Subject } from 'rxjs';
import { TaskError, type CronOptions, type Schedule } from '../../lib/index.js';
import { runsOf, slotsOf, startCron } from '../helpers/start-cron.js';

describe('A Schedule of a cron', () => {
  const failedBy = (schedule: Schedule, options?: CronOptions) => {
    const { clock, emitted, log } = startCron(({ slot }) => slot, schedule, options);
    clock.advance(100);
    expect(clock.timers).to.equal(0);
    expect(log.at(-1)).to.match(/done failed$/);
    return emitted;
  };

  for (const [title, second] of [
    ['the slot before', 10],
    ['one before that', 9],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['null', null as never],
  ] as const) {
    it(`makes the runner fail when its next slot is ${title}`, () => {
      const emitted = failedBy({ next: (after) => (after < 10 ? 10 : second) });
      expect(emitted.at(-1)).to.be.instanceOf(Error).and.include({ task: 'x', phase: 'execute' });
      const { cause } = emitted.at(-1) as Error;
      expect(cause).to.be.instanceOf(RangeError);
      expect(String(cause)).to.contain('Expected `schedule.next(10)` to be undefined or a time after 10, got');
    });
  }

  it('makes the runner fail with what it throws, at the start and with a jitter', () => {
    const boom = new Error('boom');
    const throws = () => {
      throw boom;
    };
    expect(failedBy({ next: throws })).to.have.length(1);
    for (const jitter of [0, 5]) {
      const emitted = failedBy({ next: (after) => (after < 20 ? after + 10 : throws()) }, { jitter });
      expect(emitted.at(-1)).to.be.instanceOf(Error).and.include({ task: 'x', phase: 'execute', cause: boom });
      expect(emitted.at(-1)).to.have.deep.property('suppressed', []);
    }
  });

  it('makes the runner fail with the TaskError that it throws', () => {
    const error = new TaskError('other', 'execute', 'boom');
    const throws = () => {
      throw error;
    };
    expect(failedBy({ next: throws })).to.deep.equal([error]);
  });

  it('does not replace the error of a slot that stops the cron when it throws during its event', () => {
    const work = new Subject();
    const next = (after: number) => {
      if (after === 20) throw new Error('second');
      return after + 10;
    };
    const { clock, runner, emitted } = startCron(() => work, { next }, { onError: 'stop' });
    clock.advance(10);
    runner.events$.subscribe(({ type }) => type === 'slot-failed' && clock.advance(10));
    work.error(new Error('first'));
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: first']);
  });

  /** A Schedule that is due at 1, 4, 9, 16 … */
  class Squares implements Schedule {
    readonly asked: number[] = [];

    next(after: number): number {
      this.asked.push(after);
      return (Math.floor(Math.sqrt(after)) + 1) ** 2;
    }
  }

  it('is asked for one slot after the other, by a method call', () => {
    const squares = new Squares();
    expect(slotsOf(squares, {}, 20)).to.deep.equal([1, 4, 9, 16]);
    expect(squares.asked).to.deep.equal([0, 1, 4, 9, 16]);
  });

  it('is asked for one slot in advance with a jitter, and for none twice', () => {
    const squares = new Squares();
    expect(runsOf(squares, { jitter: 1, random: () => 0.5 }, 20).map(([slot]) => slot)).to.deep.equal([1, 4, 9, 16]);
    expect(squares.asked).to.deep.equal([0, 1, 4, 9, 16, 25]);
  });

  it('is not asked for all the slots before a far `startAt`', () => {
    const squares = new Squares();
    const { clock, cancel } = startCron(() => 1, squares, { startAt: 1_000_000 });
    clock.advance(10);
    cancel();
    expect(squares.asked).to.deep.equal([999_999]);
  });
});

describe('The cron option `timezone`', () => {
  it('is the time zone of an expression', () => {
    const at = Date.parse('2026-07-01T00:00:00Z');
    const day = 86_400_000;
    const first = (timezone: string) =>
      slotsOf('0 3 * * *', { timezone, maxRuns: 1 }, day, at).map((slot) => new Date(slot).toISOString());
    expect(first('UTC')).to.deep.equal(['2026-07-01T03:00:00.000Z']);
    expect(first('Europe/Paris')).to.deep.equal(['2026-07-01T01:00:00.000Z']);
    expect(first('America/New_York')).to.deep.equal(['2026-07-01T07:00:00.000Z']);
    expect(first('Asia/Kolkata')).to.deep.equal(['2026-07-01T21:30:00.000Z']);
  });
});
