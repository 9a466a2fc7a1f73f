// Proves what the model of crons (spec/model) does not: the accounting of slots by their events alone, with a jitter
// and with fractional periods, and that no timer, listener, lease or run is left at the end.
import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  defer,
  EMPTY,
  finalize,
  map,
  NEVER,
  Observable,
  of,
  throwError,
  timer,
  type SchedulerLike,
} from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type Coordinator,
  type CronOptions,
  type RunContext,
  type Schedule,
} from '../../lib/index.js';
import { slotAfter, toSchedule } from '../../lib/cron/schedule.js';
import { virtualClock } from '../../lib/testing/index.js';
import {
  randomSequences,
  schedulesBy,
  slotsBetween,
  steadySteps,
  takeSteps,
  unsteadySteps,
  type RepeatingGaps,
  type Step,
} from '../helpers/clock-steps.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { overlapPolicies } from '../helpers/start-cron.js';
import { scaledRuns } from '../helpers/scaled-runs.js';
import { cycle, events } from '../helpers/tasks.js';

const cases = { numRuns: scaledRuns(1000) };

type End = 'yields' | 'fails' | 'throws' | 'at once';
type Answer = 'granted' | 'granted late' | 'refused' | 'error' | 'nothing' | 'revoked';
/** A cron, its runs and leases in turn, and the steps of its clock. */
interface CronCase {
  schedule: number | RepeatingGaps;
  options: CronOptions;
  runs: readonly { length: number; end: End }[];
  grace: number;
  answers: readonly Answer[] | null;
  random: readonly number[];
  steps: readonly Step[];
}

const options = fc.record(
  {
    overlap: fc.constantFrom(...overlapPolicies),
    missed: fc.constantFrom('skip' as const, 'runOnce' as const, 'runAll' as const),
    tolerance: fc.constantFrom(0, 5, 30, Infinity),
    jitter: fc.constantFrom(0, 0, 6),
    timeout: fc.constantFrom(10, 40, Infinity),
    onError: fc.constantFrom('continue' as const, 'continue' as const, 'stop' as const),
    immediate: fc.boolean(),
    maxRuns: fc.integer({ min: 1, max: 12 }),
    stopAt: fc.integer({ min: 1, max: 400 }),
  },
  { requiredKeys: ['overlap', 'missed', 'tolerance'] },
);
const cronCases = (steps: fc.Arbitrary<Step>): fc.Arbitrary<CronCase> =>
  fc.record({
    schedule: schedulesBy(1),
    options,
    runs: fc.array(
      fc.record({
        length: fc.integer({ min: 0, max: 50 }),
        end: fc.constantFrom<End>('yields', 'yields', 'yields', 'fails', 'throws', 'at once'),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    grace: fc.constantFrom(0, 0, 8),
    answers: fc.option(
      fc.array(
        fc.constantFrom<Answer>('granted', 'granted', 'granted late', 'refused', 'error', 'nothing', 'revoked'),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
    ),
    random: randomSequences,
    steps: fc.array(steps, { minLength: 1, maxLength: 15 }),
  });

const boom = () => throwError(() => new Error('boom'));
const answerOf: Record<Answer, (scheduler: SchedulerLike) => Observable<boolean>> = {
  granted: () => concat(of(true), NEVER),
  'granted late': (scheduler) => concat(timer(7, scheduler).pipe(map(() => true)), NEVER),
  refused: () => of(false),
  error: boom,
  nothing: () => EMPTY,
  revoked: (scheduler) => concat(of(true), timer(4, scheduler).pipe(map(() => false))),
};

/** The result of a {@link CronCase}. */
interface CronResult {
  /** Each slot that was started, skipped or missed, as often as an event reported it, in order. */
  readonly accounted: number[];
  readonly started: number[];
  readonly executed: number[];
  readonly maxConcurrent: number;
  readonly schedule: Schedule;
  /** The first slot of the schedule. */
  readonly first: number;
  readonly cancelledAt: number;
  /** Whether the cron ended before it was cancelled. */
  readonly endedBefore: boolean;
}

/** Runs a cron to its end. It is cancelled after the steps, or before that from inside. */
function runCron(cronCase: CronCase, cancelAt?: { at: 'event' | 'value' | 'execute'; nth: number }): CronResult {
  const clock = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  const executed: number[] = [];
  let running = 0;
  let maxConcurrent = 0;
  let leases = 0;
  let n = 0;
  const reached = (what: 'event' | 'value' | 'execute') => {
    if (cancelAt?.at === what && n++ === cancelAt.nth) cancel();
  };
  const nextRun = cycle(cronCase.runs);
  const nextAnswer = cycle(cronCase.answers ?? ['granted' as const]);
  const execute = ({ slot = NaN, scheduler }: RunContext) => {
    executed.push(slot);
    reached('execute');
    const { length, end } = nextRun();
    if (end === 'at once') return slot;
    if (end === 'throws') throw new Error('boom');
    const ending$ = timer(length, scheduler).pipe(map(() => slot));
    return defer(() => {
      maxConcurrent = Math.max(maxConcurrent, ++running);
      return end === 'fails' ? concat(ending$, boom()) : ending$;
    }).pipe(finalize(() => running--));
  };
  const coordinator: Coordinator = {
    lease: () =>
      new Observable((subscriber) => {
        leases++;
        subscriber.add(() => leases--);
        answerOf[nextAnswer()](clock).subscribe(subscriber);
      }),
  };
  const runner = cron(task('x', { execute, grace: cronCase.grace }), cronCase.schedule, {
    ...cronCase.options,
    random: cycle(cronCase.random),
    ...(cronCase.answers && { coordinator }),
  });
  const runnerEvents = events(runner);
  runner.events$.subscribe(({ type }) => {
    if (['slot-started', 'skipped', 'missed', 'overdue', 'slot-failed'].includes(type)) reached('event');
  });
  runner.results$.subscribe(() => reached('value'));
  const values = collect(runner.start(ctx));
  takeSteps(clock, cronCase.steps);
  const cancelledAt = clock.now();
  const endedBefore = runner.status === 'done';
  cancel();
  // The longest grace, or timeout and grace.
  clock.advance(60);
  expect([runner.status, clock.timers, listenerCount(ctx), leases, running]).to.deep.equal(['done', 0, 0, 0, 0]);
  expect(values.at(-1)).to.satisfy((last: unknown) => last === 'complete' || last instanceof Error);

  const schedule = toSchedule(cronCase.schedule, undefined).from(0);
  const { immediate = typeof cronCase.schedule === 'number' } = cronCase.options;
  const accounted: number[] = [];
  const started: number[] = [];
  for (const event of runnerEvents) {
    if (event.type === 'slot-started') started.push(event.slot);
    if (event.type === 'slot-started' || event.type === 'skipped') accounted.push(event.slot);
    if (event.type !== 'missed') continue;
    let { slot } = event;
    for (let k = 0; k < event.count; k++, slot = slotAfter(schedule, slot) ?? NaN) accounted.push(slot);
  }
  accounted.sort((a, b) => a - b);
  const first = immediate ? 0 : (schedule.next(0) ?? NaN);
  return { accounted, started, executed, maxConcurrent, schedule, first, cancelledAt, endedBefore };
}

describe('Each due slot of a cron', () => {
  it('is reported once, as started, skipped or missed, until the end by a steady clock', () => {
    fc.assert(
      fc.property(cronCases(steadySteps), (cronCase) => {
        // Slots that come due while the process is blocked are reported in the next step.
        const { accounted, schedule, first, cancelledAt, endedBefore } = runCron({
          ...cronCase,
          steps: [...cronCase.steps, { run: 0 }],
        });
        const { jitter = 0 } = cronCase.options;
        const stopAt = Number(cronCase.options.stopAt ?? Infinity);
        const all = slotsBetween(schedule, first, cancelledAt).filter((slot) => slot < stopAt);
        expect(accounted).to.deep.equal(all.slice(0, accounted.length));
        // A run that ends the cron leaves later slots unreported, and a jitter may delay the last slot past the end.
        if (endedBefore || cronCase.options.maxRuns !== undefined || cronCase.options.onError === 'stop') return;
        expect(accounted.length).to.be.at.least(all.length - (jitter > 0 ? 1 : 0));
      }),
      cases,
    );
  });

  it('is reported once, in turn, whatever steps the clock takes', () => {
    fc.assert(
      fc.property(cronCases(unsteadySteps), (cronCase) => {
        const { accounted, schedule, first } = runCron(cronCase);
        const last = accounted.at(-1);
        expect(accounted).to.deep.equal(last === undefined ? [] : slotsBetween(schedule, first, last));
      }),
      cases,
    );
  });

  it('is reported once when a listener of events, a subscriber of values or a run cancels the cron', () => {
    const cancels = fc.record({
      at: fc.constantFrom('event' as const, 'value' as const, 'execute' as const),
      nth: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(cronCases(unsteadySteps), cancels, (cronCase, cancelAt) => {
        const { accounted, schedule, first } = runCron(cronCase, cancelAt);
        const last = accounted.at(-1);
        expect(accounted).to.deep.equal(last === undefined ? [] : slotsBetween(schedule, first, last));
      }),
      cases,
    );
  });
});

describe('A cron', () => {
  it('runs no slot twice, and two at once only with overlap allowAll, whatever steps the clock takes', () => {
    fc.assert(
      fc.property(cronCases(unsteadySteps), (cronCase) => {
        const { executed, started, maxConcurrent } = runCron(cronCase);
        expect(executed).to.deep.equal(started);
        expect(new Set(started).size).to.equal(started.length);
        if (cronCase.options.overlap === 'allowAll') return;
        expect(maxConcurrent).to.be.at.most(1);
        // Missed slots run before later ones.
        expect(started).to.deep.equal([...started].sort((a, b) => a - b));
      }),
      cases,
    );
  });

  it('never starts more than maxRuns runs', () => {
    fc.assert(
      fc.property(cronCases(unsteadySteps), fc.integer({ min: 1, max: 6 }), (cronCase, maxRuns) => {
        const { started } = runCron({ ...cronCase, options: { ...cronCase.options, maxRuns } });
        expect(started.length).to.be.at.most(maxRuns);
      }),
      cases,
    );
  });
});
