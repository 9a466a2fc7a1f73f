import { expect } from 'chai';
import { concatMap, filter, interval, map, NEVER, Observable, of, Subject, throwError, timer } from 'rxjs';
import { cron, task, withCancel, type CronOptions, type RunContext, type TaskEvent } from '../../lib/index.js';
import { lasting, play } from '../helpers/cron-story.js';
import { deferred, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

type Overlap = NonNullable<CronOptions['overlap']>;
const policies: readonly Overlap[] = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'];

/** The slots of a gap of 4 ms: `a` is due at 0, `b` at 4. */
const letter = (slot: number | undefined) => 'abcdefgh'.charAt((slot ?? NaN) / 4);

type Shown = (event: TaskEvent) => string | undefined;
const started: Shown = (event) => (event.type === 'slot-started' ? letter(event.slot) : undefined);
const failed: Shown = (event) => (event.type === 'slot-failed' ? letter(event.slot) : undefined);
/** A slot that is dropped: a small letter when because of another run, a capital one when because the cron has ended. */
const dropped: Shown = (event) => {
  if (event.type !== 'skipped') return undefined;
  return { overlap: letter(event.slot), ended: letter(event.slot).toUpperCase(), refused: '?', coordinator: '?' }[
    event.reason
  ];
};

interface Row {
  readonly overlap: Overlap;
  readonly starts: string;
  /** When a run ends by itself, and yields its slot; the cron is cancelled after 31 ms. */
  readonly ends: string;
  /** When a run is cancelled. */
  readonly cut?: string;
  readonly skipped?: string;
}

const none = '-';
const tables: readonly { readonly title: string; readonly length: number; readonly rows: readonly Row[] }[] = [
  {
    title: 'half a gap',
    length: 2,
    rows: policies.map((overlap) => ({
      overlap,
      starts: '  a---b---c---d---e---f---g---h',
      ends: '    --a---b---c---d---e---f---g---h|',
    })),
  },
  {
    title: 'one gap: when it ends at the instant at which a slot falls due, it is in nobody’s way',
    length: 4,
    rows: policies.map((overlap) => ({
      overlap,
      starts: '  a---b---c---d---e---f---g---h',
      ends: '    ----a---b---c---d---e---f---g--|',
      cut: '     -------------------------------h',
    })),
  },
  {
    title: 'one gap and a half',
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
        cut: '     -------------------------------g',
        skipped: ' ----------------e-----------h',
      },
      {
        overlap: 'bufferAll',
        starts: '  a-----b-----c-----d-----e-----f',
        ends: '    ------a-----b-----c-----d-----e|',
        cut: '     -------------------------------f',
        skipped: ' -------------------------------(GH)',
      },
      {
        overlap: 'cancelOther',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    -------------------------------|',
        cut: '     ----a---b---c---d---e---f---g--h',
      },
      {
        overlap: 'allowAll',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    ------a---b---c---d---e---f---g|',
        cut: '     -------------------------------h',
      },
    ],
  },
  {
    title: 'two gaps',
    length: 8,
    rows: [
      {
        overlap: 'skip',
        starts: '  a-------c-------e-------g',
        ends: '    --------a-------c-------e------|',
        cut: '     -------------------------------g',
        skipped: ' ----b-------d-------f-------h',
      },
      {
        overlap: 'bufferOne',
        starts: '  a-------b-------c-------e',
        ends: '    --------a-------b-------c------|',
        cut: '     -------------------------------e',
        skipped: ' ------------d-------f-------h--G',
      },
      {
        overlap: 'bufferAll',
        starts: '  a-------b-------c-------d',
        ends: '    --------a-------b-------c------|',
        cut: '     -------------------------------d',
        skipped: ' -------------------------------(EFGH)',
      },
      {
        overlap: 'cancelOther',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    -------------------------------|',
        cut: '     ----a---b---c---d---e---f---g--h',
      },
      {
        overlap: 'allowAll',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    --------a---b---c---d---e---f--|',
        cut: '     -------------------------------(gh)',
      },
    ],
  },
  {
    title: 'three gaps and a half',
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
        cut: '     -------------------------------e',
        skipped: ' --------c---d-------f---g------H',
      },
      {
        overlap: 'bufferAll',
        starts: '  a-------------b-------------c',
        ends: '    --------------a-------------b--|',
        cut: '     -------------------------------c',
        skipped: ' -------------------------------(DEFGH)',
      },
      {
        overlap: 'cancelOther',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    -------------------------------|',
        cut: '     ----a---b---c---d---e---f---g--h',
      },
      {
        overlap: 'allowAll',
        starts: '  a---b---c---d---e---f---g---h',
        ends: '    --------------a---b---c---d---e|',
        cut: '     -------------------------------(fgh)',
      },
    ],
  },
];

/** A run that yields its slot when some time has passed, and says when it is cut. */
const marked =
  (length: number, cut$: Subject<string>) =>
  ({ slot, cancelled$ }: RunContext) =>
    new Observable<string>((subscriber) => {
      let over = false;
      cancelled$.subscribe(() => !over && cut$.next(letter(slot)));
      return timer(length).subscribe(() => {
        over = true;
        subscriber.next(letter(slot));
        subscriber.complete();
      });
    });

describe('cron: overlap', () => {
  for (const { title, length, rows } of tables) {
    describe(`a run takes ${title}`, () => {
      for (const { overlap, starts, ends, cut = none, skipped = none } of rows) {
        for (const fails of [false, true]) {
          it(`'${overlap}'${fails ? ', and every run fails' : ''}`, () => {
            virtually(({ hot, expectObservable }) => {
              const [ctx, cancel] = withCancel();
              hot(`${'-'.repeat(31)}c`).subscribe(cancel);
              const cut$ = new Subject<string>();
              const execute = marked(length, cut$);
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
              expectObservable(cut$).toBe(cut);
              expectObservable(runner.start(ctx)).toBe(fails ? ends.replaceAll(/[a-h]/g, '-') : ends);
            });
          });
        }
      }
    });
  }

  for (const overlap of policies) {
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

  it('a slot that falls due at the instant at which a run ends, but before it has, finds it going', () => {
    virtually(({ expectObservable }) => {
      // Its last timer is set after the slot's.
      const late = task('x', ({ slot }) => timer(2).pipe(concatMap(() => timer(2).pipe(map(() => letter(slot))))));
      expectObservable(cron(late, 4, { maxRuns: 2 }).start()).toBe('----a-------(c|)');
      expectObservable(cron(late, 4, { overlap: 'bufferOne', maxRuns: 2 }).start()).toBe('----a---(b|)');
    });
  });

  it("'skip', unless said", () => {
    const { machine, story } = play(() => NEVER, 10, {});
    machine.advance(20);
    expect(story).to.deep.equal(['0: started 0', '10: skipped 10 overlap', '20: skipped 20 overlap']);
  });

  it('tells the slots it drops one by one, and runs the others with their own slots', () => {
    const { machine, story, told } = play(lasting(25), 10, { overlap: 'bufferOne', maxRuns: 3 });
    machine.advance(100);
    expect(story).to.deep.equal([
      '0: started 0',
      '20: skipped 20 overlap',
      '25: started 10',
      '40: skipped 40 overlap',
      '50: started 30',
      '75: done completed',
    ]);
    expect(told).to.deep.equal([0, 10, 30, 'complete']);
  });

  describe("'cancelOther'", () => {
    it('cancels the run with an error that says why, and leaves the one that overtakes it alone', () => {
      const causes: unknown[] = [];
      const { machine, story, cancel } = play(
        ({ slot, cancelled$ }) => (cancelled$.subscribe((cause) => causes.push([slot, String(cause)])), NEVER),
        10,
        { overlap: 'cancelOther' },
      );
      machine.advance(25);
      expect(causes).to.deep.equal([
        [0, 'CancelledError: Overtaken by the next slot'],
        [10, 'CancelledError: Overtaken by the next slot'],
      ]);
      cancel('enough');
      expect(causes.at(-1)).to.deep.equal([20, 'enough']);
      expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '25: done cancelled']);
    });

    it('lets the last run end by itself', () => {
      const slots = [10, 15, 20];
      const { machine, story, told } = play(
        lasting(8),
        { next: (after) => slots.find((slot) => slot > after) },
        {
          overlap: 'cancelOther',
        },
      );
      machine.advance(100);
      expect(story).to.deep.equal(['10: started 10', '15: started 15', '20: started 20', '28: done completed']);
      expect(told).to.deep.equal([20, 'complete']);
    });

    it('starts the next run when the grace of the last one is over, and delivers what that yields within', () => {
      const { machine, story, told, cancel } = play(
        { execute: ({ scheduler, slot }) => interval(5, scheduler).pipe(map((n) => [slot, n])), grace: 6 },
        10,
        { overlap: 'cancelOther' },
      );
      machine.advance(38);
      cancel();
      machine.advance(10);
      expect(story).to.deep.equal([
        '0: started 0',
        '16: started 10',
        '26: started 20',
        '36: started 30',
        '44: done cancelled',
      ]);
      expect(told).to.deep.equal([[0, 0], [0, 1], [0, 2], [10, 0], [20, 0], [30, 0], 'complete']);
    });

    it('drops the slot that waits for that when the next one comes', () => {
      const { machine, story } = play({ execute: () => NEVER, grace: 25 }, 10, { overlap: 'cancelOther', maxRuns: 3 });
      machine.advance(200);
      expect(story).to.deep.equal([
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
      const { machine, story, told, cancel } = play(() => works[n++]?.promise, 10, { overlap: 'cancelOther' });
      machine.advance(15);
      await settled();
      expect(story).to.deep.equal(['0: started 0']);
      works[0]?.resolve('a');
      await settled();
      expect(story).to.deep.equal(['0: started 0', '15: started 10']);
      machine.advance(10);
      // It heeds its context.
      works[1]?.reject(new DOMException('Aborted', 'AbortError'));
      await settled();
      cancel();
      works[2]?.resolve('c');
      await settled();
      expect(story).to.deep.equal(['0: started 0', '15: started 10', '25: started 20', '25: done cancelled']);
      expect(told).to.deep.equal(['a', 'c', 'complete']);
    });

    it('starts the next run when the `return()` of the last one’s iterator has', async () => {
      const closed = deferred<undefined>();
      const pending = new Promise<never>(() => undefined);
      const iterable = {
        [Symbol.asyncIterator]: () => ({
          next: () => pending,
          return: async () => ({ done: true as const, value: await closed.promise }),
        }),
      };
      const { machine, story } = play(({ slot }) => (slot === 0 ? iterable : 'next'), 10, { overlap: 'cancelOther' });
      machine.advance(13);
      await settled();
      expect(story).to.deep.equal(['0: started 0']);
      closed.resolve(undefined);
      await settled();
      expect(story).to.deep.equal(['0: started 0', '13: started 10']);
    });

    it('tells of a run that fails while it is being cancelled, and starts the next one', () => {
      const { machine, story, told } = play(
        ({ slot }) =>
          new Observable(() => () => {
            if (slot === 0) throw new Error('boom');
          }),
        10,
        { overlap: 'cancelOther' },
      );
      machine.advance(15);
      expect(story).to.deep.equal([
        '0: started 0',
        '10: failed 0 TaskError: x failed in execute: boom',
        '10: started 10',
      ]);
      expect(told).to.deep.equal([]);
    });
  });

  it("'allowAll' runs them side by side, each with a context of its own", () => {
    const { machine, story, told } = play(
      ({ slot = 0, scheduler }) => timer(35 - slot, scheduler).pipe(map(() => slot)),
      10,
      { overlap: 'allowAll', maxRuns: 3 },
    );
    machine.advance(100);
    expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '35: done completed']);
    expect(told).to.deep.equal([0, 10, 20, 'complete']);
  });

  it('runs that end within their own start are no tower of calls: ten thousand wait, and all of them run', () => {
    const gate = new Subject<void>();
    const { machine, told } = play<unknown>(({ slot }) => (slot === 0 ? gate : slot), 1, { overlap: 'bufferAll' });
    machine.advance(10_000);
    gate.complete();
    expect(told.length).to.equal(10_000);
    expect(told.at(-1)).to.equal(10_000);
  });
});
