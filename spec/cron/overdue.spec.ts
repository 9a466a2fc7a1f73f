import { expect } from 'chai';
import { concat, map, NEVER, of, timer } from 'rxjs';
import sinon from 'sinon';
import { cron, task, type Coordinator } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { slotEvents, startCron, takes } from '../helpers/start-cron.js';
import { events } from '../helpers/tasks.js';

const overdue = (log: readonly string[]) => log.filter((line) => line.includes('overdue'));

describe('The overdue event of a cron', () => {
  describe('is emitted once for a waiting slot whose tolerance has passed', () => {
    it("with overlap 'bufferOne'", () => {
      const { clock, log, cancel } = startCron(() => NEVER, 10, { overlap: 'bufferOne', tolerance: 25 });
      clock.advance(200);
      cancel();
      expect(overdue(log)).to.deep.equal(['35: overdue 10 by 25']);
      expect(clock.timers).to.equal(0);
    });

    it("with overlap 'bufferAll', for each of them", () => {
      const { clock, log, cancel } = startCron(() => NEVER, 10, { overlap: 'bufferAll', tolerance: 25 });
      clock.advance(60);
      expect(overdue(log)).to.deep.equal(['35: overdue 10 by 25', '45: overdue 20 by 25', '55: overdue 30 by 25']);
      cancel();
      expect(clock.timers).to.equal(0);
    });

    it("with overlap 'cancelOther', while the old run does not end", () => {
      const { clock, log } = startCron({ execute: () => NEVER, grace: 8 }, 10, {
        overlap: 'cancelOther',
        tolerance: 5,
      });
      clock.advance(25);
      expect(log).to.deep.equal(['0: started 0', '15: overdue 10 by 5', '18: started 10', '25: overdue 20 by 5']);
    });

    it('and not again when the slot starts', () => {
      const { clock, log } = startCron(takes(38), 10, { overlap: 'bufferOne', tolerance: 25, maxRuns: 2 });
      clock.advance(200);
      expect(log.filter((line) => !line.includes('skipped'))).to.deep.equal([
        '0: started 0',
        '35: overdue 10 by 25',
        '38: started 10',
        '76: done completed',
      ]);
    });

    it('and not again while the slot waits for its lease', () => {
      const clock = virtualClock();
      const coordinator: Coordinator = {
        lease: (_, slot) => concat(timer(slot * 3, clock).pipe(map(() => true)), NEVER),
      };
      const { log } = startCron(takes(38), 10, { overlap: 'bufferOne', tolerance: 25, maxRuns: 2, coordinator }, clock);
      clock.advance(200);
      expect(log.filter((line) => / (0|10)( |$)/.test(line))).to.deep.equal([
        '0: started 0',
        '35: overdue 10 by 25',
        '68: started 10',
      ]);
    });
  });

  it('is not emitted for a slot that starts within its tolerance', () => {
    for (const overlap of ['bufferOne', 'bufferAll'] as const) {
      const { clock, log, cancel } = startCron(takes(14), 10, { overlap, tolerance: 4 });
      clock.advance(14);
      expect(log.at(-1)).to.equal('14: started 10');
      cancel();
      expect([overdue(log), clock.timers]).to.deep.equal([[], 0]);
    }
  });

  it('is emitted for each slot that waits, and no other, with a tolerance of 0', () => {
    const { clock, log } = startCron(takes(12), 10, { overlap: 'bufferOne', tolerance: 0 });
    clock.advance(15);
    expect(log).to.deep.equal(['0: started 0', '10: overdue 10 by 0', '12: started 10']);
    const alone = startCron(takes(8), 10, { overlap: 'bufferOne', tolerance: 0 });
    alone.clock.advance(15);
    expect(alone.log).to.deep.equal(['0: started 0', '10: started 10']);
  });

  it('is never emitted with a tolerance of Infinity', () => {
    const { clock, log } = startCron(() => NEVER, 10, { overlap: 'bufferAll', tolerance: Infinity });
    clock.advance(30);
    // The only timer is the schedule's.
    expect([log, clock.timers]).to.deep.equal([['0: started 0'], 1]);
  });

  it('counts the delay from when the slot was due, even if it came late', () => {
    const { clock, log } = startCron(() => NEVER, 10, { overlap: 'bufferOne', tolerance: 25 });
    clock.advance(5);
    clock.adjust(10);
    clock.advance(30);
    // The slots of 10 and 20 come at 20; the first of them is missed.
    expect(log).to.deep.equal([
      '0: started 0',
      '20: missed 10 ×1',
      '30: skipped 30 overlap',
      '40: skipped 40 overlap',
      '45: overdue 20 by 25',
    ]);
  });

  it('is emitted at once for a slot that came too late and has to wait', () => {
    const { clock, log } = startCron(() => NEVER, 100, { overlap: 'bufferOne', tolerance: 25, missed: 'runOnce' });
    clock.adjust(40);
    clock.advance(110);
    expect(log).to.deep.equal(['0: started 0', '140: overdue 100 by 40']);
  });

  describe('is emitted at the start of a late slot', () => {
    it("with missed: 'runOnce'", () => {
      const { log } = startCron(() => 1, 10, { lastRun: -45, missed: 'runOnce', tolerance: 4 });
      expect(log).to.deep.equal(['0: missed -35 ×3', '0: overdue -5 by 5', '0: started -5']);
    });

    it("with missed: 'runAll', for each late slot", () => {
      const { log } = startCron(() => 1, 10, { lastRun: -35, missed: 'runAll', tolerance: 10 });
      expect(log).to.deep.equal([
        '0: overdue -25 by 25',
        '0: started -25',
        '0: overdue -15 by 15',
        '0: started -15',
        '0: started -5',
      ]);
    });

    it('unless the slot is within its tolerance', () => {
      const { log } = startCron(() => 1, 10, { lastRun: -45, missed: 'runOnce', tolerance: 5 });
      expect(log).to.deep.equal(['0: missed -35 ×3', '0: started -5']);
    });
  });

  it('is emitted once the tolerance has passed for a slot that gets its turn after the clock was set back', () => {
    const coordinator: Coordinator = { lease: (_, slot) => (slot === -2500 ? concat(of(true), NEVER) : NEVER) };
    const { clock, log } = startCron(takes(20), 1000, {
      lastRun: -3500,
      missed: 'runAll',
      tolerance: 400,
      coordinator,
    });
    clock.advance(5);
    clock.adjust(-10_000);
    clock.advance(450);
    expect(log).to.deep.equal(['0: overdue -2500 by 2500', '0: started -2500', '-9580: overdue -1500 by 400']);
  });

  describe('is emitted once for a slot that waits for its lease', () => {
    it('when its tolerance has passed', () => {
      const { clock, log, cancel } = startCron(() => 1, 100, { coordinator: { lease: () => NEVER }, tolerance: 7 });
      clock.advance(50);
      expect(log).to.deep.equal(['7: overdue 0 by 7']);
      cancel();
      expect(clock.timers).to.equal(0);
    });

    it('unless the lease is granted or refused before that', () => {
      const clock = virtualClock();
      const coordinator: Coordinator = { lease: (_, slot) => timer(6, clock).pipe(map(() => slot > 0)) };
      const { log } = startCron(() => NEVER, 100, { coordinator, tolerance: 7 }, clock);
      clock.advance(150);
      expect(log).to.deep.equal(['6: skipped 0 refused', '106: started 100']);
      expect(clock.timers).to.equal(1);
    });
  });

  it('does not count a jitter as a delay', () => {
    const { clock, log } = startCron(takes(21), 10, {
      overlap: 'bufferOne',
      jitter: 8,
      random: () => 0.5,
      tolerance: 10,
      immediate: false,
    });
    clock.advance(40);
    expect(log.slice(0, 3)).to.deep.equal(['14: started 10', '34: overdue 20 by 10', '34: skipped 30 overlap']);
  });

  it('does not count a clock that is set back as a delay', () => {
    const { clock, log } = startCron(() => NEVER, 1000, { overlap: 'bufferOne', tolerance: 250 });
    clock.adjust(-500);
    clock.advance(1250);
    expect(log).to.deep.equal(['0: started 0', '750: overdue 1000 by 250']);
  });

  it('never reports less than the tolerance, even if the clock is set back while the slot waits', () => {
    const { clock, runner } = startCron(() => NEVER, 1000, { overlap: 'bufferOne', tolerance: 250 });
    const runnerEvents = events(runner);
    clock.advance(1100);
    clock.adjust(-3_600_000);
    clock.advance(1000);
    const delays = runnerEvents.flatMap((event) => (event.type === 'overdue' ? [event.lateBy] : []));
    expect(delays).to.have.length(1);
    expect(delays[0]).to.be.at.least(250);
  });

  it('leaves no timer behind after the end, by sinon’s fake timers', () => {
    const clock = sinon.useFakeTimers();
    try {
      for (const overlap of ['bufferOne', 'bufferAll', 'cancelOther', 'allowAll'] as const) {
        for (const lease of [() => NEVER, () => concat(of(true), NEVER)]) {
          const runner = cron(task('x', { execute: () => NEVER, grace: 5 }), 10, {
            overlap,
            tolerance: 15,
            timeout: 1000,
            coordinator: { lease },
          });
          const log = slotEvents(runner);
          const subscription = runner.start().subscribe();
          clock.tick(33);
          expect(clock.countTimers()).to.be.greaterThan(1);
          subscription.unsubscribe();
          clock.tick(5);
          expect(log.at(-1)).to.match(/done cancelled$/);
          expect(clock.countTimers()).to.equal(0);
        }
      }
    } finally {
      clock.restore();
    }
  });
});
