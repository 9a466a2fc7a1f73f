import { expect } from 'chai';
import fc from 'fast-check';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { config, lastValueFrom, NEVER, of, Subject, type Observable } from 'rxjs';
import { inspect } from 'node:util';
import {
  critical,
  joinAll,
  launch,
  launchRunner,
  snapshot,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
  type Instrumentation,
  type LaunchOptions,
  type ShutdownReport,
  type TaskRunner,
} from '../../lib/index.js';
import { isCancellation } from '../../lib/context/is-cancellation.js';
import { errorFields, suppress } from '../../lib/errors/errors.js';
import { terminal } from '../../lib/inspect/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { record } from '../../lib/testing/index.js';
import { deserializeError, serializeError } from '../../lib/threads/serialize-error.js';
import { describeError, headline } from '../../lib/util/describe-error.js';
import { isError } from '../../lib/util/error-parts.js';
import { print } from '../../lib/util/print.js';
import { logError } from '../../lib/util/log-error.js';
import { invalid } from '../../lib/util/validate.js';
import { collect } from '../helpers/collect.js';
import { settled } from '../helpers/tasks.js';
import { createThrowable, recipes, type Recipe } from './random-throwables.js';
import { HookCount, throwingPlaces, throws } from './throwing-places.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

/** The number of values. MODEL_RUNS multiplies it. A failure reports the recipe of its value. */
const numRuns = scaledRuns(10_000);
const cases = { numRuns, seed: 20_261_128 };
const runsOfPlace = Math.ceil(numRuns / 100);

const policies = fc.constantFrom('cancel' as const, 'continue' as const);
const tracer = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
}).getTracer('spec');

/** Callbacks that throw, for an application with one task. */
const throwingListeners: Readonly<Record<string, (fail: () => never, runner: TaskRunner) => LaunchOptions>> = {
  'the observer': (observer) => ({ observer }),
  'onEvent of an instrumentation': (onEvent) => ({ instrumentation: [{ onEvent }] }),
  'wrapHook of an instrumentation': (wrapHook) => ({ instrumentation: [{ wrapHook }] }),
  'onRunEnd of an instrumentation': (onRunEnd) => ({ instrumentation: [{ onRunEnd }] }),
  ...Object.fromEntries(
    (['done$', 'ready$', 'results$', 'events$'] as const).map((name) => [
      `a subscriber of ${name}`,
      (fail: () => never, runner: TaskRunner) => {
        (runner[name] as Observable<unknown>).subscribe(fail);
        return {};
      },
    ]),
  ),
};

describe('Any value that is thrown', () => {
  const consoleError = console.error;
  const { onUnhandledError } = config;
  /** The errors that RxJS reports as unhandled. */
  let unhandled: unknown[] = [];
  /** The errors on the console. */
  let written: unknown[] = [];

  before(() => {
    config.onUnhandledError = (error: unknown) => unhandled.push(error);
    // Formats, as the console does, because that may throw.
    console.error = (error: unknown) => {
      written.push(error);
      inspect(error);
    };
  });
  beforeEach(() => {
    unhandled = [];
    written = [];
  });
  after(async () => {
    // RxJS reports an unhandled error in a timer. Nothing else could handle one of these values.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve));
    console.error = consoleError;
    config.onUnhandledError = onUnhandledError;
  });

  it('can be described, printed, stored and compared', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const thrown = createThrowable(recipe);
        const { name, message, stack } = describeError(thrown);
        for (const text of [name, message, stack, headline(thrown), print(thrown), invalid('x', 'y', thrown)])
          expect(text).to.be.a('string');
        const error = new TaskError('t', 'execute', thrown);
        expect(Object.is(error.cause, thrown)).to.equal(true);
        suppress(error, new TaskError('t', 'finalize', thrown));
        for (const each of [thrown, error]) {
          logError(each);
          expect(JSON.stringify(errorFields(each))).to.be.a('string');
          expect(isCancellation(each, new Error('cancelled'))).to.be.a('boolean');
        }
        expect(JSON.stringify(error)).to.be.a('string');
      }),
      cases,
    );
  });

  it('can be sent to another thread', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const thrown = createThrowable(recipe);
        const received = deserializeError(structuredClone(serializeError(thrown)));
        expect(received instanceof Error).to.equal(isError(thrown));
      }),
      { ...cases, numRuns: runsOfPlace },
    );
  });

  for (const [place, createRunner] of Object.entries(throwingPlaces)) {
    it(`ends its run once when it comes from ${place}`, async () => {
      await fc.assert(
        fc.asyncProperty(recipes, policies, async (recipe, onFailure) => {
          const count = new HookCount();
          const runner = createRunner(createThrowable(recipe), count);
          await expectEnd([runner], { onFailure }, recipe);
          expect(count.finalized).to.equal(count.calls);
          if (place !== 'a subscriber of the cause') expect(unhandled).to.deep.equal([]);
        }),
        { ...cases, numRuns: runsOfPlace },
      );
    });
  }

  for (const [place, launchWith] of Object.entries(throwingListeners)) {
    it(`ends no run when it comes from ${place}`, async () => {
      await fc.assert(
        fc.asyncProperty(recipes, async (recipe) => {
          const thrown = createThrowable(recipe);
          const runner = taskRunner(task('t', { execute: () => of(1), finalize: () => undefined }));
          const report = await expectEnd([runner], launchWith(throws(thrown), runner), recipe);
          expect(report.outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
          await new Promise((resolve) => setTimeout(resolve));
          for (const error of unhandled) expect(Object.is(error, thrown)).to.equal(true);
        }),
        { ...cases, numRuns: runsOfPlace },
      );
    });
  }

  it('is the cause of a stop when a critical task, a parent or a signal throws it', async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        const thrown = createThrowable(recipe);
        const server = task('server', () => NEVER);
        const failing = task('failing', throws(thrown));
        const fails = await expectEnd([taskRunner(server), critical(failing)], {}, recipe);
        expect(fails.cause).to.be.instanceOf(TaskError);
        const aborted = await expectEnd([taskRunner(server)], { parent: AbortSignal.abort(thrown) }, recipe);
        expect(aborted.outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
        expect(unhandled).to.deep.equal([]);
      }),
      { ...cases, numRuns: runsOfPlace },
    );
  });

  it('is written to the console when a runner is launched alone', async () => {
    await fc.assert(
      fc.asyncProperty(recipes, async (recipe) => {
        written = [];
        const [ctx, cancel] = withCancel();
        const runner = taskRunner(task('t', throws(createThrowable(recipe))));
        launchRunner(ctx, cancel, runner);
        const outcome = await lastValueFrom(joinAll(ctx, 1000, [runner]));
        expect(outcome.status).to.equal('failed');
        expect(written).to.have.length(1);
        expect(unhandled).to.deep.equal([]);
      }),
      { ...cases, numRuns: runsOfPlace },
    );
  });

  /** Runs an application until its tasks have settled, stops it, and checks all that can be read of it. */
  async function expectEnd(runners: TaskRunner[], options: LaunchOptions, recipe: Recipe): Promise<ShutdownReport> {
    unhandled = [];
    const ends = runners.map((runner) => collect(runner.done$));
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    const lines: string[] = [];
    const stream = { write: (line: string) => lines.push(line) };
    const writers: Instrumentation[] = [
      { onEvent: (event) => events$.next(event) },
      terminal({ ui: 'lines', stream }),
      terminal({ ui: 'json', stream }),
      telemetry({ tracer }),
      ...(options.instrumentation ?? []),
    ];
    const app = launch(runners, { timeout: 60_000, ...options, instrumentation: writers });
    await settled();
    await settled();
    expect(runners.map((runner) => snapshot(runner))).to.have.length(runners.length);
    const report = await app.stop(createThrowable(recipe));
    expect(ends.map((end) => end.length)).to.deep.equal(runners.map(() => 2));
    expect(report.outcomes).to.have.length(runners.length);
    expect(report.outcomes.map(({ status }) => status)).not.to.include('timed-out');
    for (const text of [String(report), inspect(report), JSON.stringify(report), JSON.stringify(recording)])
      expect(text).to.be.a('string');
    expect(lines).not.to.deep.equal([]);
    return report;
  }
});
