import { expect } from 'chai';
import { BehaviorSubject, concat, defer, EMPTY, map, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
import { cron, task, withCancel, type Coordinator, type CronOptions } from '../../lib/index.js';
import { virtualClock, memoryCoordinator } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { slotEvents, startCron, takes, type Overlap, type StartedCron } from '../helpers/start-cron.js';
import { outcomeOf } from '../helpers/tasks.js';

/** A coordinator whose answers the spec gives. */
class ManualCoordinator implements Coordinator {
  readonly asked: string[] = [];
  /** The slots whose lease has been released. */
  readonly released: number[] = [];
  private readonly answers = new Map<number, Subject<boolean>>();

  lease(name: string, slot: number): Observable<boolean> {
    this.asked.push(`${name}@${slot}`);
    const answer = new Subject<boolean>();
    this.answers.set(slot, answer);
    return answer.pipe(onUnsubscribe(() => this.released.push(slot)));
  }

  answerTo(slot: number): Subject<boolean> {
    const answer = this.answers.get(slot);
    if (!answer) throw new Error(`No lease was requested for ${slot}`);
    return answer;
  }
}

function onUnsubscribe(released: () => void): <T>(source: Observable<T>) => Observable<T> {
  return (source) =>
    new Observable((subscriber) => {
      subscriber.add(released);
      source.subscribe(subscriber);
    });
}

const granted$ = concat(of(true), NEVER);

describe('The coordinator of a cron', () => {
  const written = spyOnConsoleError();

  it('grants a slot, whose lease is released when its run has ended', () => {
    const coordinator = new ManualCoordinator();
    const { clock, log, emitted } = startCron(takes(3), 10, { coordinator, maxRuns: 2 });
    clock.advance(1);
    expect([log, coordinator.asked]).to.deep.equal([[], ['x@0']]);
    coordinator.answerTo(0).next(true);
    expect(log).to.deep.equal(['1: started 0']);
    clock.advance(2.9);
    expect(coordinator.released).to.deep.equal([]);
    clock.advance(0.1);
    expect([emitted, coordinator.released]).to.deep.equal([[0], [0]]);
    clock.advance(6);
    coordinator.answerTo(10).next(true);
    clock.advance(3);
    expect([emitted, coordinator.asked, coordinator.released]).to.deep.equal([
      [0, 10, 'complete'],
      ['x@0', 'x@10'],
      [0, 10],
    ]);
  });

  it('is asked by a method call, at once when a slot has its turn', () => {
    class Granting implements Coordinator {
      readonly asked: [string, number][] = [];
      lease(name: string, slot: number): Observable<boolean> {
        this.asked.push([name, slot]);
        return granted$;
      }
    }
    const coordinator = new Granting();
    const { clock, log } = startCron(takes(15), 10, { coordinator, overlap: 'bufferOne', maxRuns: 2 });
    clock.advance(14);
    expect(coordinator.asked).to.deep.equal([['x', 0]]);
    clock.advance(20);
    expect(coordinator.asked).to.deep.equal([
      ['x', 0],
      ['x', 10],
    ]);
    expect(log).to.deep.equal(['0: started 0', '15: started 10', '30: done completed']);
  });

  it('grants synchronously and leaves no timer or lease behind after a synchronous run', () => {
    const released: number[] = [];
    const coordinator: Coordinator = { lease: (_, slot) => granted$.pipe(onUnsubscribe(() => released.push(slot))) };
    const { clock, emitted } = startCron(({ slot }) => slot, 10, { coordinator, maxRuns: 3 });
    clock.advance(100);
    expect([emitted, released, clock.timers]).to.deep.equal([[0, 10, 20, 'complete'], [0, 10, 20], 0]);
  });

  it('refuses a slot, which is skipped and whose lease is released', () => {
    const released: number[] = [];
    const coordinator: Coordinator = {
      lease: (_, slot) =>
        (slot === 10 ? granted$ : concat(of(false), NEVER)).pipe(onUnsubscribe(() => released.push(slot))),
    };
    const { clock, log, emitted, cancel } = startCron(({ slot }) => slot, 10, { coordinator });
    clock.advance(25);
    cancel();
    expect(log).to.deep.equal([
      '0: skipped 0 refused',
      '10: started 10',
      '20: skipped 20 refused',
      '25: done cancelled',
    ]);
    expect([emitted, released, clock.timers]).to.deep.equal([[10, 'complete'], [0, 10, 20], 0]);
  });

  it('cannot grant a slot after it has refused it', () => {
    const coordinator: Coordinator = { lease: () => of(false, true) };
    const { log } = startCron(() => 1, 10, { coordinator });
    expect(log).to.deep.equal(['0: skipped 0 refused']);
  });

  it('may grant a slot more than once, and the slot runs once', () => {
    const coordinator: Coordinator = { lease: () => concat(of(true, true, true), NEVER) };
    const { log, emitted } = startCron(takes(5), 10, { coordinator });
    expect([log, emitted]).to.deep.equal([['0: started 0'], []]);
  });

  it('may complete after it has granted a slot, and the run goes on', () => {
    const { clock, log, emitted } = startCron(takes(5), 10, { coordinator: { lease: () => of(true) }, maxRuns: 1 });
    clock.advance(10);
    expect([log, emitted]).to.deep.equal([
      ['0: started 0', '5: done completed'],
      [0, 'complete'],
    ]);
  });

  it('may answer with a promise where types are not checked', async () => {
    const coordinator = { lease: () => Promise.resolve(true) } as unknown as Coordinator;
    const { log, emitted } = startCron(({ slot }) => slot, 10, { coordinator });
    await Promise.resolve();
    await Promise.resolve();
    expect([log, emitted]).to.deep.equal([['0: started 0'], [0]]);
  });

  for (const [answer, printed] of [
    [1, '`1` (number)'],
    ['false', "`'false'` (string)"],
    [undefined, 'undefined'],
  ] as const) {
    const message = `Expected \`coordinator.lease\` to be a stream of booleans, got ${printed}`;
    it(`refuses a slot by the answer ${printed}, with a TypeError`, () => {
      const coordinator = { lease: () => concat(of(answer), NEVER) } as unknown as Coordinator;
      const { log, clock } = startCron(({ slot }) => slot, 10, { coordinator });
      clock.advance(10);
      expect(log).to.deep.equal([
        `0: skipped 0 coordinator (TypeError: ${message})`,
        `10: skipped 10 coordinator (TypeError: ${message})`,
      ]);
    });
  }

  it('revokes a lease by any value but true, with a TypeError unless it is false', () => {
    const answer = new Subject<unknown>();
    const coordinator = { lease: () => answer } as unknown as Coordinator;
    const { runner, emitted } = startCron(takes(3), 10, { coordinator, maxRuns: 1 });
    const causes: string[] = [];
    runner.events$.subscribe((event) => event.type === 'cancelling' && causes.push(String(event.cause)));
    answer.next(true);
    answer.next('true');
    expect(causes).to.deep.equal([
      "TypeError: Expected `coordinator.lease` to be a stream of booleans, got `'true'` (string)",
    ]);
    expect(emitted).to.deep.equal(['complete']);
  });

  describe('that revokes a lease', () => {
    for (const [title, revoke, cause] of [
      ['with false', (lease: Subject<boolean>) => lease.next(false), 'CancelledError: The lease was revoked'],
      ['by an error', (lease: Subject<boolean>) => lease.error(new Error('gone')), 'Error: gone'],
    ] as const) {
      it(`${title} cancels the run without failing it, and the schedule goes on`, () => {
        const coordinator = new ManualCoordinator();
        const causes: string[] = [];
        const { clock, runner, log, emitted, cancel } = startCron(
          ({ cancelled$, scheduler, slot }) => {
            cancelled$.subscribe((reason) => causes.push(String(reason)));
            return timer(5, scheduler).pipe(map(() => slot));
          },
          10,
          { coordinator },
        );
        coordinator.answerTo(0).next(true);
        clock.advance(2);
        revoke(coordinator.answerTo(0));
        expect(causes).to.deep.equal([cause]);
        clock.advance(8);
        coordinator.answerTo(10).next(true);
        clock.advance(5);
        cancel();
        expect(log.filter((line) => /started|failed|skipped|done/.test(line))).to.deep.equal([
          '0: started 0',
          '10: started 10',
          '15: done cancelled',
        ]);
        expect(log).to.include(`2: revoked 0 by ${cause}`);
        expect(emitted).to.deep.equal([10, 'complete']);
        expect(coordinator.released).to.deep.equal([0, 10]);
        expect(outcomeOf(runner)?.error).to.equal(undefined);
      });
    }

    it('by an error has the error written with console.error if nothing listens to events', () => {
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
      expect(written.all().map(String)).to.deep.equal(['Error: gone']);
    });

    it('waits for the grace of the run before the lease is released', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log } = startCron({ execute: () => NEVER, grace: 12 }, 10, {
        coordinator,
        overlap: 'bufferOne',
      });
      coordinator.answerTo(0).next(true);
      clock.advance(2);
      coordinator.answerTo(0).next(false);
      coordinator.answerTo(0).next(true);
      clock.advance(11);
      expect([coordinator.released, coordinator.asked]).to.deep.equal([[], ['x@0']]);
      clock.advance(1);
      expect([coordinator.released, coordinator.asked]).to.deep.equal([[0], ['x@0', 'x@10']]);
      expect(log).to.deep.equal(['0: started 0', '2: revoked 0 by CancelledError: The lease was revoked']);
    });

    it('of a cancelled run has no effect', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log } = startCron({ execute: () => NEVER, grace: 5 }, 10, { coordinator, timeout: 3 });
      coordinator.answerTo(0).next(true);
      clock.advance(4);
      coordinator.answerTo(0).next(false);
      clock.advance(1);
      expect(log).to.deep.equal(['0: started 0', '3: failed 0 TaskError: x failed in execute: Not done within 3 ms']);
    });

    it('of an ended run has no effect', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log } = startCron(() => 1, 10, { coordinator, maxRuns: 1 });
      coordinator.answerTo(0).next(true);
      coordinator.answerTo(0).next(false);
      clock.advance(50);
      expect(log).to.deep.equal(['0: started 0', '0: done completed']);
    });
  });

  it('is not asked for a slot that is dropped, also if a listener of that ends the run before it', () => {
    const requests: number[] = [];
    const output = new Subject<number>();
    const coordinator: Coordinator = { lease: (_, slot) => (requests.push(slot), granted$) };
    const { clock, runner, log, cancel } = startCron(() => output, 10, { coordinator, timeout: 100 });
    runner.events$.subscribe(({ type }) => type === 'skipped' && output.complete());
    clock.advance(10);
    expect([requests, log, clock.timers]).to.deep.equal([[0], ['0: started 0', '10: skipped 10 overlap'], 1]);
    cancel();
    expect(clock.timers).to.equal(0);
  });

  describe('that fails', () => {
    const boom = new Error('no database');
    const failures: readonly [title: string, lease: Coordinator['lease'], error: string][] = [
      ['with an error', () => throwError(() => boom), 'Error: no database'],
      [
        'by throwing',
        () => {
          throw boom;
        },
        'Error: no database',
      ],
      ['by completing without an answer', () => EMPTY, 'Error: The coordinator gave no answer for x'],
      [
        'by returning nothing',
        () => undefined as never,
        "TypeError: You provided 'undefined' where a stream was expected. " +
          'You can provide an Observable, Promise, ReadableStream, Array, AsyncIterable, or Iterable.',
      ],
    ];
    for (const [title, lease, error] of failures) {
      it(`${title} has the slot skipped with the error in the event, and the schedule goes on`, () => {
        const { clock, log, emitted, cancel } = startCron(() => 1, 10, {
          coordinator: { lease: (name, slot) => (slot === 10 ? granted$ : lease(name, slot)) },
        });
        clock.advance(15);
        cancel();
        expect(log).to.deep.equal([`0: skipped 0 coordinator (${error})`, '10: started 10', '15: done cancelled']);
        expect(emitted).to.deep.equal([1, 'complete']);
        expect(clock.timers).to.equal(0);
      });
    }

    it('has its error written with console.error if nothing listens to events', () => {
      for (const [, lease] of failures) {
        const runner = cron(
          task('x', () => 1),
          1000,
          { coordinator: { lease } },
        );
        runner.start().subscribe().unsubscribe();
      }
      const lines = written.all().map(String);
      expect(lines.filter((line) => !line.startsWith('Cron x: 1 slot skipped (coordinator)'))).to.deep.equal(
        failures.map(([, , error]) => error),
      );
      const refused = cron(
        task('x', () => 1),
        1000,
        { coordinator: { lease: () => of(false) } },
      );
      refused.start().subscribe().unsubscribe();
      expect(written.all()).to.have.length(lines.length);
    });
  });

  describe('that answers late', () => {
    it('starts the run with its own slot, and the next slot is on time', () => {
      const coordinator: Coordinator = {
        lease: (_, slot) => concat(timer(slot === 0 ? 7 : 0, clock).pipe(map(() => true)), NEVER),
      };
      const clock = virtualClock();
      const { log, emitted } = startCron(({ slot }) => slot, 10, { coordinator, maxRuns: 2 }, clock);
      clock.advance(50);
      expect(log).to.deep.equal(['7: started 0', '10: started 10', '10: done completed']);
      expect(emitted).to.deep.equal([0, 10, 'complete']);
    });

    const meanwhile: Record<Overlap, readonly string[]> = {
      skip: ['10: skipped 10 overlap', '20: skipped 20 overlap', '25: started 0'],
      bufferOne: ['20: skipped 20 overlap', '25: started 0'],
      bufferAll: ['25: started 0'],
      cancelOther: ['10: skipped 0 overlap', '20: skipped 10 overlap'],
      allowAll: ['25: started 0'],
    };
    for (const [overlap, log] of Object.entries(meanwhile) as [Overlap, readonly string[]][]) {
      it(`makes the waiting slot count as a run, with overlap '${overlap}'`, () => {
        const clock = virtualClock();
        const coordinator: Coordinator = { lease: () => concat(timer(25, clock).pipe(map(() => true)), NEVER) };
        const played = startCron(() => NEVER, 10, { coordinator, overlap }, clock);
        clock.advance(29);
        expect(played.log).to.deep.equal(log);
      });
    }

    it("is asked for the slot that overtakes it, with overlap 'cancelOther'", () => {
      const coordinator = new ManualCoordinator();
      const { clock, log } = startCron(() => NEVER, 10, { coordinator, overlap: 'cancelOther' });
      clock.advance(10);
      expect([coordinator.asked, coordinator.released]).to.deep.equal([['x@0', 'x@10'], [0]]);
      coordinator.answerTo(0).next(true);
      coordinator.answerTo(10).next(true);
      expect(log).to.deep.equal(['10: skipped 0 overlap', '10: started 10']);
    });

    it('has its slots skipped when the last of maxRuns starts', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log } = startCron(() => NEVER, 10, { coordinator, overlap: 'allowAll', maxRuns: 2 });
      clock.advance(35);
      coordinator.answerTo(20).next(true);
      coordinator.answerTo(0).next(true);
      expect(log).to.deep.equal(['35: started 20', '35: started 0', '35: skipped 10 ended', '35: skipped 30 ended']);
      expect(coordinator.released).to.deep.equal([10, 30]);
      coordinator.answerTo(10).next(true);
      expect(log).to.have.length(4);
    });
  });

  it('starts no run past maxRuns by a grant that comes while the last run is starting', () => {
    const coordinator = new ManualCoordinator();
    const executed: (number | undefined)[] = [];
    const { clock, runner, log } = startCron((ctx) => (executed.push(ctx.slot), NEVER), 10, {
      coordinator,
      overlap: 'allowAll',
      maxRuns: 1,
    });
    clock.advance(15);
    runner.events$.subscribe(
      (event) => event.type === 'slot-started' && event.slot === 0 && coordinator.answerTo(10).next(true),
    );
    coordinator.answerTo(0).next(true);
    expect(executed).to.deep.equal([0]);
    expect(log).to.have.members(['15: started 0', '15: skipped 10 ended']);
  });

  describe('that never answers', () => {
    it('has its slot reported as overdue and the next slots skipped', () => {
      const { clock, log, cancel } = startCron(() => 1, 10, { coordinator: { lease: () => NEVER }, tolerance: 15 });
      clock.advance(35);
      cancel();
      expect(log).to.deep.equal([
        '10: skipped 10 overlap',
        '15: overdue 0 by 15',
        '20: skipped 20 overlap',
        '30: skipped 30 overlap',
        '35: skipped 0 ended',
        '35: done cancelled',
      ]);
      expect(clock.timers).to.equal(0);
    });

    it('within the timeout has its slot skipped with a DeadlineError, and the schedule goes on', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log, cancel } = startCron(() => NEVER, 20, { coordinator, timeout: 15 });
      clock.advance(15);
      expect(coordinator.released).to.deep.equal([0]);
      clock.advance(10);
      coordinator.answerTo(20).next(true);
      clock.advance(9);
      // The wait for the lease counts towards the timeout.
      expect(log).to.deep.equal(['15: skipped 0 coordinator (DeadlineError: Not done within 15 ms)', '25: started 20']);
      clock.advance(1);
      expect(log.at(-1)).to.match(/^35: failed 20 TaskError: .* Not done within 15 ms$/);
      expect(coordinator.released).to.deep.equal([0, 20]);
      cancel();
      expect(clock.timers).to.equal(0);
    });
  });

  it('starts no run by a grant in an abort listener of the context whose cancel stops the cron', () => {
    const coordinator = new ManualCoordinator();
    const [ctx, cancel] = withCancel(undefined, { scheduler: virtualClock() });
    ctx.cancelled$.subscribe(() => coordinator.answerTo(0).next(true));
    const runner = cron(task('x', takes(1)), 10, { coordinator });
    const log = slotEvents(runner);
    runner.start(ctx).subscribe();
    cancel();
    expect(log).to.deep.equal(['0: skipped 0 ended', '0: done cancelled']);
    expect([coordinator.released, runner.history.runs]).to.deep.equal([[0], 0]);
  });

  describe('has its lease released', () => {
    it('when the cron is cancelled while it waits for the answer', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log, emitted, cancel, ctx } = startCron(() => 1, 10, { coordinator, overlap: 'allowAll' });
      clock.advance(15);
      cancel();
      expect(coordinator.released).to.deep.equal([0, 10]);
      expect(log).to.deep.equal(['15: skipped 0 ended', '15: skipped 10 ended', '15: done cancelled']);
      expect([emitted, clock.timers, listenerCount(ctx)]).to.deep.equal([['complete'], 0, 0]);
    });

    it('when the subscriber unsubscribes', () => {
      const coordinator = new ManualCoordinator();
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const runner = cron(
        task('x', () => NEVER),
        10,
        { coordinator, overlap: 'allowAll' },
      );
      const subscription = runner.start(ctx).subscribe();
      coordinator.answerTo(0).next(true);
      clock.advance(15);
      subscription.unsubscribe();
      expect(coordinator.released.sort()).to.deep.equal([0, 10]);
      expect([clock.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
    });

    it('when the run fails', () => {
      const coordinator = new ManualCoordinator();
      const { clock, log } = startCron(() => throwError(() => new Error('boom')), 10, { coordinator });
      coordinator.answerTo(0).next(true);
      expect(log).to.deep.equal(['0: started 0', '0: failed 0 TaskError: x failed in execute: boom']);
      expect(coordinator.released).to.deep.equal([0]);
      clock.advance(10);
      expect(coordinator.asked).to.deep.equal(['x@0', 'x@10']);
    });
  });

  it('is not asked for dropped, missed or waiting slots', () => {
    const coordinator = new ManualCoordinator();
    const { clock } = startCron(() => NEVER, 10, { coordinator, overlap: 'bufferOne', lastRun: -45 });
    coordinator.answerTo(-5).next(true);
    clock.advance(100);
    expect(coordinator.asked).to.deep.equal(['x@-5']);
  });

  it('is asked for each missed slot that is caught up with', () => {
    const asked: number[] = [];
    const coordinator: Coordinator = {
      lease: (_, slot) => defer(() => (asked.push(slot), of(slot !== -15))),
    };
    const { log } = startCron(({ slot }) => slot, 10, { coordinator, lastRun: -35, missed: 'runAll', tolerance: 50 });
    expect(asked).to.deep.equal([-25, -15, -5]);
    expect(log).to.deep.equal(['0: started -25', '0: skipped -15 refused', '0: started -5']);
  });

  it('does not use up maxRuns by refusing slots', () => {
    const { clock, log } = startCron(() => 1, 10, { coordinator: { lease: (_, slot) => of(slot > 10) }, maxRuns: 2 });
    clock.advance(100);
    expect(log.at(-1)).to.equal('30: done completed');
  });

  describe('of several processes', () => {
    /** Starts crons of one task, each on its own clock. The clocks advance in turns. */
    const fleet = (aheads: readonly number[], schedule: number | string, options: CronOptions) => {
      const coordinator = memoryCoordinator();
      const runs: number[] = [];
      const clocks = aheads.map((ahead) => virtualClock(1_000_000 + ahead));
      const crons: StartedCron<unknown>[] = clocks.map((clock) =>
        startCron(
          ({ slot = NaN, scheduler }) => (runs.push(slot), timer(3, scheduler)),
          schedule,
          { ...options, coordinator },
          clock,
        ),
      );
      const runFor = (ms: number) => {
        for (let passed = 0; passed < ms; passed += 5) for (const clock of clocks) clock.advance(5);
      };
      return { coordinator, runs, clocks, crons, runFor };
    };
    const seconds = (from: number, n: number) => Array.from({ length: n }, (_, k) => from + k * 1000);

    it('runs each slot once by one clock', () => {
      const { runs, crons, runFor, coordinator } = fleet([0, 0], '* * * * * *', {});
      runFor(10_000);
      expect(runs).to.deep.equal(seconds(1_001_000, 10));
      const [first, second] = crons.map(({ log }) => log.map((line) => line.replace(/^\d+: /, '')));
      expect(first).to.deep.equal(runs.map((slot) => `started ${slot}`));
      expect(second).to.deep.equal(runs.map((slot) => `skipped ${slot} refused`));
      runFor(5);
      expect(coordinator.held).to.deep.equal([]);
    });

    it('runs each slot once by clocks that differ', () => {
      const { runs, runFor } = fleet([0, 300, -450, 20], '* * * * * *', { tolerance: 0 });
      runFor(10_000);
      // The clock that is behind has not reached 1,000,000 yet.
      expect(runs).to.deep.equal(seconds(1_000_000, 11));
    });

    it('runs each slot once when one process sleeps and catches up', () => {
      const { runs, clocks, runFor } = fleet([0, 0], '* * * * * *', { missed: 'runAll' });
      runFor(2500);
      const [first] = clocks;
      // The timers of the first stand still while the other advances.
      for (const clock of clocks) if (clock !== first) clock.advance(4000);
      first?.adjust(4000);
      runFor(4000);
      expect(runs).to.deep.equal(seconds(1_001_000, runs.length));
      expect(new Set(runs).size).to.equal(runs.length);
    });

    it('lets the others take over when one is cancelled, and releases its lease', () => {
      const { runs, crons, runFor, coordinator } = fleet([0, 0, 0], '* * * * * *', {});
      runFor(1000);
      expect(coordinator.held).to.deep.equal(['x@1001000']);
      crons[0]?.cancel();
      expect(coordinator.held).to.deep.equal([]);
      runFor(3000);
      expect(runs).to.deep.equal(seconds(1_001_000, 4));
    });
  });

  it('grants the slots of tasks with other names independently', () => {
    const coordinator = memoryCoordinator();
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const emitted = ['a', 'b'].map((name) =>
      collect(
        cron(
          task(name, () => name),
          10,
          { coordinator, maxRuns: 2 },
        ).start(ctx),
      ),
    );
    clock.advance(100);
    expect(emitted).to.deep.equal([
      ['a', 'a', 'complete'],
      ['b', 'b', 'complete'],
    ]);
  });

  it('has each slot reported once, whatever its answer', () => {
    const answers = [of(true), of(false), EMPTY, throwError(() => new Error('boom')), NEVER, of(true)];
    const runner = cron(
      task('x', () => 1),
      10,
      { coordinator: { lease: (_, slot) => answers[slot / 10] ?? NEVER }, timeout: 5, maxRuns: 2 },
    );
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const log = slotEvents(runner);
    runner.start(ctx).subscribe();
    clock.advance(200);
    expect(log).to.deep.equal([
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
