import { context, diag, metrics, trace, type Meter, type Tracer } from '@opentelemetry/api';
import { invalid, validateOptions } from '../util/validate.js';
import type { Instrumentation } from '../app/types.js';
import { Measures } from './measures.js';
import { library } from './names.js';
import { Spans } from './spans.js';

/** By what {@link telemetry} tells. */
export interface TelemetryOptions {
  /** Makes the spans; that of the API's global provider unless said, which may be registered later. */
  tracer?: Tracer;
  /** Makes the metrics; that of the API's global provider unless said, as it is when the first run begins. */
  meter?: Meter;
}

/**
 * Traces and measures an application by OpenTelemetry, given as one of its `instruments`.
 *
 * Each run of a task is a span, named by the task's path, from its first hook to its end, and active in all its hooks and in what
 * they give back. A member's hangs on its group's; all others on the span that was active when the application was started. A
 * restart is a run, linked to the one before. Each run of a cron's slot, `backup slot`, is the root of a trace of its own, linked to the cron's
 * span: that one ends with the schedule. A failure is the status `ERROR` and an exception, and so is a run that the application no
 * longer waits for; a cancel is no error. Times are the scheduler's, so that they are right in virtual time, too; to the ms on the
 * process's own.
 *
 * The metrics are the counters `rxjs_tasks.runs`, `.failures`, `.restarts`, `.skips` and `.missed`, and the histograms
 * `rxjs_tasks.run.duration` and `rxjs_tasks.slot.lateness`, in seconds.
 *
 * What a tracer or a meter throws is given to the API's `diag`, and changes nothing else.
 *
 * @throws TypeError for an option that is unknown or of a wrong type.
 *
 * @example
 * ```ts
 * import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
 * import { launch, ordered, task } from 'rxjs-tasks';
 * import { telemetry } from 'rxjs-tasks/otel';
 *
 * const spans = new InMemorySpanExporter(); // yours sends them on
 * const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
 *
 * const app = ordered(
 *   'app',
 *   task('db', () => 'rows'),
 *   task('sync', () => Promise.reject(new RangeError('no rows'))),
 * );
 * await launch([app], { instruments: [telemetry({ tracer: provider.getTracer('app') })], observer: () => {} });
 * for (const { name, status, attributes } of spans.getFinishedSpans()) {
 *   console.log(name, attributes['rxjs_tasks.run.outcome'], status.message);
 * }
 * // → app/db completed undefined
 * // → app/sync failed app/sync failed in execute: no rows
 * // → app failed app/sync failed in execute: no rows
 * ```
 */
export function telemetry(options: TelemetryOptions = {}): Instrumentation {
  validateOptions(options, ['tracer', 'meter']);
  const { tracer, meter } = options;
  if (tracer !== undefined && !has(tracer, 'startSpan'))
    throw new TypeError(invalid('tracer', 'a tracer, with a `startSpan` function', tracer));
  if (meter !== undefined && !has(meter, 'createHistogram'))
    throw new TypeError(invalid('meter', 'a meter, with a `createHistogram` function', meter));

  // When they are first used: the API's global meter, unlike its tracer, does nothing for ever once it was made too early.
  const spans = onFirstUse(() => new Spans(tracer ?? trace.getTracer(library.name, library.version)));
  const measures = onFirstUse(() => new Measures(meter ?? metrics.getMeter(library.name, library.version)));

  return {
    wrapHook(run, phase, hook) {
      quietly(() => measures().entered(run));
      const inside = quietly(() => spans().entered(run, phase));
      if (inside) context.with(inside, hook);
      else hook();
    },
    onEvent(event, run) {
      quietly(() => measures().happened(event));
      if (run && 'runId' in event) quietly(() => spans().happened(event, run));
    },
    onRunEnd(run, end) {
      quietly(() => measures().ended(run, end));
      quietly(() => spans().ended(run, end));
    },
  };
}

function onFirstUse<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** As the specification of OpenTelemetry has it: what fails in telemetry is no failure of the application. */
function quietly<T>(tell: () => T): T | undefined {
  try {
    return tell();
  } catch (error) {
    diag.error('rxjs-tasks', error);
    return undefined;
  }
}

function has(x: unknown, method: string): boolean {
  return typeof x === 'object' && x !== null && typeof (x as Record<string, unknown>)[method] === 'function';
}
