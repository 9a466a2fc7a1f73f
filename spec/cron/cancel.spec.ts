import { expect } from 'chai';
import { concat, map, NEVER, Observable, of, take, throwError, timer } from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type CancelFunc,
  type CronOptions,
  type RunContext,
  type TaskEvent,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { lasting, play, storyOf } from '../helpers/cron-story.js';
import { deferred, outcomeOf, settled } from '../helpers/tasks.js';

type Overlap = NonNullable<CronOptions['overlap']>;
const policies: readonly Overlap[] = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'];

describe('cron: cancel', () => {
  it('skips the slots that wait, in order, and ends with the run under way', () => {
    const { machine, story, told, cancel, ctx } = play(() => NEVER, 10, { overlap: 'bufferAll', tolerance: 15 });
    machine.advance(33);
    cancel('enough');
    expect(story).to.deep.equal([
      '0: started 0',
      '25: overdue 10 by 15',
      '33: skipped 10 ended',
      '33: skipped 20 ended',
      '33: skipped 30 ended',
      '33: done cancelled',
    ]);
    expect([told, machine.timers, listenerCount(ctx)]).to.deep.equal([['complete'], 0, 0]);
    machine.advance(1000);
    expect(story).to.have.length(6);
  });

  it('cancels all runs under way with its cause, and awaits them before finalize', () => {
    const causes: unknown[] = [];
    const log: string[] = [];
    const { machine, story, told, cancel, ctx } = play(
      {
        execute: ({ cancelled$, slot }) => (cancelled$.subscribe((cause) => causes.push([slot, cause])), NEVER),
        finalize: () => log.push('finalize'),
        grace: 7,
      },
      10,
      { overlap: 'allowAll' },
    );
    machine.advance(25);
    cancel('enough');
    expect(causes).to.deep.equal([
      [0, 'enough'],
      [10, 'enough'],
      [20, 'enough'],
    ]);
    machine.advance(6.9);
    expect([log, told]).to.deep.equal([[], []]);
    machine.advance(0.1);
    expect([log, told]).to.deep.equal([['finalize'], ['complete']]);
    expect(story.slice(3)).to.deep.equal(['32: done cancelled']);
    expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
  });

  it('awaits each promise under way', async () => {
    const works = [deferred<string>(), deferred<string>()];
    let n = 0;
    const { machine, told, cancel } = play(() => works[n++]?.promise, 10, { overlap: 'allowAll' });
    machine.advance(15);
    cancel();
    works[1]?.resolve('b');
    await settled();
    expect(told).to.deep.equal(['b']);
    works[0]?.reject(new Error('boom'));
    await settled();
    expect(told).to.deep.equal(['b', 'complete']);
  });

  it('a run that fails meanwhile is told, and the cron is cancelled all the same', async () => {
    const work = deferred<string>();
    const { story, cancel, runner } = play(() => work.promise, 10);
    cancel();
    work.reject(new Error('boom'));
    await settled();
    expect(story).to.deep.equal([
      '0: started 0',
      '0: failed 0 TaskError: x failed in execute: boom',
      '0: done cancelled',
    ]);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('waits for no slot that is to come', () => {
    const { machine, told, cancel } = play(() => 1, '0 0 1 1 *');
    expect(machine.timers).to.equal(1);
    cancel();
    expect([told, machine.timers]).to.deep.equal([['complete'], 0]);
  });

  it('tells how much was missed of what it was to catch up with', () => {
    const { machine, story, cancel } = play(lasting(5), 10, { lastRun: -1000, missed: 'runAll', tolerance: 2000 });
    machine.advance(7);
    cancel();
    expect(story).to.deep.equal(['0: started -990', '5: started -980', '7: missed -970 ×98', '7: done cancelled']);
  });

  it('ends the catching up of synchronous runs in the middle', () => {
    const slots: (number | undefined)[] = [];
    const { story, told } = play(
      ({ slot }, cancel) => {
        slots.push(slot);
        if (slot === -30) cancel();
        return slot;
      },
      10,
      { lastRun: -50, missed: 'runAll', tolerance: 100 },
    );
    expect(slots).to.deep.equal([-40, -30]);
    expect(story).to.deep.equal(['0: started -40', '0: started -30', '0: missed -20 ×3', '0: done cancelled']);
    expect(told.at(-1)).to.equal('complete');
  });

  describe('from inside execute', () => {
    for (const overlap of policies) {
      it(`ends the schedule, with overlap '${overlap}'`, () => {
        const { machine, story, told, ctx } = play(
          ({ slot }, cancel) => {
            if (slot === 20) cancel();
            return slot;
          },
          10,
          { overlap },
        );
        machine.advance(100);
        expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '20: done cancelled']);
        expect(told.slice(0, 2)).to.deep.equal([0, 10]);
        expect([told.at(-1), machine.timers, listenerCount(ctx)]).to.deep.equal(['complete', 0, 0]);
      });

      it(`cancels the other runs and skips what waits, with overlap '${overlap}'`, () => {
        let stop: CancelFunc | undefined;
        const { machine, story, ctx } = play(
          ({ scheduler, slot }, cancel) => {
            stop ??= cancel;
            return slot === 0 ? timer(35, scheduler).pipe(map(() => (stop?.(), slot))) : NEVER;
          },
          10,
          { overlap },
        );
        machine.advance(100);
        if (overlap === 'cancelOther') stop?.();
        expect(story.at(-1)).to.match(/done cancelled$/);
        const accounted = story.filter((line) => / (started|skipped) /.test(line)).map((line) => line.split(' ')[2]);
        expect(
          accounted
            .map(Number)
            .sort((a, b) => a - b)
            .slice(0, 4),
        ).to.deep.equal([0, 10, 20, 30]);
        expect(new Set(accounted).size).to.equal(accounted.length);
        expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
      });
    }
  });

  describe('from a subscriber of its values', () => {
    it('who leaves at one of them ends it', () => {
      for (const overlap of policies) {
        const machine = virtualClock();
        const [ctx] = withCancel(undefined, { scheduler: machine });
        const runner = cron(
          task('x', ({ slot }) => concat(of(slot), NEVER)),
          10,
          { overlap },
        );
        const story = storyOf(runner);
        const told: unknown[] = [];
        runner
          .start(ctx)
          .pipe(take(1))
          .subscribe((slot) => told.push(slot));
        machine.advance(100);
        expect([told, story], overlap).to.deep.equal([[0], ['0: started 0', '0: done cancelled']]);
        expect([machine.timers, listenerCount(ctx), runner.status]).to.deep.equal([0, 0, 'done']);
      }
    });

    it('who leaves while slots wait ends them, too', () => {
      const machine = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: machine });
      const executed: (number | undefined)[] = [];
      const runner = cron(
        task('x', (run) => (executed.push(run.slot), lasting(35)(run))),
        10,
        { overlap: 'bufferAll' },
      );
      const story = storyOf(runner);
      runner.start(ctx).pipe(take(1)).subscribe();
      machine.advance(100);
      expect(executed).to.deep.equal([0]);
      expect(story.slice(1)).to.deep.equal([
        '35: skipped 10 ended',
        '35: skipped 20 ended',
        '35: skipped 30 ended',
        '35: done cancelled',
      ]);
    });

    it('who starts it again at its end finds it ready', () => {
      const { machine, runner, ctx, told } = play(() => 1, 10, { maxRuns: 1 });
      const again: unknown[] = [];
      runner.done$.subscribe(() => runner.start(ctx).subscribe((value) => again.push(value)));
      machine.advance(100);
      expect([told, again]).to.deep.equal([[1, 'complete'], [1]]);
    });
  });

  describe('from a subscriber of its events', () => {
    interface Scene {
      readonly type: TaskEvent['type'];
      readonly nth?: number;
      readonly options: CronOptions;
      /** How long the run of the slot of 0 takes: for ever, unless said. */
      readonly first?: number;
      readonly grace?: number;
    }
    const boom = () => throwError(() => new Error('boom'));
    const scenes: Record<string, Scene> = {
      'a slot-started': { type: 'slot-started', nth: 2, options: { overlap: 'allowAll' } },
      'the start of a slot that has waited, while others do': {
        type: 'slot-started',
        nth: 2,
        options: { overlap: 'bufferAll' },
        first: 35,
      },
      'a slot skipped because of another run': { type: 'skipped', options: {} },
      'a waiting slot skipped because of the next one': {
        type: 'skipped',
        options: { overlap: 'cancelOther' },
        grace: 25,
      },
      'a slot skipped, as it waits for its lease, because of the next one': {
        type: 'skipped',
        options: { overlap: 'cancelOther', coordinator: { lease: () => NEVER } },
      },
      'a slot refused': { type: 'skipped', options: { coordinator: { lease: () => of(false) } } },
      'a slot refused, while others wait': {
        type: 'skipped',
        options: { overlap: 'bufferAll', coordinator: { lease: (_, slot) => of(slot === 0) } },
        first: 35,
      },
      'a slot whose coordinator fails': { type: 'skipped', options: { coordinator: { lease: boom } } },
      'a slot whose coordinator does not answer in time, while others wait': {
        type: 'skipped',
        options: { overlap: 'bufferAll', timeout: 35, coordinator: { lease: () => NEVER } },
      },
      'the first of several slots skipped at the end': {
        type: 'skipped',
        options: { overlap: 'bufferAll', maxRuns: 2 },
        first: 35,
      },
      'a slot missed, of which the latest is run': { type: 'missed', options: { lastRun: -100, missed: 'runOnce' } },
      'a slot missed': { type: 'missed', options: { lastRun: -105, tolerance: 1 } },
      'a slot overdue that waits': { type: 'overdue', options: { overlap: 'bufferAll', tolerance: 15 } },
      'a slot overdue at its start': {
        type: 'overdue',
        options: { lastRun: -105, missed: 'runOnce', tolerance: 1 },
      },
      'a slot overdue while it waits for its lease': {
        type: 'overdue',
        options: { overlap: 'bufferAll', tolerance: 5, coordinator: { lease: () => NEVER } },
      },
      'a slot overdue that is caught up with': {
        type: 'overdue',
        nth: 2,
        options: { lastRun: -100, missed: 'runAll', tolerance: 1 },
      },
      'a run that failed': { type: 'slot-failed', options: { timeout: 12 } },
      'a run that failed, while one waits': { type: 'slot-failed', options: { timeout: 12, overlap: 'bufferAll' } },
      'a run that failed, while several wait': { type: 'slot-failed', options: { timeout: 35, overlap: 'bufferAll' } },
      'a run that failed among others': { type: 'slot-failed', options: { timeout: 35, overlap: 'allowAll' } },
      'a run that failed, while others are caught up with': {
        type: 'slot-failed',
        options: { timeout: 12, lastRun: -105, missed: 'runAll' },
      },
    };
    for (const [title, { type, nth = 1, options, first, grace = 0 }] of Object.entries(scenes)) {
      it(`at ${title}: no run starts any more, and each slot is told once`, () => {
        const machine = virtualClock();
        const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
        const executed: (number | undefined)[] = [];
        const execute = (run: RunContext) => {
          executed.push(run.slot);
          return run.slot === 0 && first === undefined ? NEVER : lasting(run.slot === 0 ? (first ?? 0) : 25)(run);
        };
        const runner = cron(task('x', { execute, grace }), 10, options);
        const story = storyOf(runner);
        const ticks = () => story.filter((line) => line.includes(': started ')).length;
        let n = 0;
        let before: { readonly executed: readonly unknown[]; readonly ticks: number } | undefined;
        runner.events$.subscribe((event) => {
          if (event.type !== type || ++n !== nth) return;
          before = { executed: [...executed], ticks: ticks() };
          cancel();
        });
        const told: unknown[] = [];
        runner.start(ctx).subscribe({ complete: () => told.push('complete') });
        machine.advance(100);
        expect(before, 'It never happens').not.to.equal(undefined);
        expect(executed).to.deep.equal(before?.executed);
        expect(ticks()).to.equal(before?.ticks);
        expect([told, story.at(-1)?.replace(/^\d+: /, '')]).to.deep.equal([['complete'], 'done cancelled']);
        const slots = story.flatMap((line) => {
          const [, slot, count = '1'] = /(?:started|skipped|missed) (-?\d+)(?: ×(\d+))?/.exec(line) ?? [];
          return slot === undefined ? [] : Array.from({ length: Number(count) }, (_, k) => Number(slot) + 10 * k);
        });
        slots.sort((a, b) => a - b);
        expect(slots).to.deep.equal(slots.map((_, k) => (slots[0] ?? NaN) + 10 * k));
        expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
      });
    }
  });

  it('from a subscriber of its events nothing is told after its end', () => {
    const type = ['slot-started', 'missed', 'overdue', 'skipped'] as const;
    for (const which of type) {
      for (const overlap of policies) {
        const { machine, runner, story, cancel } = play(lasting(15), 10, { overlap, missed: 'runOnce', tolerance: 3 });
        runner.events$.subscribe((event) => event.type === which && machine.now() > 0 && cancel());
        machine.advance(5);
        machine.adjust(45);
        machine.advance(100);
        cancel();
        expect(story.at(-1), `${overlap}, ${which}`).to.match(/done cancelled$/);
      }
    }
  });

  it('at the very start: no slot comes of it', () => {
    const machine = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
    const runner = cron(task('x', { initialize: () => cancel(), execute: () => expect.fail('It runs') }), 10);
    const story = storyOf(runner);
    runner.start(ctx).subscribe();
    machine.advance(50);
    expect([story, machine.timers]).to.deep.equal([['0: done cancelled'], 0]);
  });

  it('from an event of its own life: at `ready` no slot comes of it', () => {
    const machine = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
    const runner = cron(
      task('x', () => expect.fail('It runs')),
      10,
    );
    const story = storyOf(runner);
    runner.events$.subscribe(({ type }) => type === 'ready' && cancel());
    runner.start(ctx).subscribe();
    machine.advance(50);
    expect([story, machine.timers, listenerCount(ctx)]).to.deep.equal([['0: done cancelled'], 0, 0]);
  });

  it('from a Schedule, and from what is random, while the next slot is looked up', () => {
    for (const jitter of [0, 5]) {
      const machine = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
      const runner = cron(
        task('x', () => 1),
        { next: (after) => (after >= 20 && cancel(), after + 10) },
        { jitter },
      );
      const story = storyOf(runner);
      runner.start(ctx).subscribe();
      machine.advance(100);
      expect(story.at(-1)).to.match(/done cancelled$/);
      expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
    }
  });

  it('from a coordinator, while it is asked: nothing is run', () => {
    for (const overlap of policies) {
      const machine = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
      const runner = cron(
        task('x', () => expect.fail('It runs')),
        10,
        { overlap, coordinator: { lease: () => (cancel(), of(true)) } },
      );
      const story = storyOf(runner);
      runner.start(ctx).subscribe();
      machine.advance(100);
      expect(story, overlap).to.deep.equal(['0: skipped 0 ended', '0: done cancelled']);
      expect([machine.timers, listenerCount(ctx)]).to.deep.equal([0, 0]);
    }
  });

  it('twice is once', () => {
    const { machine, story, cancel } = play({ execute: () => NEVER, grace: 5 }, 10, { overlap: 'bufferAll' });
    machine.advance(12);
    cancel('first');
    cancel('second');
    machine.advance(50);
    expect(story).to.deep.equal(['0: started 0', '12: skipped 10 ended', '17: done cancelled']);
  });

  it('leaves nothing on the context while it goes on, however many runs there were', () => {
    const { machine, ctx, cancel } = play(lasting(5), 10, { overlap: 'allowAll', timeout: 8, tolerance: 3 });
    machine.advance(5);
    const hanging = listenerCount(ctx);
    machine.advance(10_000);
    expect([listenerCount(ctx), machine.timers]).to.deep.equal([hanging, 1]);
    cancel();
    expect([listenerCount(ctx), machine.timers]).to.deep.equal([0, 0]);
  });

  it('is the end of its Observables: each run’s is left once', () => {
    let open = 0;
    let opened = 0;
    const { machine, cancel } = play(
      () =>
        new Observable(() => {
          open++;
          opened++;
          return () => {
            open--;
          };
        }),
      10,
      { overlap: 'allowAll' },
    );
    machine.advance(55);
    cancel();
    expect([open, opened]).to.deep.equal([0, 6]);
  });
});
