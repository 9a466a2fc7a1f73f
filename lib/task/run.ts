import type { Observer, Subscription } from 'rxjs';
import type { CancelFunc, RunEnd, RunContext } from '../context/types.js';
import { TaskError, type Phase } from '../errors/errors.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskOutput } from './types.js';
import { after } from '../util/timer.js';
import {
  drive,
  isDriven,
  type Composition,
  type Driven,
  type DrivenRun,
  type History,
  type Status,
} from './composite.js';
import { flow, type Flow, type Sink } from './hook-output.js';
import { isCancel } from '../context/is-cancellation.js';
import { Member } from './child.js';
import { ended, Scope, unsubscribed } from '../context/cancel-context.js';
import type { Work } from './task-hooks.js';

/** Whoever subscribed to a run. */
export type RunObserver<T> = Observer<T> & { readonly closed: boolean };

/** Whoever owns a run: a runner, or a cron for one slot. */
export interface RunHost<T> {
  readonly name: string;
  readonly work: Work<T>;
  /** The run whose slots are run. */
  readonly ctx?: RunContext;
  /** Whether someone listens to events. */
  readonly observed: boolean;
  emit(run: Run<T>, detail: TaskEventDetail): void;
  relay?(event: TaskEvent): void;
  enter?(status: Status): void;
  ready?(): void;
  /** It has to become ready once more. */
  unready?(): void;
  next?(value: T): void;
  /** Comes before the subscriber is told, who may start the next run. */
  ended?(run: Run<T>, status: Exclude<Outcome['status'], 'timed-out' | 'not-started'>): void;
}

// What has come to pass in a run, as bits of one field: there may be very many runs.
/** A hook has been called, so that there may be something to release. */
const begun = 1 << 0;
const executed = 1 << 1;
/** The context was cancelled before `execute` had ended by itself, and all that hang on it have been told. */
const interrupted = 1 << 2;
/** The hook under way has ended while they were being told. */
const endedMeanwhile = 1 << 3;
/** `execute` has ended by itself: a cancel changes nothing any more. */
const over = 1 << 4;
const graceOver = 1 << 5;
/** A join holds it for lost. */
const overrun = 1 << 6;
const wasReady = 1 << 7;
const finished = 1 << 8;
/** Whoever looks on has been told of the end. */
const told = 1 << 9;

/**
 * One run of a task, and the context its hooks get:
 * initialize → execute → the context is cancelled → finalize → ended.
 */
export class Run<T> extends Scope implements DrivenRun, Sink<T> {
  readonly runId: number;
  // These are not even fields of the runs that have none, of which there may be very many.
  declare readonly slot?: number;
  /** What it tells of itself when it is part of something. */
  declare readonly member?: Member<T>;
  declare composition?: Composition;
  readonly startedAt: number;
  /** The first failure; later ones are on its `suppressed`. */
  error: TaskError | undefined = undefined;
  private readonly host: RunHost<T>;
  private readonly subscriber: RunObserver<T>;
  private readonly cancelAll: CancelFunc | undefined;
  private phase: Phase = 'initialize';
  private marks = 0;
  private flow: Flow | undefined = undefined;
  private graceTimer: Subscription | undefined = undefined;

  constructor(
    host: RunHost<T>,
    runId: number,
    subscriber: RunObserver<T>,
    parent: Scope,
    cancel: CancelFunc | undefined,
    slot?: number,
  ) {
    super(parent.scheduler, parent);
    this.host = host;
    this.runId = runId;
    this.subscriber = subscriber;
    this.cancelAll = cancel;
    this.startedAt = this.scheduler.now();
    if (slot !== undefined) this.slot = slot;
    if (parent instanceof Member) {
      this.member = parent as Member<T>;
      parent.runId = runId;
    }
  }

  get task(): string {
    return this.member ? this.member.path : this.host.name;
  }

  get within(): RunContext | undefined {
    return this.host.ctx ?? this.member?.within;
  }

  get observed(): boolean {
    return this.host.observed || this.member?.observed === true;
  }

  get history(): History {
    return this.driven?.history ?? {};
  }

  /** Whether it has ever been ready. */
  get wasReady(): boolean {
    return (this.marks & wasReady) !== 0;
  }

  /** Whether the subscriber has left. */
  get left(): boolean {
    return this.subscriber.closed;
  }

  emit(detail: TaskEventDetail): void {
    this.host.emit(this, detail);
  }

  /** Cancels a run whose subscriber has left. */
  static leave(run: Scope): void {
    Scope.cancel(run, unsubscribed);
  }

  start(): void {
    if (this.cancelled) {
      this.marks |= interrupted;
      this.finish();
    } else if (this.host.work.initialize) {
      this.enter('initializing');
      if (this.observed) this.emit({ type: 'initializing' });
      this.call('initialize');
    } else if (this.driven?.members) {
      this.enter('initializing');
      if (this.observed && !this.driven.seenThrough) this.emit({ type: 'initializing' });
      this.call('execute');
    } else this.becomeReady();
  }

  relay(event: TaskEvent, run?: RunContext): void {
    this.host.relay?.(event);
    this.member?.relay(event, run);
  }

  enter(status: Status): void {
    this.host.enter?.(status);
    this.member?.enter(status);
  }

  ready(): void {
    this.tellReady();
    if (!(this.marks & finished)) this.member?.ready(true);
  }

  unready(): void {
    this.host.unready?.();
    this.member?.ready(false);
  }

  endedByItself(): void {
    this.marks = (this.marks | over) & ~interrupted;
  }

  /** From now on a join holds this run for lost: nothing is delivered any more. It is told which hook that was in. */
  giveUp(): Phase {
    this.marks |= overrun;
    this.composition?.giveUp();
    this.tellEnd('timed-out');
    return this.phase;
  }

  /** Tells whoever looks on, once: one that nobody waits for any longer may still end by itself. */
  tellEnd(status: RunEnd['status']): void {
    const { hooks, error, scheduler, marks } = this;
    if (!hooks?.onRunEnd || !(marks & begun) || marks & told || this.driven?.seenThrough) return;
    this.marks |= told;
    hooks.onRunEnd(this, { status, at: scheduler.now(), ...(error && { error }) });
  }

  begin(flow: Flow): void {
    this.flow = flow;
    if (this.cancelled) this.hurry();
  }

  next(value: T): void {
    if (this.phase !== 'execute') return;
    if (this.marks & overrun) this.tellLate('execute');
    else {
      this.subscriber.next(value);
      this.host.next?.(value);
    }
  }

  over(): void {
    if (this.phase === 'execute' && !this.cancelled) this.marks |= over;
  }

  fail(error: unknown): void {
    const failure = this.failure(error, this.phase);
    if (!failure) return;
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
    // A member has told its own failure. Last, because of re-entrant code: whoever is told may end the run.
    if (this.marks & overrun && failure !== error) this.tellLate(this.phase, failure);
  }

  end(): void {
    this.flow = undefined;
    if (this.phase === 'finalize') this.finish();
    else if (this.phase === 'initialize' && !this.error && !this.cancelled) this.becomeReady();
    else this.close();
  }

  late(failure?: { readonly error: unknown }): void {
    const phase = this.marks & executed ? 'execute' : 'initialize';
    this.tellLate(phase, failure && this.failure(failure.error, phase));
  }

  protected override afterCancel(): void {
    if (this.phase === 'finalize' || this.marks & over) return;
    this.marks |= interrupted;
    const { grace = 0 } = this.host.work;
    // Before anyone is told, because whoever is told may end the hook, and with it the grace.
    if (grace > 0 && !(this.marks & endedMeanwhile)) {
      this.graceTimer = after(this.scheduler, grace, () => {
        this.marks |= graceOver;
        this.hurry();
      });
    }
    if (this.observed && !this.driven?.seenThrough) this.emit({ type: 'cancelling', cause: this.cause });
    if (this.marks & endedMeanwhile) return this.close();
    this.hurry();
  }

  private get driven(): Driven<T> | undefined {
    const { work } = this.host;
    return isDriven(work) ? work : undefined;
  }

  private tellReady(): void {
    this.marks |= wasReady;
    if (!this.driven?.seenThrough) {
      this.enter('running');
      if (this.observed) this.emit({ type: 'ready' });
    }
    // Whoever was told may have ended it, and started the next.
    if (!(this.marks & finished)) this.host.ready?.();
  }

  private becomeReady(): void {
    this.tellReady();
    if (this.cancelled) return this.close();
    this.call('execute');
    // What comes next starts when this has been called.
    if (!(this.marks & finished) && !this.error) this.member?.ready(true);
  }

  /** Everything that was started under the run's context ends before `finalize` is called. */
  private close(): void {
    this.graceTimer?.unsubscribe();
    if (this.cancelled && !(this.marks & (interrupted | over))) {
      this.marks |= endedMeanwhile;
      return;
    }
    this.phase = 'finalize';
    Scope.cancel(this, this.error ?? ended);
    if (!this.host.work.finalize || !(this.marks & begun)) return this.finish();
    this.enter('finalizing');
    if (this.observed) this.emit({ type: 'finalizing' });
    this.call('finalize');
  }

  private finish(): void {
    this.marks |= finished;
    const status = this.error ? 'failed' : this.marks & interrupted ? 'cancelled' : 'completed';
    this.tellEnd(status);
    this.host.ended?.(this, status);
    if (this.error) this.subscriber.error(this.error);
    else this.subscriber.complete();
  }

  private call(phase: Phase): void {
    const { hooks } = this;
    if (hooks?.wrapHook && !this.driven?.seenThrough) hooks.wrapHook(this, phase, () => this.callAlone(phase));
    else this.callAlone(phase);
  }

  private callAlone(phase: Phase): void {
    this.phase = phase;
    this.marks |= phase === 'execute' ? begun | executed : begun;
    let output: TaskOutput<unknown>;
    try {
      output = this.hook(phase);
    } catch (error) {
      this.over();
      this.fail(error);
      return this.end();
    }
    flow(output as TaskOutput<T>, this);
  }

  private hook(phase: Phase): TaskOutput<unknown> {
    const { work } = this.host;
    if (phase === 'initialize') return work.initialize?.(this);
    if (phase === 'finalize') return work.finalize?.();
    const cancel: CancelFunc = this.cancelAll ?? ((cause) => Scope.cancel(this, cause));
    return isDriven(work) ? work[drive](this, cancel) : work.execute(this, cancel);
  }

  /** Cuts the hook under way if its grace is over. */
  private hurry(): void {
    const { flow, phase } = this;
    if (!flow || phase === 'finalize' || (phase === 'execute' && this.driven)) return;
    const { grace = flow.grace } = this.host.work;
    if (grace > 0 && !(this.marks & graceOver)) return;
    flow.cut();
  }

  /** What an error means for the run: nothing, when all it says is that the run was cancelled. */
  private failure(error: unknown, phase: Phase): TaskError | undefined {
    // The run that has failed with it has judged it.
    if (error instanceof TaskError && phase === 'execute' && this.driven) return error;
    if (phase !== 'finalize' && this.cancelled && !(this.marks & over) && isCancel(error, this.cause)) return undefined;
    return new TaskError(this.task, phase, error);
  }

  private tellLate(phase: Phase, error?: TaskError): void {
    if (error || this.observed) this.emit(error ? { type: 'late', phase, error } : { type: 'late', phase });
  }
}
