import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { suppressedBy, type Phase, type TaskError } from '../errors/errors.js';
import type { RunEnd, RunContext, RunJob } from '../context/types.js';
import type { TaskEvent } from '../task/types.js';
import { describeError, messageOf } from '../util/describe-error.js';
import { isError, textOf } from '../util/error-parts.js';
import { callSafely } from './call-safely.js';
import { errorType, thrownBy } from './error-type.js';
import { attribute, startAttributes } from './names.js';
import { startedAt, type RunState, type RunStates } from './run-state.js';
import { eventAttributes } from './span-event.js';

/** The place of a new span: its parent context, or its links if it is the root of its own trace. */
interface Origin {
  readonly context: Context;
  readonly root: boolean;
  readonly link?: SpanContext | undefined;
}

/** The spans of runs. */
export class RunSpans {
  private readonly tracer: Tracer;
  private readonly states: RunStates;
  private readonly recordedErrors = new WeakSet();

  constructor(tracer: Tracer, states: RunStates) {
    this.tracer = tracer;
    this.states = states;
  }

  /** Returns the context in which to call a hook of a run. Starts the run's span at its first hook. */
  onHook(run: RunContext, state: RunState, phase: Phase): Context {
    state.phase = phase;
    return (state.context ??= this.startSpan(run, state));
  }

  onEvent(event: TaskEvent, run: RunContext): void {
    const { span, restarts, slots } = this.states.get(run) ?? {};
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

  onRunEnd(run: RunContext, { span, phase }: RunState, { status, at, error }: RunEnd): void {
    if (!span) return;
    if (run.slot !== undefined && run.parent) this.states.get(run.parent)?.slots?.delete(run.slot);
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

  /** Starts the span of a run. Returns the context with it. */
  private startSpan(run: RunContext, state: RunState): Context {
    const { slot, job } = run;
    const parent = this.parentState(run);
    const origin = originOf(run, parent);
    const links: Link[] = [];
    if (origin.link) links.push({ context: origin.link });
    if (parent?.restarts?.previousRun) links.push({ context: parent.restarts.previousRun });
    const span = this.tracer.startSpan(
      slot === undefined ? run.task : `${run.task} slot`,
      {
        kind: job ? SpanKind.CONSUMER : SpanKind.INTERNAL,
        root: origin.root,
        links,
        startTime: toHrTime(startedAt(run)),
        attributes: spanAttributes(run, parent?.restarts?.count),
      },
      origin.context,
    );
    state.span = span;
    if (slot !== undefined && parent) addSlot(parent, slot, span);
    if (parent?.restarts) parent.restarts.previousRun = span.spanContext();
    return trace.setSpan(origin.context, span);
  }

  /** Returns the state of a run's parent. A supervisor, which has no hooks, gets one without a span. */
  private parentState({ parent }: RunContext): RunState | undefined {
    if (!parent) return undefined;
    const state = this.states.getOrCreate(parent);
    if (!state.context) {
      const above = this.parentState(parent);
      state.context = above?.context ?? context.active();
      state.restarts = above?.restarts ?? {};
    }
    return state;
  }

  private parentSpan({ parent }: RunContext): Span | undefined {
    return parent && (this.states.get(parent)?.span ?? this.parentSpan(parent));
  }
}

/** Returns the place of a run's span. */
function originOf({ job, slot }: RunContext, parent: RunState | undefined): Origin {
  // The caller that started the application, or a single runner, has its span active.
  const above = parent?.context ?? context.active();
  if (job) return jobOrigin(job, above);
  // A slot is the root of its own trace. In the cron's trace it would be exported and sampled with the schedule.
  return slot === undefined ? { context: above, root: false } : { context: above, root: true, link: spanOf(above) };
}

/**
 * Returns the place of a job's span: below the code that waits for the job, or the root of its own trace. It is linked
 * to the code that has submitted it or, if that is unknown, to the worker.
 */
function jobOrigin({ trace: fields, awaited }: RunJob, worker: Context): Origin {
  // A propagator may throw for fields that another program has written.
  const extracted = fields && callSafely(() => propagation.extract(trace.deleteSpan(worker), fields));
  const origin = extracted ?? worker;
  const submitter = extracted && spanOf(extracted);
  if (submitter && awaited) return { context: origin, root: false };
  return { context: origin, root: true, link: submitter ?? spanOf(worker) };
}

function spanOf(active: Context): SpanContext | undefined {
  return trace.getSpanContext(active);
}

function spanAttributes(run: RunContext, restart: number | undefined): Attributes {
  const { slot, job } = run;
  const attributes = startAttributes(run);
  if (slot !== undefined) attributes[attribute.slot] = slot;
  if (restart !== undefined) attributes[attribute.restart] = restart;
  return job ? Object.assign(attributes, jobAttributes(job)) : attributes;
}

function jobAttributes({ id, queue, attempt }: RunJob): Attributes {
  return {
    [attribute.messagingSystem]: 'rxjs_tasks',
    [attribute.operationName]: 'process',
    [attribute.operationType]: 'process',
    [attribute.queue]: queue,
    [attribute.job]: id,
    [attribute.attempt]: attempt,
  };
}

/** Runs that are triggered at the same time have the same slot. Which of them has failed is known at its end. */
function addSlot(cron: RunState, slot: number, span: Span): void {
  cron.slots ??= new Map();
  cron.slots.set(slot, cron.slots.has(slot) ? undefined : span);
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
