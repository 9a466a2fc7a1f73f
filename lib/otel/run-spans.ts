import {
  context,
  SpanStatusCode,
  trace,
  type Context,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { suppressedBy, type Phase, type TaskError } from '../errors/errors.js';
import type { RunEnd, RunContext } from '../context/types.js';
import type { TaskEvent } from '../task/types.js';
import { describeError, messageOf } from '../util/describe-error.js';
import { isError, textOf } from '../util/error-parts.js';
import { errorType, thrownBy } from './error-type.js';
import { attribute, runAttributes } from './names.js';
import { eventAttributes } from './span-event.js';

/** The position of a run in a trace. A supervisor's run has no span: it reports its child's runs as its own. */
interface RunTrace {
  /** The parent context of the run's children. */
  readonly context: Context;
  readonly span?: Span;
  /** The hook that was called last. */
  phase?: Phase;
  readonly restarts?: Restarts;
  /** The spans of the running slots of a cron. */
  slots?: Map<number, Span>;
}

/** The number of a supervisor's last restart, and the span of its previous run. */
interface Restarts {
  count?: number;
  previousRun?: SpanContext;
}

/** The spans of runs. They are keyed by context, because a task name and a run id may not be unique. */
export class RunSpans {
  private readonly tracer: Tracer;
  // Kept as long as the run: hooks may still be called after its span has ended with a timeout.
  private readonly traces = new WeakMap<RunContext, RunTrace>();
  private readonly recordedErrors = new WeakSet();

  constructor(tracer: Tracer) {
    this.tracer = tracer;
  }

  /** Returns the context in which to call a hook of a run. Starts the run's span at its first hook. */
  onHook(run: RunContext, phase: Phase): Context {
    let runTrace = this.traces.get(run);
    if (!runTrace) this.traces.set(run, (runTrace = this.startSpan(run)));
    runTrace.phase = phase;
    return runTrace.context;
  }

  onEvent(event: TaskEvent, run: RunContext): void {
    const { span, restarts, slots } = this.traces.get(run) ?? {};
    switch (event.type) {
      case 'restarting':
        if (restarts) restarts.count = event.restart;
        return addEvent(event, this.parentSpan(run));
      case 'failed':
        // Not only at the end, which may be far away: `finalize` may hang.
        return this.setFailure(event.error, span, event.at);
      case 'slot-failed':
        return this.setFailure(event.error, slots?.get(event.slot), event.at);
      case 'teardown-failed':
      case 'option-failed':
      case 'future-failed':
        addEvent(event, span);
        return this.recordException(event.error, span, event.at);
      default:
        addEvent(event, span);
    }
  }

  onRunEnd(run: RunContext, { status, at, error }: RunEnd): void {
    const { span, phase } = this.traces.get(run) ?? {};
    if (!span) return;
    if (run.slot !== undefined) this.parentTrace(run).slots?.delete(run.slot);
    span.setAttribute(attribute.outcome, status);
    if (error) this.setFailure(error, span, at);
    if (status === 'timed-out') {
      if (!error) span.setAttribute(attribute.errorType, status);
      if (phase) span.setAttribute(attribute.phase, phase);
      span.setStatus({ code: SpanStatusCode.ERROR, message: `Timed out in ${phase}` });
    }
    span.end(toHrTime(at));
  }

  private setFailure(error: TaskError, span: Span | undefined, at: number): void {
    if (!span) return;
    span.setAttributes({ [attribute.errorType]: errorType(error), [attribute.phase]: error.phase });
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    for (const each of [error, ...suppressedBy(error)]) this.recordException(each, span, at);
  }

  /** Records an error on the span of the task that failed, and not again on the spans of its groups. */
  private recordException(error: unknown, span: Span | undefined, at: number): void {
    if (!span) return;
    if (typeof error === 'object' && error !== null) {
      if (this.recordedErrors.has(error)) return;
      this.recordedErrors.add(error);
    }
    // A copy, because an error's own getters may throw.
    const thrown = thrownBy(error);
    const { name, message, stack } = describeError(thrown);
    const code = isError(thrown) ? textOf(thrown, 'code') : undefined;
    span.recordException({ name, message, stack, ...(code !== undefined && { code }) }, toHrTime(at));
  }

  private startSpan(run: RunContext): RunTrace {
    const parent = this.parentTrace(run);
    const links: Link[] = [];
    // A slot is the root of its own trace. In the cron's trace it would be exported and sampled with the schedule.
    const root = run.slot !== undefined;
    if (root && parent.span) links.push({ context: parent.span.spanContext() });
    const { count, previousRun } = parent.restarts ?? {};
    if (previousRun) links.push({ context: previousRun });
    const span = this.tracer.startSpan(
      root ? `${run.task} slot` : run.task,
      {
        root,
        links,
        startTime: toHrTime(run.scheduler.now()),
        attributes: {
          ...runAttributes(run),
          [attribute.runId]: run.runId,
          ...(run.slot !== undefined && { [attribute.slot]: run.slot }),
          ...(count !== undefined && { [attribute.restart]: count }),
        },
      },
      parent.context,
    );
    if (run.slot !== undefined) (parent.slots ??= new Map()).set(run.slot, span);
    if (parent.restarts) parent.restarts.previousRun = span.spanContext();
    return { context: trace.setSpan(parent.context, span), span };
  }

  /** Returns the trace of a run's parent. A supervisor, which has no hooks, gets a trace without a span. */
  private parentTrace({ parent }: RunContext): RunTrace {
    // The caller that started the application, or a single runner, has its span active.
    if (!parent) return { context: context.active() };
    let parentTrace = this.traces.get(parent);
    if (!parentTrace) {
      const { context, restarts = {} } = this.parentTrace(parent);
      this.traces.set(parent, (parentTrace = { context, restarts }));
    }
    return parentTrace;
  }

  private parentSpan({ parent }: RunContext): Span | undefined {
    return parent && (this.traces.get(parent)?.span ?? this.parentSpan(parent));
  }
}

function addEvent(event: TaskEvent, span: Span | undefined): void {
  if (!span?.isRecording()) return;
  const attributes = eventAttributes(event);
  if (attributes) span.addEvent(event.type, attributes, toHrTime(event.at));
}

/** Converts ms to a pair, because an SDK takes a small number for ms since the start of the process. */
function toHrTime(ms: number): HrTime {
  const wholeSeconds = Math.floor(ms / 1000);
  return [wholeSeconds, Math.round((ms - wholeSeconds * 1000) * 1e6)];
}
