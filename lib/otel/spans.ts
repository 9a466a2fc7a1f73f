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
import type { Phase, TaskError } from '../errors/errors.js';
import type { RunEnd, RunContext } from '../context/types.js';
import type { TaskEvent } from '../task/types.js';
import { errorType, thrownBy } from './error-type.js';
import { attribute, kindOf } from './names.js';
import { detailsOf } from './span-event.js';

/** Where a run is in a trace. Those whose runs are seen as what they run, supervisions, have no span of their own. */
interface Place {
  /** What hangs on it. */
  readonly context: Context;
  readonly span?: Span;
  /** The hook that was called last. */
  phase?: Phase;
  readonly lives?: Lives;
}

/** Of what is supervised: the number of the last restart, and the span of the run before it. */
interface Lives {
  restart?: number;
  last?: SpanContext;
}

/** The spans of runs. They are found by the context of the run, because a name and a number may be those of another, too. */
export class Spans {
  private readonly tracer: Tracer;
  // A run that was given up still has hooks to come: its place is kept for as long as the run.
  private readonly places = new WeakMap<RunContext, Place>();

  private readonly recorded = new WeakSet<TaskError>();

  constructor(tracer: Tracer) {
    this.tracer = tracer;
  }

  /** A hook of a run is about to be called: in this context. */
  entered(run: RunContext, phase: Phase): Context {
    let place = this.places.get(run);
    if (!place) this.places.set(run, (place = this.begin(run)));
    place.phase = phase;
    return place.context;
  }

  happened(event: TaskEvent, run: RunContext): void {
    const place = this.places.get(run);
    if (event.type === 'restarting') {
      if (place?.lives) place.lives.restart = event.restart;
      return this.note(event, this.spanAbove(run));
    }
    this.note(event, place?.span);
  }

  ended(run: RunContext, { status, at, error }: RunEnd): void {
    const { span, phase } = this.places.get(run) ?? {};
    if (!span) return;
    span.setAttribute(attribute.outcome, status);
    if (status === 'timed-out') {
      span.setAttributes({ [attribute.errorType]: status, ...(phase && { [attribute.phase]: phase }) });
      span.setStatus({ code: SpanStatusCode.ERROR, message: `Timed out in ${phase}` });
    } else if (error) {
      span.setAttributes({ [attribute.errorType]: errorType(error), [attribute.phase]: error.phase });
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      for (const one of [error, ...error.suppressed]) this.record(one, span, at);
    }
    span.end(toTime(at));
  }

  /** Where it failed, and not by each group around it once more. */
  private record(error: TaskError, span: Span, at: number): void {
    if (this.recorded.has(error)) return;
    this.recorded.add(error);
    span.recordException(thrownBy(error), toTime(at));
  }

  private begin(run: RunContext): Place {
    const above = this.placeAbove(run);
    const links: Link[] = [];
    // A trace that lasts as long as the schedule would be told when that ends, and sampled as one.
    const root = run.slot !== undefined;
    if (root && above.span) links.push({ context: above.span.spanContext() });
    const { restart, last } = above.lives ?? {};
    if (last) links.push({ context: last });
    const span = this.tracer.startSpan(
      root ? `${run.task} slot` : run.task,
      {
        root,
        links,
        startTime: toTime(run.scheduler.now()),
        attributes: {
          ...kindOf(run),
          [attribute.runId]: run.runId,
          ...(run.slot !== undefined && { [attribute.slot]: run.slot }),
          ...(restart !== undefined && { [attribute.restart]: restart }),
        },
      },
      above.context,
    );
    if (above.lives) above.lives.last = span.spanContext();
    return { context: trace.setSpan(above.context, span), span };
  }

  /** What a run hangs on. Whoever else starts tasks for someone says so here. */
  private placeAbove({ parent }: RunContext): Place {
    // The active one is that of whoever started the application, or the task by hand.
    if (!parent) return { context: context.active() };
    let place = this.places.get(parent);
    if (!place) {
      const { context, lives = {} } = this.placeAbove(parent);
      this.places.set(parent, (place = { context, lives }));
    }
    return place;
  }

  private spanAbove({ parent }: RunContext): Span | undefined {
    return parent && (this.places.get(parent)?.span ?? this.spanAbove(parent));
  }

  private note(event: TaskEvent, span: Span | undefined): void {
    if (!span?.isRecording()) return;
    const details = detailsOf(event);
    if (details) span.addEvent(event.type, details, toTime(event.at));
  }
}

/** As a pair, because an SDK takes a small number for ms since the process began. */
function toTime(ms: number): HrTime {
  const whole = Math.floor(ms / 1000);
  return [whole, Math.round((ms - whole * 1000) * 1e6)];
}
