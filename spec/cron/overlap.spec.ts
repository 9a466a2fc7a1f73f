import { expect } from 'chai';
import { concatMap, filter, interval, map, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
import { cron, task, withCancel, type RunContext, type TaskEvent } from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { overlapPolicies, startCron, takes, type Overlap } from '../helpers/start-cron.js';
import { deferred, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

/** Names the slots of a period of 4 ms: `a` is due at 0, `b` at 4. */
const letter = (slot: number | undefined) => 'abcdefgh'.charAt((slot ?? NaN) / 4);

type Shown = (event: TaskEvent) => string | undefined;
const started: Shown = (event) => (event.type === 'slot-started' ? letter(event.slot) : undefined);
const failed: Shown = (event) => (event.type === 'slot-failed' ? letter(event.slot) : undefined);
/** Shows a dropped slot: a small letter if another run was the reason, a capital if the end of the cron was. */
const dropped: Shown = (event) => {
  if (event.type !== 'skipped') return undefined;
  return { overlap: letter(event.slot), ended: letter(event.slot).toUpperCase(), refused: '?', coordinator: '?' }[
    event.reason
  ];
};

interface Row {
  readonly overlap: Overlap;
  readonly starts: string;
  /** The times at which runs end and yield their slot. The cron is cancelled after 31 ms. */
  readonly ends: string;
  /** The times at which runs are cancelled. */
  readonly cancelled?: string;
  readonly skipped?: string;
}

const none = '-';
const tables: readonly { readonly title: string; readonly length: number; readonly rows: readonly Row[] }[] = [
  {
    title: 'half a period',
    length: 2,
    rows: overlapPolicies.map((overlap) => ({
      overlap,
      starts: '  a---b---c---d---e---f---g---h',
      ends: '    --a---b---c---d---e---f---g---h|',
    })),
  },
  {
    title: 'one period, which end at the instant of the next slot',
    length: 4,
    rows: overlapPolicies.map((overlap) => ({
      overlap,
      starts: '  a---b---c---d---e---f---g---h',
      ends: '    ----a---b---c---d---e---f---g--|',
      cancelled: '     -------------------------------h',
    })),
  },
  {
    title: 'one and a half periods',
    length: 6,
    rows: [
      {
        overlap: 'skip',
        starts: '  a-------c-------e-------g',
        ends: '    ------a-------c-------e-------g|',
        skipped: ' ----b-------d-------f-------h',
      },
      {
        overlap: 'bufferOne',
        starts: '  a-----b-----c-----d-----f-----g',
        ends: '    ------a-----b-----c-----d-----f|',
        cancelled: '     -------------------------------g',
        skipped: ' ----------------e-----------h',
      },
      {
        overlap: 'bufferAll',
        starts: '  a-----b-----c-----d-----e-----f',
        ends: '    ------a-----b-----c-----d-----e|',
        cancelled: '     -------------------------------f',
        skipped: ' -------------------------------(GH)',
      },
      {
        overlap: 'cancelOther',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    -------------------------------|',
        cancelled: '     ----a---b---c---d---e---f---g--h',
      },
      {
        overlap: 'allowAll',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    ------a---b---c---d---e---f---g|',
        cancelled: '     -------------------------------h',
      },
    ],
  },
  {
    title: 'two periods',
    length: 8,
    rows: [
      {
        overlap: 'skip',
        starts: '  a-------c-------e-------g',
        ends: '    --------a-------c-------e------|',
        cancelled: '     -------------------------------g',
        skipped: ' ----b-------d-------f-------h',
      },
      {
        overlap: 'bufferOne',
        starts: '  a-------b-------c-------e',
        ends: '    --------a-------b-------c------|',
        cancelled: '     -------------------------------e',
        skipped: ' ------------d-------f-------h--G',
      },
      {
        overlap: 'bufferAll',
        starts: '  a-------b-------c-------d',
        ends: '    --------a-------b-------c------|',
        cancelled: '     -------------------------------d',
        skipped: ' -------------------------------(EFGH)',
      },
      {
        overlap: 'cancelOther',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    -------------------------------|',
        cancelled: '     ----a---b---c---d---e---f---g--h',
      },
      {
        overlap: 'allowAll',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    --------a---b---c---d---e---f--|',
        cancelled: '     -------------------------------(gh)',
      },
    ],
  },
  {
    title: 'three and a half periods',
    length: 14,
    rows: [
      {
        overlap: 'skip',
        starts: '  a---------------e',
        ends: '    --------------a---------------e|',
        skipped: ' ----b---c---d-------f---g---h',
      },
      {
        overlap: 'bufferOne',
        starts: '  a-------------b-------------e',
        ends: '    --------------a-------------b--|',
        cancelled: '     -------------------------------e',
        skipped: ' --------c---d-------f---g------H',
      },
      {
        overlap: 'bufferAll',
        starts: '  a-------------b-------------c',
        ends: '    --------------a-------------b--|',
        cancelled: '     -------------------------------c',
        skipped: ' -------------------------------(DEFGH)',
      },
      {
        overlap: 'cancelOther',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    -------------------------------|',
        cancelled: '     ----a---b---c---d---e---f---g--h',
      },
      {
        overlap: 'allowAll',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    --------------a---b---c---d---e|',
        cancelled: '     -------------------------------(fgh)',
      },
    ],
  },
];

/** Returns an `execute` that yields its slot after some ms, or emits it to `runCancelled$` when it is cancelled. */
const marked =
  (length: number, runCancelled$: Subject<string>) =>
  ({ slot, cancelled$ }: RunContext) =>
    new Observable<string>((subscriber) => {
      let ended = false;
      cancelled$.subscribe(() => !ended && runCancelled$.next(letter(slot)));
      return timer(length).subscribe(() => {
        ended = true;
        subscriber.next(letter(slot));
        subscriber.complete();
      });
    });

describe('The cron option `overlap`', () => {
  spyOnConsoleError();

  for (const { title, length, rows } of tables) {
    describe(`for runs of ${title}`, () => {
      for (const { overlap, starts, ends, cancelled = none, skipped = none } of rows) {
        for (const fails of [false, true]) {
          it(`'${overlap}' starts, cancels and drops as drawn${fails ? ' when every run fails' : ''}`, () => {
            virtually(({ hot, expectObservable }) => {
              const [ctx, cancel] = withCancel();
              hot(`${'-'.repeat(31)}c`).subscribe(cancel);
              const runCancelled$ = new Subject<string>();
              const execute = marked(length, runCancelled$);
              const fail = () => {
                throw new Error('boom');
              };
              const runner = cron(
                task('x', (run) => (fails ? execute(run).pipe(map(fail)) : execute(run))),
                4,
                { overlap },
              );
              const shown = (which: Shown) =>
                runner.events$.pipe(
                  map(which),
                  filter((text) => text !== undefined),
                );
              expectObservable(shown(started)).toBe(starts);
              expectObservable(shown(dropped)).toBe(skipped);
              expectObservable(shown(failed)).toBe(fails ? ends.replace('|', '') : none);
              expectObservable(runCancelled$).toBe(cancelled);
              expectObservable(runner.start(ctx)).toBe(fails ? ends.replaceAll(/[a-h]/g, '-') : ends);
            });
          });
        }
      }
    });
  }

  for (const overlap of overlapPolicies) {
    it(`'${overlap}' runs a synchronous task at each slot, whether it yields or fails`, () => {
      virtually(({ expectObservable }) => {
        const runner = (execute: (slot: number | undefined) => Observable<string> | string) =>
          cron(
            task('x', ({ slot }) => execute(slot)),
            4,
            { overlap, maxRuns: 4 },
          );
        const boom = () => {
          throw new Error('boom');
        };
        const yields = runner(letter);
        const fails = runner((slot) => (slot === 4 ? throwError(() => new Error('boom')) : of(letter(slot))));
        const throws = runner((slot) => (slot === 8 ? boom() : letter(slot)));
        const failures = ({ events$ }: typeof fails) => events$.pipe(map(failed), filter(Boolean));
        expectObservable(failures(fails)).toBe('----b');
        expectObservable(failures(throws)).toBe('--------c');
        expectObservable(yields.start()).toBe('a---b---c---(d|)');
        expectObservable(fails.start()).toBe('  a-------c---(d|)');
        expectObservable(throws.start()).toBe(' a---b-------(d|)');
      });
    });
  }

  it('counts a run as overlapping if it ends at the instant of a slot, but after it', () => {
    virtually(({ expectObservable }) => {
      // The last timer of a run is set after that of the slot.
      const late = task('x', ({ slot }) => timer(2).pipe(concatMap(() => timer(2).pipe(map(() => letter(slot))))));
      expectObservable(cron(late, 4, { maxRuns: 2 }).start()).toBe('----a-------(c|)');
      expectObservable(cron(late, 4, { overlap: 'bufferOne', maxRuns: 2 }).start()).toBe('----a---(b|)');
    });
  });

  it("is 'skip' by default", () => {
    const { clock, log } = startCron(() => NEVER, 10, {});
    clock.advance(20);
    expect(log).to.deep.equal(['0: started 0', '10: skipped 10 overlap', '20: skipped 20 overlap']);
  });

  it("reports each slot that 'bufferOne' drops, and runs the others with their own slots", () => {
    const { clock, log, emitted } = startCron(takes(25), 10, { overlap: 'bufferOne', maxRuns: 3 });
    clock.advance(100);
    expect(log).to.deep.equal([
      '0: started 0',
      '20: skipped 20 overlap',
      '25: started 10',
      '40: skipped 40 overlap',
      '50: started 30',
      '75: done completed',
    ]);
    expect(emitted).to.deep.equal([0, 10, 30, 'complete']);
  });

  describe("'cancelOther'", () => {
    it('cancels the run with an error that gives the reason, and not the run that overtakes it', () => {
      const causes: unknown[] = [];
      const { clock, log, cancel } = startCron(
        ({ slot, cancelled$ }) => (cancelled$.subscribe((cause) => causes.push([slot, String(cause)])), NEVER),
        10,
        { overlap: 'cancelOther' },
      );
      clock.advance(25);
      expect(causes).to.deep.equal([
        [0, 'CancelledError: Overtaken by the next slot'],
        [10, 'CancelledError: Overtaken by the next slot'],
      ]);
      cancel('enough');
      expect(causes.at(-1)).to.deep.equal([20, 'enough']);
      expect(log).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '25: done cancelled']);
    });

    it('lets the last run end by itself', () => {
      const slots = [10, 15, 20];
      const { clock, log, emitted } = startCron(
        takes(8),
        { next: (after) => slots.find((slot) => slot > after) },
        {
          overlap: 'cancelOther',
        },
      );
      clock.advance(100);
      expect(log).to.deep.equal(['10: started 10', '15: started 15', '20: started 20', '28: done completed']);
      expect(emitted).to.deep.equal([20, 'complete']);
    });

    it('starts the next run after the grace of the last one, and emits what that yields within it', () => {
      const { clock, log, emitted, cancel } = startCron(
        { execute: ({ scheduler, slot }) => interval(5, scheduler).pipe(map((n) => [slot, n])), grace: 6 },
        10,
        { overlap: 'cancelOther' },
      );
      clock.advance(38);
      cancel();
      clock.advance(10);
      expect(log).to.deep.equal([
        '0: started 0',
        '16: started 10',
        '26: started 20',
        '36: started 30',
        '44: done cancelled',
      ]);
      expect(emitted).to.deep.equal([[0, 0], [0, 1], [0, 2], [10, 0], [20, 0], [30, 0], 'complete']);
    });

    it('drops the waiting slot when the next one comes', () => {
      const { clock, log } = startCron({ execute: () => NEVER, grace: 25 }, 10, {
        overlap: 'cancelOther',
        maxRuns: 3,
      });
      clock.advance(200);
      expect(log).to.deep.equal([
        '0: started 0',
        '20: skipped 10 overlap',
        '30: skipped 20 overlap',
        '35: started 30',
        '50: skipped 40 overlap',
        '60: skipped 50 overlap',
        '65: started 60',
      ]);
    });

    it('starts the next run when the promise of the last one has settled', async () => {
      const works = [deferred<string>(), deferred<string>(), deferred<string>()];
      let n = 0;
      const { clock, log, emitted, cancel } = startCron(() => works[n++]?.promise, 10, { overlap: 'cancelOther' });
      clock.advance(15);
      await settled();
      expect(log).to.deep.equal(['0: started 0']);
      works[0]?.resolve('a');
      await settled();
      expect(log).to.deep.equal(['0: started 0', '15: started 10']);
      clock.advance(10);
      // The work respects its context.
      works[1]?.reject(new DOMException('Aborted', 'AbortError'));
      await settled();
      cancel();
      works[2]?.resolve('c');
      await settled();
      expect(log).to.deep.equal(['0: started 0', '15: started 10', '25: started 20', '25: done cancelled']);
      expect(emitted).to.deep.equal(['a', 'c', 'complete']);
    });

    it('starts the next run when the `return()` of the last one’s iterator has settled', async () => {
      const closed = deferred<undefined>();
      const pending = new Promise<never>(() => undefined);
      const iterable = {
        [Symbol.asyncIterator]: () => ({
          next: () => pending,
          return: async () => ({ done: true as const, value: await closed.promise }),
        }),
      };
      const { clock, log } = startCron(({ slot }) => (slot === 0 ? iterable : 'next'), 10, {
        overlap: 'cancelOther',
      });
      clock.advance(13);
      await settled();
      expect(log).to.deep.equal(['0: started 0']);
      closed.resolve(undefined);
      await settled();
      expect(log).to.deep.equal(['0: started 0', '13: started 10']);
    });

    it('reports a run that fails while it is cancelled, and starts the next one', () => {
      const { clock, log, emitted } = startCron(
        ({ slot }) =>
          new Observable(() => () => {
            if (slot === 0) throw new Error('boom');
          }),
        10,
        { overlap: 'cancelOther' },
      );
      clock.advance(15);
      expect(log).to.deep.equal([
        '0: started 0',
        '10: failed 0 TaskError: x failed in execute: boom',
        '10: started 10',
      ]);
      expect(emitted).to.deep.equal([]);
    });
  });

  it("'allowAll' runs slots concurrently, each with its own context", () => {
    const { clock, log, emitted } = startCron(
      ({ slot = 0, scheduler }) => timer(35 - slot, scheduler).pipe(map(() => slot)),
      10,
      { overlap: 'allowAll', maxRuns: 3 },
    );
    clock.advance(100);
    expect(log).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '35: done completed']);
    expect(emitted).to.deep.equal([0, 10, 20, 'complete']);
  });

  it("'bufferAll' runs ten thousand waiting slots of synchronous runs without a deep call stack", () => {
    const gate = new Subject<void>();
    const { clock, emitted } = startCron<unknown>(({ slot }) => (slot === 0 ? gate : slot), 1, {
      overlap: 'bufferAll',
    });
    clock.advance(10_000);
    gate.complete();
    expect(emitted.length).to.equal(10_000);
    expect(emitted.at(-1)).to.equal(10_000);
  });
});
