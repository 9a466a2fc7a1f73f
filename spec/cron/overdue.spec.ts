import { expect } from 'chai';
import { concat, map, NEVER, of, timer } from 'rxjs';
import sinon from 'sinon';
import { cron, task, type Coordinator } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { lasting, play, storyOf } from '../helpers/cron-story.js';
import { events } from '../helpers/tasks.js';

const overdue = (story: readonly string[]) => story.filter((line) => line.includes('overdue'));

describe('cron: overdue', () => {
  describe('a slot that waits for its turn is told once, when its tolerance is over', () => {
    it("with 'bufferOne'", () => {
      const { machine, story, cancel } = play(() => NEVER, 10, { overlap: 'bufferOne', tolerance: 25 });
      machine.advance(200);
      cancel();
      expect(overdue(story)).to.deep.equal(['35: overdue 10 by 25']);
      expect(machine.timers).to.equal(0);
    });

    it("with 'bufferAll', each of them", () => {
      const { machine, story, cancel } = play(() => NEVER, 10, { overlap: 'bufferAll', tolerance: 25 });
      machine.advance(60);
      expect(overdue(story)).to.deep.equal(['35: overdue 10 by 25', '45: overdue 20 by 25', '55: overdue 30 by 25']);
      cancel();
      expect(machine.timers).to.equal(0);
    });

    it("with 'cancelOther', while the old run does not end", () => {
      const { machine, story } = play({ execute: () => NEVER, grace: 8 }, 10, {
        overlap: 'cancelOther',
        tolerance: 5,
      });
      machine.advance(25);
      expect(story).to.deep.equal(['0: started 0', '15: overdue 10 by 5', '18: started 10', '25: overdue 20 by 5']);
    });

    it('and not again when it starts', () => {
      const { machine, story } = play(lasting(38), 10, { overlap: 'bufferOne', tolerance: 25, maxRuns: 2 });
      machine.advance(200);
      expect(story.filter((line) => !line.includes('skipped'))).to.deep.equal([
        '0: started 0',
        '35: overdue 10 by 25',
        '38: started 10',
        '76: done completed',
      ]);
    });

    it('nor when it then waits for its lease', () => {
      const machine = virtualClock();
      const coordinator: Coordinator = {
        lease: (_, slot) => concat(timer(slot * 3, machine).pipe(map(() => true)), NEVER),
      };
      const { story } = play(
        lasting(38),
        10,
        { overlap: 'bufferOne', tolerance: 25, maxRuns: 2, coordinator },
        machine,
      );
      machine.advance(200);
      expect(story.filter((line) => / (0|10)( |$)/.test(line))).to.deep.equal([
        '0: started 0',
        '35: overdue 10 by 25',
        '68: started 10',
      ]);
    });
  });

  it('a slot that starts within its tolerance is not told', () => {
    for (const overlap of ['bufferOne', 'bufferAll'] as const) {
      const { machine, story, cancel } = play(lasting(14), 10, { overlap, tolerance: 4 });
      machine.advance(14);
      expect(story.at(-1)).to.equal('14: started 10');
      cancel();
      expect([overdue(story), machine.timers]).to.deep.equal([[], 0]);
    }
  });

  it('a tolerance of 0 tells each slot that waits at all, and none that does not', () => {
    const { machine, story } = play(lasting(12), 10, { overlap: 'bufferOne', tolerance: 0 });
    machine.advance(15);
    expect(story).to.deep.equal(['0: started 0', '10: overdue 10 by 0', '12: started 10']);
    const alone = play(lasting(8), 10, { overlap: 'bufferOne', tolerance: 0 });
    alone.machine.advance(15);
    expect(alone.story).to.deep.equal(['0: started 0', '10: started 10']);
  });

  it('a tolerance of Infinity tells none', () => {
    const { machine, story } = play(() => NEVER, 10, { overlap: 'bufferAll', tolerance: Infinity });
    machine.advance(30);
    // But for the schedule's there is no timer.
    expect([story, machine.timers]).to.deep.equal([['0: started 0'], 1]);
  });

  it('a slot that came late counts from when it was due', () => {
    const { machine, story } = play(() => NEVER, 10, { overlap: 'bufferOne', tolerance: 25 });
    machine.advance(5);
    machine.adjust(10);
    machine.advance(30);
    // The slots of 10 and 20 come at 20, when the first is missed.
    expect(story).to.deep.equal([
      '0: started 0',
      '20: missed 10 ×1',
      '30: skipped 30 overlap',
      '40: skipped 40 overlap',
      '45: overdue 20 by 25',
    ]);
  });

  it('a slot that came too late already, and has to wait, is told at once', () => {
    const { machine, story } = play(() => NEVER, 100, { overlap: 'bufferOne', tolerance: 25, missed: 'runOnce' });
    machine.adjust(40);
    machine.advance(110);
    expect(story).to.deep.equal(['0: started 0', '140: overdue 100 by 40']);
  });

  describe('a slot that is run late is told when it starts', () => {
    it("for 'runOnce'", () => {
      const { story } = play(() => 1, 10, { lastRun: -45, missed: 'runOnce', tolerance: 4 });
      expect(story).to.deep.equal(['0: missed -35 ×3', '0: overdue -5 by 5', '0: started -5']);
    });

    it("for 'runAll', each that is late", () => {
      const { story } = play(() => 1, 10, { lastRun: -35, missed: 'runAll', tolerance: 10 });
      expect(story).to.deep.equal([
        '0: overdue -25 by 25',
        '0: started -25',
        '0: overdue -15 by 15',
        '0: started -15',
        '0: started -5',
      ]);
    });

    it('and not when that is within its tolerance', () => {
      const { story } = play(() => 1, 10, { lastRun: -45, missed: 'runOnce', tolerance: 5 });
      expect(story).to.deep.equal(['0: missed -35 ×3', '0: started -5']);
    });
  });

  describe('a slot that waits for its lease is told once', () => {
    it('when its tolerance is over', () => {
      const { machine, story, cancel } = play(() => 1, 100, { coordinator: { lease: () => NEVER }, tolerance: 7 });
      machine.advance(50);
      expect(story).to.deep.equal(['7: overdue 0 by 7']);
      cancel();
      expect(machine.timers).to.equal(0);
    });

    it('and not when it is granted within, nor when it is refused', () => {
      const machine = virtualClock();
      const coordinator: Coordinator = { lease: (_, slot) => timer(6, machine).pipe(map(() => slot > 0)) };
      const { story } = play(() => NEVER, 100, { coordinator, tolerance: 7 }, machine);
      machine.advance(150);
      expect(story).to.deep.equal(['6: skipped 0 refused', '106: started 100']);
      expect(machine.timers).to.equal(1);
    });
  });

  it('counts a jitter as no delay', () => {
    const { machine, story } = play(lasting(21), 10, {
      overlap: 'bufferOne',
      jitter: 8,
      random: () => 0.5,
      tolerance: 10,
      immediate: false,
    });
    machine.advance(40);
    expect(story.slice(0, 3)).to.deep.equal(['14: started 10', '34: overdue 20 by 10', '34: skipped 30 overlap']);
  });

  it('counts a clock that is set back as none', () => {
    const { machine, story } = play(() => NEVER, 1000, { overlap: 'bufferOne', tolerance: 250 });
    machine.adjust(-500);
    machine.advance(1250);
    expect(story).to.deep.equal(['0: started 0', '750: overdue 1000 by 250']);
  });

  it('is never told with less than its tolerance, though the clock be set back while the slot waits', () => {
    const { machine, runner } = play(() => NEVER, 1000, { overlap: 'bufferOne', tolerance: 250 });
    const told = events(runner);
    machine.advance(1100);
    machine.adjust(-3_600_000);
    machine.advance(1000);
    const lates = told.flatMap((event) => (event.type === 'overdue' ? [event.lateBy] : []));
    expect(lates).to.have.length(1);
    expect(lates[0]).to.be.at.least(250);
  });

  it('costs no timer that stays behind: by the fake timers of sinon there is none after the end', () => {
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
          const story = storyOf(runner);
          const subscription = runner.start().subscribe();
          clock.tick(33);
          expect(clock.countTimers()).to.be.greaterThan(1);
          subscription.unsubscribe();
          clock.tick(5);
          expect(story.at(-1)).to.match(/done cancelled$/);
          expect(clock.countTimers()).to.equal(0);
        }
      }
    } finally {
      clock.restore();
    }
  });
});
