import type { Context } from '../context/types.js';
import type { TaskOutput } from '../task/types.js';
import { append, remove, notifyAll, type LinkedList, type ListNode } from '../util/linked-list.js';
import { subscribeOutput, type OutputSubscription, type OutputObserver } from '../task/hook-output.js';
import { CancelContext } from '../context/cancel-context.js';
import { reportUnhandled } from '../util/report-unhandled.js';

type SettledStatus = 'fulfilled' | 'rejected' | 'cancelled';

/** Errors that nobody had looked at when their future was collected. */
const unhandledErrors = new FinalizationRegistry<unknown>(reportUnhandled);

/** Someone has looked at a future's error. */
export function markHandled(kept: object): void {
  unhandledErrors.unregister(kept);
}

/** The work's context, the sink of its output, and the result that comes of it. */
export class FutureState<T> extends CancelContext implements OutputObserver<T> {
  /** The last value, or the error, or the cause of the cancel. */
  outcome: unknown = undefined;
  /** The future itself, kept while the work goes on, so that an error still finds the one it belongs to. */
  observable: object | undefined = undefined;
  /** Once it is `over` or `failed` the work has ended by itself, and a cancel changes nothing any more. */
  private stage: 'going' | 'over' | 'failed' | SettledStatus = 'going';
  private output: OutputSubscription | undefined = undefined;
  private waiters: LinkedList | undefined = undefined;
  /** The result as a promise, made for the first who asks, and what settles it. */
  private asked: Promise<T> | undefined = undefined;
  private resolve: ((value: T) => void) | undefined = undefined;
  private reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(parent: CancelContext) {
    super(parent.scheduler, parent);
  }

  get status(): SettledStatus | 'pending' {
    const { stage } = this;
    if (stage === 'going') return this.cancelled ? 'cancelled' : 'pending';
    return stage === 'over' || stage === 'failed' ? 'pending' : stage;
  }

  get settled(): boolean {
    return this.stage === 'fulfilled' || this.stage === 'rejected' || this.stage === 'cancelled';
  }

  start(work: (ctx: Context) => TaskOutput<T>): void {
    if (this.cancelled) return this.didCancel(this.cause);
    let output: TaskOutput<T>;
    try {
      output = work(this);
    } catch (error) {
      this.sourceEnded();
      this.failed(error);
      return this.released();
    }
    subscribeOutput(output, this);
  }

  get promise(): Promise<T> {
    return (this.asked ??= this.makePromise());
  }

  onSettled(link: ListNode): void {
    if (this.settled) link.notify?.(this);
    else append((this.waiters ??= { first: undefined, last: undefined }), link);
  }

  onSubscribe(flow: OutputSubscription): void {
    this.output = flow;
    if (this.cancelled) flow.interrupt();
  }

  next(value: T): void {
    if (!this.cancelled) this.outcome = value;
  }

  sourceEnded(): void {
    if (!this.cancelled) this.stage = 'over';
  }

  failed(error: unknown): void {
    if (this.stage === 'failed') reportUnhandled(error);
    else if (this.stage === 'over') {
      this.stage = 'failed';
      this.outcome = error;
    }
  }

  released(): void {
    this.output = undefined;
    if (this.stage === 'over') this.settle('fulfilled', this.outcome);
    else if (this.stage === 'failed') this.settle('rejected', this.outcome);
  }

  lateResult(): void {
    // Dropped: the future was cancelled, and whoever awaited it has the cause.
  }

  /** While the work goes on the scope is the parent's to cancel, whoever comes and goes under it. */
  onEmpty(): void {
    if (this.settled) remove(this);
  }

  protected override didCancel(cause: unknown): void {
    if (this.stage !== 'going') return;
    this.settle('cancelled', cause);
    this.output?.interrupt();
  }

  private makePromise(): Promise<T> {
    if (this.stage === 'fulfilled') return Promise.resolve(this.outcome as T);
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      if (this.settled) reject(this.outcome);
    });
  }

  private settle(stage: SettledStatus, outcome: unknown): void {
    const { waiters, observable } = this;
    this.stage = stage;
    this.outcome = outcome;
    this.waiters = this.observable = undefined;
    // What the work started under its context and left behind is still the parent's to cancel.
    if (!this.first) remove(this);
    if (stage === 'fulfilled') this.resolve?.(outcome as T);
    else this.reject?.(outcome);
    if (waiters?.first) notifyAll(waiters, this);
    else if (observable && stage === 'rejected' && !this.asked)
      unhandledErrors.register(observable, outcome, observable);
  }
}
