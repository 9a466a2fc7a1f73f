import type { Context } from '../context/types.js';
import type { TaskOutput } from '../task/types.js';
import { append, remove, notifyAll, type LinkedList, type ListNode } from '../util/linked-list.js';
import { subscribeOutput, type OutputSubscription, type OutputObserver } from '../task/hook-output.js';
import { CancelContext } from '../context/cancel-context.js';
import { reportUnhandled } from '../util/report-unhandled.js';

type SettledStatus = 'fulfilled' | 'rejected' | 'cancelled';

/** Reports the errors of rejected futures that are garbage-collected without a subscriber or an await. */
const unhandledErrors = new FinalizationRegistry<unknown>(reportUnhandled);

/** Marks the error of a rejected future as handled, so that it is not reported. */
export function markHandled(observable: object): void {
  unhandledErrors.unregister(observable);
}

/**
 * The state of a future: the context of its work, the observer of the work's output, and the result.
 *
 * ```
 *   pending ──source ended──▶ succeeding ──released──▶ fulfilled
 *      │                          │ failed
 *      │                          ▼
 *      │                       failing ─────released──▶ rejected
 *      └──cancelled──────────────────────────────────▶ cancelled
 * ```
 *
 * In `succeeding` and `failing` the work has ended and still releases its resources; a cancel has no effect any more.
 */
export class FutureState<T> extends CancelContext implements OutputObserver<T> {
  /** The last value, the error, or the cause of the cancel. */
  outcome: unknown = undefined;
  /** The future itself. Kept until it settles, so that an unhandled error is reported when the future is collected. */
  observable: object | undefined = undefined;
  private stage: 'pending' | 'succeeding' | 'failing' | SettledStatus = 'pending';
  private output: OutputSubscription | undefined = undefined;
  private waiters: LinkedList | undefined = undefined;
  /** The result as a promise, created on the first request, and the functions that settle it. */
  private resultPromise: Promise<T> | undefined = undefined;
  private resolve: ((value: T) => void) | undefined = undefined;
  private reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(parent: CancelContext) {
    super(parent.scheduler, parent);
  }

  get status(): SettledStatus | 'pending' {
    if (this.stage === 'pending' && this.cancelled) return 'cancelled';
    return this.settled ? (this.stage as SettledStatus) : 'pending';
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
    return (this.resultPromise ??= this.createPromise());
  }

  /** Notifies a node when the future settles; immediately if it already has. */
  onSettled(node: ListNode): void {
    if (this.settled) node.notify?.(this);
    else append((this.waiters ??= { first: undefined, last: undefined }), node);
  }

  onSubscribe(output: OutputSubscription): void {
    this.output = output;
    if (this.cancelled) output.interrupt();
  }

  next(value: T): void {
    if (!this.cancelled) this.outcome = value;
  }

  sourceEnded(): void {
    if (!this.cancelled) this.stage = 'succeeding';
  }

  failed(error: unknown): void {
    if (this.stage === 'failing') reportUnhandled(error);
    else if (this.stage === 'succeeding') {
      this.stage = 'failing';
      this.outcome = error;
    }
  }

  released(): void {
    this.output = undefined;
    if (this.stage === 'succeeding') this.settle('fulfilled', this.outcome);
    else if (this.stage === 'failing') this.settle('rejected', this.outcome);
  }

  lateResult(): void {
    // Dropped: the future was cancelled, and its subscribers already have the cause.
  }

  /** Detaches the context from its parent, unless the work is still pending: the parent must be able to cancel it. */
  onEmpty(): void {
    if (this.settled) remove(this);
  }

  protected override didCancel(cause: unknown): void {
    if (this.stage !== 'pending') return;
    this.settle('cancelled', cause);
    this.output?.interrupt();
  }

  private createPromise(): Promise<T> {
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
    // A context that still has children stays attached: the parent must be able to cancel what the work left running.
    if (!this.first) remove(this);
    if (stage === 'fulfilled') this.resolve?.(outcome as T);
    else this.reject?.(outcome);
    if (waiters?.first) notifyAll(waiters, this);
    else if (observable && stage === 'rejected' && !this.resultPromise)
      unhandledErrors.register(observable, outcome, observable);
  }
}
