import {
  context,
  createNoopMeter,
  metrics,
  propagation,
  trace,
  type Context,
  type Meter,
  type Tracer,
} from '@opentelemetry/api';
import { hasMethod } from '../util/has-members.js';
import { invalid } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import { setEventFilter } from '../app/event-filter.js';
import type { Instrumentation } from '../app/types.js';
import type { TaskEventDetail } from '../task/types.js';
import { setTraceCapture } from '../context/trace-fields.js';
import { callSafely, reportError } from './call-safely.js';
import { RunMetrics } from './run-metrics.js';
import { library } from './names.js';
import { RunSpans } from './run-spans.js';
import { RunStates, type RunState } from './run-state.js';

/** Options of {@link telemetry}. */
export interface TelemetryOptions {
  /** Creates the spans. Default: the tracer of the API's global provider, which may be registered later. */
  tracer?: Tracer | undefined;
  /** Creates the metrics. Default: the meter of the API's global provider at the start of the first run. */
  meter?: Meter | undefined;
}

/**
 * Traces and measures an application with OpenTelemetry. Pass it in the option `instrumentation`.
 *
 * Each run of a task is a span with the task's path as its name, from its first hook to its end. The span is active in
 * all hooks of the run and in what they return.
 * - A member's span is a child of its group's span, and the span of a run that a task has started is a child of the
 *   task's span, also when an application of its own lies between them. Other spans are children of the span that was
 *   active when the application was started.
 * - A restart is a new run. Its span is linked to that of the previous run.
 * - Each run of a cron's slot, such as `backup slot`, is the root of its own trace and linked to the cron's span. The
 *   cron's span ends with the schedule.
 * - A failure sets the status `ERROR` and records an exception, when it happens. A run that the application no longer
 *   waits for has the status `ERROR`, too. A cancel is not an error.
 * - Times are the scheduler's, so they are right in virtual time, too. In real time their resolution is 1 ms.
 *
 * The metrics are the counters `rxjs_tasks.runs`, `.failures`, `.restarts`, `.skips` and `.missed`, and the histograms
 * `rxjs_tasks.run.duration` and `rxjs_tasks.slot.lateness`, in seconds.
 *
 * An error thrown by a tracer or a meter is passed to the API's `diag` and has no other effect.
 *
 * @throws TypeError for an option that is unknown or of a wrong type.
 *
 * @example
 * ```ts
 * import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
 * import { launch, ordered, task } from 'rxjs-tasks';
 * import { telemetry } from 'rxjs-tasks/otel';
 *
 * const spans = new InMemorySpanExporter(); // use your exporter here
 * const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
 *
 * const app = ordered(
 *   'app',
 *   task('db', () => 'rows'),
 *   task('sync', () => Promise.reject(new RangeError('no rows'))),
 * );
 * const instrumentation = [telemetry({ tracer: provider.getTracer('app') })];
 * await launch([app], { instrumentation, observer: () => {} });
 * for (const { name, status, attributes } of spans.getFinishedSpans()) {
 *   console.log(name, attributes['rxjs_tasks.run.outcome'], status.message);
 * }
 * // → app/db completed undefined
 * // → app/sync failed app/sync failed in execute: no rows
 * // → app failed app/sync failed in execute: no rows
 * ```
 */
export function telemetry(options: TelemetryOptions = {}): Instrumentation {
  validateOptions(options, ['tracer', 'meter'], 'telemetry');
  const { tracer, meter } = options;
  if (tracer !== undefined && !hasMethod(tracer, 'startSpan'))
    throw new TypeError(invalid('tracer', 'a tracer, with a `startSpan` function', tracer));
  if (meter !== undefined && !hasMethod(meter, 'createHistogram'))
    throw new TypeError(invalid('meter', 'a meter, with a `createHistogram` function', meter));

  setTraceCapture(captureActiveTrace);
  const states = new RunStates();
  // Lazy, because the API's global meter stays a no-op if it is created before a provider is registered.
  const runSpans = lazy(() => new RunSpans(tracer ?? trace.getTracer(library.name, library.version), states));
  const runMetrics = lazy(() => createRunMetrics(meter ?? metrics.getMeter(library.name, library.version), states));

  const instrumentation: Instrumentation = {
    // Two `try` blocks instead of functions for `callSafely`, because there may be very many hooks and ends.
    wrapHook(run, phase, hook) {
      const state = states.getOrCreate(run);
      let active: Context | undefined;
      try {
        runMetrics()?.onHook(run, state);
      } catch (error) {
        reportError(error);
      }
      try {
        active = runSpans().onHook(run, state, phase);
      } catch (error) {
        reportError(error);
      }
      if (active) context.with(active, hook);
      else hook();
    },
    onEvent(event, run) {
      callSafely(() => runMetrics()?.onEvent(event, run));
      if (run && 'runId' in event) callSafely(() => runSpans().onEvent(event, run));
    },
    onRunEnd(run, end) {
      const state = states.get(run);
      if (!state) return;
      try {
        runMetrics()?.onRunEnd(run, end);
      } catch (error) {
        reportError(error);
      }
      try {
        runSpans().onRunEnd(run, state, end);
      } catch (error) {
        reportError(error);
      }
    },
  };
  return setEventFilter(instrumentation, (event, run) => isUsed(event, run && states.get(run)));
}

/** Whether an event may change a metric or a span. Without a hook so far, a run has no span. */
function isUsed({ type }: TaskEventDetail, state: RunState | undefined): boolean {
  if (type === 'ready' || type === 'finalizing') return state !== undefined;
  return type !== 'initializing' && type !== 'slot-started' && type !== 'done';
}

/** Returns nothing for the meter of an API without a provider, which discards what is measured. */
function createRunMetrics(meter: Meter, states: RunStates): RunMetrics | undefined {
  return meter === createNoopMeter() ? undefined : new RunMetrics(meter, states);
}

function lazy<T>(create: () => T): () => T {
  let created: { readonly value: T } | undefined;
  return () => (created ??= { value: create() }).value;
}

/** Returns the fields of the active trace, as the API's global propagator writes them. */
function captureActiveTrace(): object {
  const fields = {};
  callSafely(() => propagation.inject(context.active(), fields));
  return fields;
}
