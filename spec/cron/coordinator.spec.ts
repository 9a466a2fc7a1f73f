import { expect } from 'chai';
import { BehaviorSubject, concat, defer, EMPTY, map, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
import sinon from 'sinon';
import { cron, task, withCancel, type Coordinator, type CronOptions } from '../../lib/index.js';
import { virtualClock, memoryCoordinator } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { lasting, play, storyOf, type Played } from '../helpers/cron-story.js';
import { outcomeOf } from '../helpers/tasks.js';

type Overlap = NonNullable<CronOptions['overlap']>;

/** A coordinator whose answers are given by hand. */
class ByHand implements Coordinator {
  readonly asked: string[] = [];
  /** The slots whose lease has been left. */
  readonly left: number[] = [];
  private readonly answers = new Map<number, Subject<boolean>>();

  lease(name: string, slot: number): Observable<boolean> {
    this.asked.push(`${name}@${slot}`);
    const answer = new Subject<boolean>();
    this.answers.set(slot, answer);
    return answer.pipe(finalizeWith(() => this.left.push(slot)));
  }

  to(slot: number): Subject<boolean> {
    const answer = this.answers.get(slot);
    if (!answer) throw new Error(`Nobody has asked for ${slot}`);
    return answer;
  }
}

function finalizeWith(left: () => void): <T>(source: Observable<T>) => Observable<T> {
  return (source) =>
    new Observable((subscriber) => {
      subscriber.add(left);
      source.subscribe(subscriber);
    });
}

const granted$ = concat(of(true), NEVER);

describe('cron: coordinator', () => {
  it('grants a slot: it is run, and the lease is left when the run has ended', () => {
    const coordinator = new ByHand();
    const { machine, story, told } = play(lasting(3), 10, { coordinator, maxRuns: 2 });
    machine.advance(1);
    expect([story, coordinator.asked]).to.deep.equal([[], ['x@0']]);
    coordinator.to(0).next(true);
    expect(story).to.deep.equal(['1: started 0']);
    machine.advance(2.9);
    expect(coordinator.left).to.deep.equal([]);
    machine.advance(0.1);
    expect([told, coordinator.left]).to.deep.equal([[0], [0]]);
    machine.advance(6);
    coordinator.to(10).next(true);
    machine.advance(3);
    expect([told, coordinator.asked, coordinator.left]).to.deep.equal([
      [0, 10, 'complete'],
      ['x@0', 'x@10'],
      [0, 10],
    ]);
  });

  it('is asked as its method, and at once when the slot has its turn', () => {
    class Granting implements Coordinator {
      readonly asked: [string, number][] = [];
      lease(name: string, slot: number): Observable<boolean> {
        this.asked.push([name, slot]);
        return granted$;
      }
    }
    const coordinator = new Granting();
    const { machine, story } = play(lasting(15), 10, { coordinator, overlap: 'bufferOne', maxRuns: 2 });
    machine.advance(14);
    expect(coordinator.asked).to.deep.equal([['x', 0]]);
    machine.advance(20);
    expect(coordinator.asked).to.deep.equal([
      ['x', 0],
      ['x', 10],
    ]);
    expect(story).to.deep.equal(['0: started 0', '15: started 10', '30: done completed']);
  });

  it('a lease that is granted at once and left within the run of a synchronous task leaves nothing', () => {
    const left: number[] = [];
    const coordinator: Coordinator = { lease: (_, slot) => granted$.pipe(finalizeWith(() => left.push(slot))) };
    const { machine, told } = play(({ slot }) => slot, 10, { coordinator, maxRuns: 3 });
    machine.advance(100);
    expect([told, left, machine.timers]).to.deep.equal([[0, 10, 20, 'complete'], [0, 10, 20], 0]);
  });

  it('refuses a slot: it is skipped, and the lease left', () => {
    const left: number[] = [];
    const coordinator: Coordinator = {
      lease: (_, slot) => (slot === 10 ? granted$ : concat(of(false), NEVER)).pipe(finalizeWith(() => left.push(slot))),
    };
    const { machine, story, told, cancel } = play(({ slot }) => slot, 10, { coordinator });
    machine.advance(25);
    cancel();
    expect(story).to.deep.equal([
      '0: skipped 0 refused',
      '10: started 10',
      '20: skipped 20 refused',
      '25: done cancelled',
    ]);
    expect([told, left, machine.timers]).to.deep.equal([[10, 'complete'], [0, 10, 20], 0]);
  });

  it('has but one answer to a question: a grant after a refusal is none', () => {
    const coordinator: Coordinator = { lease: () => of(false, true) };
    const { story } = play(() => 1, 10, { coordinator });
    expect(story).to.deep.equal(['0: skipped 0 refused']);
  });

  it('may grant more than once: the slot is run once', () => {
    const coordinator: Coordinator = { lease: () => concat(of(true, true, true), NEVER) };
    const { story, told } = play(lasting(5), 10, { coordinator });
    expect([story, told]).to.deep.equal([['0: started 0'], []]);
  });

  it('may end after its grant: the run goes on', () => {
    const { machine, story, told } = play(lasting(5), 10, { coordinator: { lease: () => of(true) }, maxRuns: 1 });
    machine.advance(10);
    expect([story, told]).to.deep.equal([
      ['0: started 0', '5: done completed'],
      [0, 'complete'],
    ]);
  });

  it('may answer by a promise, where types do not forbid it', async () => {
    const coordinator = { lease: () => Promise.resolve(true) } as unknown as Coordinator;
    const { story, told } = play(({ slot }) => slot, 10, { coordinator });
    await Promise.resolve();
    await Promise.resolve();
    expect([story, told]).to.deep.equal([['0: started 0'], [0]]);
  });

  describe('takes a lease back', () => {
    for (const [title, takeBack, cause] of [
      ['with false', (lease: Subject<boolean>) => lease.next(false), 'CancelledError: The lease was revoked'],
      ['by an error', (lease: Subject<boolean>) => lease.error(new Error('gone')), 'Error: gone'],
    ] as const) {
      it(`${title}: the run is cancelled, and has not failed; the schedule goes on`, () => {
        const coordinator = new ByHand();
        const causes: string[] = [];
        const { machine, runner, story, told, cancel } = play(
          ({ cancelled$, scheduler, slot }) => {
            cancelled$.subscribe((reason) => causes.push(String(reason)));
            return timer(5, scheduler).pipe(map(() => slot));
          },
          10,
          { coordinator },
        );
        coordinator.to(0).next(true);
        machine.advance(2);
        takeBack(coordinator.to(0));
        expect(causes).to.deep.equal([cause]);
        machine.advance(8);
        coordinator.to(10).next(true);
        machine.advance(5);
        cancel();
        expect(story.filter((line) => /started|failed|skipped|done/.test(line))).to.deep.equal([
          '0: started 0',
          '10: started 10',
          '15: done cancelled',
        ]);
        expect(story).to.include(`2: lost 0 to ${cause}`);
        expect(told).to.deep.equal([10, 'complete']);
        expect(coordinator.left).to.deep.equal([0, 10]);
        expect(outcomeOf(runner)?.error).to.equal(undefined);
      });
    }

    it('by an error that nobody listens for, which is written with console.error', () => {
      const written = sinon.stub(console, 'error');
      try {
        const lease = new BehaviorSubject(true);
        const [ctx, cancel] = withCancel();
        const runner = cron(
          task('x', () => NEVER),
          1000,
          { coordinator: { lease: () => lease } },
        );
        runner.start(ctx).subscribe();
        lease.error(new Error('gone'));
        cancel();
        expect(written.args.map(([error]) => String(error))).to.deep.equal(['Error: gone']);
      } finally {
        written.restore();
      }
    });

    it('and the run’s grace is awaited, its lease left after that', () => {
      const coordinator = new ByHand();
      const { machine, story } = play({ execute: () => NEVER, grace: 12 }, 10, { coordinator, overlap: 'bufferOne' });
      coordinator.to(0).next(true);
      machine.advance(2);
      coordinator.to(0).next(false);
      coordinator.to(0).next(true);
      machine.advance(11);
      expect([coordinator.left, coordinator.asked]).to.deep.equal([[], ['x@0']]);
      machine.advance(1);
      expect([coordinator.left, coordinator.asked]).to.deep.equal([[0], ['x@0', 'x@10']]);
      expect(story).to.deep.equal(['0: started 0', '2: lost 0 to CancelledError: The lease was revoked']);
    });

    it('when the run has been cancelled nobody hears it', () => {
      const coordinator = new ByHand();
      const { machine, story } = play({ execute: () => NEVER, grace: 5 }, 10, { coordinator, timeout: 3 });
      coordinator.to(0).next(true);
      machine.advance(4);
      coordinator.to(0).next(false);
      machine.advance(1);
      expect(story).to.deep.equal(['0: started 0']);
    });

    it('when the run has ended nobody hears it', () => {
      const coordinator = new ByHand();
      const { machine, story } = play(() => 1, 10, { coordinator, maxRuns: 1 });
      coordinator.to(0).next(true);
      coordinator.to(0).next(false);
      machine.advance(50);
      expect(story).to.deep.equal(['0: started 0', '0: done completed']);
    });
  });

  describe('fails closed', () => {
    const boom = new Error('no database');
    const failures: readonly [title: string, lease: Coordinator['lease'], error: string][] = [
      ['with an error', () => throwError(() => boom), 'Error: no database'],
      [
        'when it throws',
        () => {
          throw boom;
        },
        'Error: no database',
      ],
      ['when it ends without an answer', () => EMPTY, 'Error: The coordinator gave no answer for x'],
      [
        'when it gives back nothing',
        () => undefined as never,
        "TypeError: You provided 'undefined' where a stream was expected. " +
          'You can provide an Observable, Promise, ReadableStream, Array, AsyncIterable, or Iterable.',
      ],
    ];
    for (const [title, lease, error] of failures) {
      it(`${title}: the slot is skipped, with an event that says so, and the schedule goes on`, () => {
        const { machine, story, told, cancel } = play(() => 1, 10, {
          coordinator: { lease: (name, slot) => (slot === 10 ? granted$ : lease(name, slot)) },
        });
        machine.advance(15);
        cancel();
        expect(story).to.deep.equal([`0: skipped 0 coordinator (${error})`, '10: started 10', '15: done cancelled']);
        expect(told).to.deep.equal([1, 'complete']);
        expect(machine.timers).to.equal(0);
      });
    }

    it('writes the error with console.error where nobody listens to events', () => {
      const written = sinon.stub(console, 'error');
      try {
        for (const [, lease] of failures) {
          const runner = cron(
            task('x', () => 1),
            1000,
            { coordinator: { lease } },
          );
          runner.start().subscribe().unsubscribe();
        }
        expect(written.args.map(([error]) => String(error))).to.deep.equal(failures.map(([, , error]) => error));
        written.resetHistory();
        const refused = cron(
          task('x', () => 1),
          1000,
          { coordinator: { lease: () => of(false) } },
        );
        refused.start().subscribe().unsubscribe();
        expect(written.callCount).to.equal(0);
      } finally {
        written.restore();
      }
    });
  });

  describe('answers late', () => {
    it('the run has the slot’s own name, and the next slot comes in its time', () => {
      const coordinator: Coordinator = {
        lease: (_, slot) => concat(timer(slot === 0 ? 7 : 0, machine).pipe(map(() => true)), NEVER),
      };
      const machine = virtualClock();
      const { story, told } = play(({ slot }) => slot, 10, { coordinator, maxRuns: 2 }, machine);
      machine.advance(50);
      expect(story).to.deep.equal(['7: started 0', '10: started 10', '10: done completed']);
      expect(told).to.deep.equal([0, 10, 'complete']);
    });

    const meanwhile: Record<Overlap, readonly string[]> = {
      skip: ['10: skipped 10 overlap', '20: skipped 20 overlap', '25: started 0'],
      bufferOne: ['20: skipped 20 overlap', '25: started 0'],
      bufferAll: ['25: started 0'],
      cancelOther: ['10: skipped 0 overlap', '20: skipped 10 overlap'],
      allowAll: ['25: started 0'],
    };
    for (const [overlap, story] of Object.entries(meanwhile) as [Overlap, readonly string[]][]) {
      it(`a slot that waits for its answer is a run that goes, for overlap '${overlap}'`, () => {
        const machine = virtualClock();
        const coordinator: Coordinator = { lease: () => concat(timer(25, machine).pipe(map(() => true)), NEVER) };
        const played = play(() => NEVER, 10, { coordinator, overlap }, machine);
        machine.advance(29);
        expect(played.story).to.deep.equal(story);
      });
    }

    it("the slot that overtakes it is asked for, with 'cancelOther'", () => {
      const coordinator = new ByHand();
      const { machine, story } = play(() => NEVER, 10, { coordinator, overlap: 'cancelOther' });
      machine.advance(10);
      expect([coordinator.asked, coordinator.left]).to.deep.equal([['x@0', 'x@10'], [0]]);
      coordinator.to(0).next(true);
      coordinator.to(10).next(true);
      expect(story).to.deep.equal(['10: skipped 0 overlap', '10: started 10']);
    });

    it('does not run past maxRuns: what waits for its answer is skipped when the last run starts', () => {
      const coordinator = new ByHand();
      const { machine, story } = play(() => NEVER, 10, { coordinator, overlap: 'allowAll', maxRuns: 2 });
      machine.advance(35);
      coordinator.to(20).next(true);
      coordinator.to(0).next(true);
      expect(story).to.deep.equal(['35: started 20', '35: started 0', '35: skipped 10 ended', '35: skipped 30 ended']);
      expect(coordinator.left).to.deep.equal([10, 30]);
      coordinator.to(10).next(true);
      expect(story).to.have.length(4);
    });
  });

  it('does not run past maxRuns when an answer comes while the last run is being started', () => {
    const coordinator = new ByHand();
    const executed: (number | undefined)[] = [];
    const { machine, runner, story } = play((ctx) => (executed.push(ctx.slot), NEVER), 10, {
      coordinator,
      overlap: 'allowAll',
      maxRuns: 1,
    });
    machine.advance(15);
    runner.events$.subscribe(
      (event) => event.type === 'slot-started' && event.slot === 0 && coordinator.to(10).next(true),
    );
    coordinator.to(0).next(true);
    expect(executed).to.deep.equal([0]);
    expect(story).to.have.members(['15: started 0', '15: skipped 10 ended']);
  });

  describe('never answers', () => {
    it('is told as overdue, and dropped slots as ever', () => {
      const { machine, story, cancel } = play(() => 1, 10, { coordinator: { lease: () => NEVER }, tolerance: 15 });
      machine.advance(35);
      cancel();
      expect(story).to.deep.equal([
        '10: skipped 10 overlap',
        '15: overdue 0 by 15',
        '20: skipped 20 overlap',
        '30: skipped 30 overlap',
        '35: skipped 0 ended',
        '35: done cancelled',
      ]);
      expect(machine.timers).to.equal(0);
    });

    it('within the timeout is a slot skipped, with a DeadlineError, and the schedule goes on', () => {
      const coordinator = new ByHand();
      const { machine, story, cancel } = play(() => NEVER, 20, { coordinator, timeout: 15 });
      machine.advance(15);
      expect(coordinator.left).to.deep.equal([0]);
      machine.advance(10);
      coordinator.to(20).next(true);
      machine.advance(9);
      // The lease is a part of the run.
      expect(story).to.deep.equal([
        '15: skipped 0 coordinator (DeadlineError: Not done within 15 ms)',
        '25: started 20',
      ]);
      machine.advance(1);
      expect(story.at(-1)).to.match(/^35: failed 20 TaskError: .* Not done within 15 ms$/);
      expect(coordinator.left).to.deep.equal([0, 20]);
      cancel();
      expect(machine.timers).to.equal(0);
    });
  });

  describe('the lease is left', () => {
    it('when the cron is cancelled while it waits for the answer', () => {
      const coordinator = new ByHand();
      const { machine, story, told, cancel, ctx } = play(() => 1, 10, { coordinator, overlap: 'allowAll' });
      machine.advance(15);
      cancel();
      expect(coordinator.left).to.deep.equal([0, 10]);
      expect(story).to.deep.equal(['15: skipped 0 ended', '15: skipped 10 ended', '15: done cancelled']);
      expect([told, machine.timers, listenerCount(ctx)]).to.deep.equal([['complete'], 0, 0]);
    });

    it('when the subscriber leaves', () => {
      const coordinator = new ByHand();
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      const runner = cron(
        task('x', () => NEVER),
        10,
        { coordinator, overlap: 'allowAll' },
      );
      const subscription = runner.start(ctx).subscribe();
      coordinator.to(0).next(true);
      machine.advance(15);
      subscription.unsubscribe();
      expect(coordinator.left.sort()).to.deep.equal([0, 10]);
      expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
    });

    it('when the run fails', () => {
      const coordinator = new ByHand();
      const { machine, story } = play(() => throwError(() => new Error('boom')), 10, { coordinator });
      coordinator.to(0).next(true);
      expect(story).to.deep.equal(['0: started 0', '0: failed 0 TaskError: x failed in execute: boom']);
      expect(coordinator.left).to.deep.equal([0]);
      machine.advance(10);
      expect(coordinator.asked).to.deep.equal(['x@0', 'x@10']);
    });
  });

  it('is not asked for slots that are dropped, missed, or wait', () => {
    const coordinator = new ByHand();
    const { machine } = play(() => NEVER, 10, { coordinator, overlap: 'bufferOne', lastRun: -45 });
    coordinator.to(-5).next(true);
    machine.advance(100);
    expect(coordinator.asked).to.deep.equal(['x@-5']);
  });

  it('is asked for each slot that is caught up with', () => {
    const asked: number[] = [];
    const coordinator: Coordinator = {
      lease: (_, slot) => defer(() => (asked.push(slot), of(slot !== -15))),
    };
    const { story } = play(({ slot }) => slot, 10, { coordinator, lastRun: -35, missed: 'runAll', tolerance: 50 });
    expect(asked).to.deep.equal([-25, -15, -5]);
    expect(story).to.deep.equal(['0: started -25', '0: skipped -15 refused', '0: started -5']);
  });

  it('a refused slot is no run for maxRuns', () => {
    const { machine, story } = play(() => 1, 10, { coordinator: { lease: (_, slot) => of(slot > 10) }, maxRuns: 2 });
    machine.advance(100);
    expect(story.at(-1)).to.equal('30: done completed');
  });

  describe('N processes, one slot: one run', () => {
    /** Crons of one task on as many machines, each with its own clock, which go on in turns. */
    const fleet = (aheads: readonly number[], schedule: number | string, options: CronOptions) => {
      const coordinator = memoryCoordinator();
      const runs: number[] = [];
      const machines = aheads.map((ahead) => virtualClock(1_000_000 + ahead));
      const crons: Played<unknown>[] = machines.map((machine) =>
        play(
          ({ slot = NaN, scheduler }) => (runs.push(slot), timer(3, scheduler)),
          schedule,
          { ...options, coordinator },
          machine,
        ),
      );
      const runFor = (ms: number) => {
        for (let passed = 0; passed < ms; passed += 5) for (const machine of machines) machine.advance(5);
      };
      return { coordinator, runs, machines, crons, runFor };
    };
    const seconds = (from: number, n: number) => Array.from({ length: n }, (_, k) => from + k * 1000);

    it('by one clock', () => {
      const { runs, crons, runFor, coordinator } = fleet([0, 0], '* * * * * *', {});
      runFor(10_000);
      expect(runs).to.deep.equal(seconds(1_001_000, 10));
      const [first, second] = crons.map(({ story }) => story.map((line) => line.replace(/^\d+: /, '')));
      expect(first).to.deep.equal(runs.map((slot) => `started ${slot}`));
      expect(second).to.deep.equal(runs.map((slot) => `skipped ${slot} refused`));
      runFor(5);
      expect(coordinator.held).to.deep.equal([]);
    });

    it('by clocks that differ', () => {
      const { runs, runFor } = fleet([0, 300, -450, 20], '* * * * * *', { tolerance: 0 });
      runFor(10_000);
      // By the one that is behind it is not yet 1,000,000.
      expect(runs).to.deep.equal(seconds(1_000_000, 11));
    });

    it('when one of them sleeps, and catches up', () => {
      const { runs, machines, runFor } = fleet([0, 0], '* * * * * *', { missed: 'runAll' });
      runFor(2500);
      const [first] = machines;
      // Its timers stand still, the other one goes on.
      for (const machine of machines) if (machine !== first) machine.advance(4000);
      first?.adjust(4000);
      runFor(4000);
      expect(runs).to.deep.equal(seconds(1_001_000, runs.length));
      expect(new Set(runs).size).to.equal(runs.length);
    });

    it('when one is cancelled the others take over, and its lease of a slot is left', () => {
      const { runs, crons, runFor, coordinator } = fleet([0, 0, 0], '* * * * * *', {});
      runFor(1000);
      expect(coordinator.held).to.deep.equal(['x@1001000']);
      crons[0]?.cancel();
      expect(coordinator.held).to.deep.equal([]);
      runFor(3000);
      expect(runs).to.deep.equal(seconds(1_001_000, 4));
    });
  });

  it('leaves tasks of other names alone', () => {
    const coordinator = memoryCoordinator();
    const machine = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: machine });
    const told = ['a', 'b'].map((name) =>
      collect(
        cron(
          task(name, () => name),
          10,
          { coordinator, maxRuns: 2 },
        ).start(ctx),
      ),
    );
    machine.advance(100);
    expect(told).to.deep.equal([
      ['a', 'a', 'complete'],
      ['b', 'b', 'complete'],
    ]);
  });

  it('tells each slot once, whatever its answer', () => {
    const answers = [of(true), of(false), EMPTY, throwError(() => new Error('boom')), NEVER, of(true)];
    const runner = cron(
      task('x', () => 1),
      10,
      { coordinator: { lease: (_, slot) => answers[slot / 10] ?? NEVER }, timeout: 5, maxRuns: 2 },
    );
    const machine = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: machine });
    const story = storyOf(runner);
    runner.start(ctx).subscribe();
    machine.advance(200);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: skipped 10 refused',
      '20: skipped 20 coordinator (Error: The coordinator gave no answer for x)',
      '30: skipped 30 coordinator (Error: boom)',
      '45: skipped 40 coordinator (DeadlineError: Not done within 5 ms)',
      '50: started 50',
      '50: done completed',
    ]);
  });
});
