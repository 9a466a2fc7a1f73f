import { CancelContext } from '../context/cancel-context.js';
import { isCancellation } from '../context/is-cancellation.js';
import type { Context } from '../context/types.js';
import { enclosingRun } from '../task/enclosing-run.js';
import { subscribeOutput, type OutputObserver, type OutputSubscription } from '../task/hook-output.js';
import type { Run } from '../task/run.js';
import type { TaskOutput } from '../task/types.js';
import { append, ListNode, notifyAll, remove, type LinkedList } from '../util/linked-list.js';
import { logError } from '../util/log-error.js';
import { reportUnhandled } from '../util/report-unhandled.js';
import { removeUnhandled, addUnhandled, type UnhandledError } from '../util/unhandled-errors.js';

type SettledStatus = 'fulfilled' | 'rejected' | 'cancelled';

/**
 * The error of a future that was neither awaited nor subscribed to. At the end of the run that the future was started
 * under, it becomes an event of that run.
 */
class LostError extends ListNode implements UnhandledError {
  readonly error: unknown;
  private readonly run: Run<unknown> | undefined;

  constructor(error: unknown, run: Run<unknown> | undefined) {
    super();
    this.error = error;
    this.run = run;
  }

  /** Called when the run has ended, or a join no longer waits for it. */
  override notify(): void {
    removeUnhandled(this);
    this.run?.emit({ type: 'future-failed', error: this.error });
  }
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
  /** The future itself, until it is awaited or subscribed to, or settles. */
  observable: object | undefined = undefined;
  // `declare` creates no field, which keeps a future small: most have neither.
  /** The run that the future was started under. */
  declare private readonly run?: Run<unknown>;
  declare private lostError?: LostError | undefined;
  private stage: 'pending' | 'succeeding' | 'failing' | SettledStatus = 'pending';
  private output: OutputSubscription | undefined = undefined;
  private waiters: LinkedList | undefined = undefined;
  /** The result as a promise, created on the first request, and the functions that settle it. */
  private resultPromise: Promise<T> | undefined = undefined;
  private resolve: ((value: T) => void) | undefined = undefined;
  private reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(parent: CancelContext) {
    super(parent.scheduler, parent);
    const run = enclosingRun(parent);
    if (run) this.run = run;
  }

  get interruptsPromises(): boolean {
    return false;
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

  /** Marks the result as awaited or subscribed to, so that an error does not count as lost. */
  markHandled(): void {
    this.observable = undefined;
    if (!this.lostError) return;
    remove(this.lostError);
    removeUnhandled(this.lostError);
    this.lostError = undefined;
  }

  get promise(): Promise<T> {
    return (this.resultPromise ??= this.createPromise());
  }

  /** Notifies a node when the future settles. */
  onSettled(node: ListNode): void {
    append((this.waiters ??= { first: undefined, last: undefined }), node);
  }

  onSubscribe(output: OutputSubscription): void {
    this.output = output;
    if (this.cancelled) output.interrupt();
  }

  next(value: T): void {
    if (this.cancelled) this.lateResult();
    else this.outcome = value;
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
    // It is cancelled, or the cancel is still being propagated.
    else this.lateResult({ error });
  }

  released(): void {
    this.output = undefined;
    if (this.stage === 'succeeding') this.settle('fulfilled', this.outcome);
    else if (this.stage === 'failing') this.settle('rejected', this.outcome);
  }

  lateResult(failure?: { readonly error: unknown }): void {
    // The error of the cancel is no result.
    if (failure && isCancellation(failure.error, this.cause)) return;
    this.run?.resultDropped(failure);
  }

  teardownFailed(error: unknown): void {
    if (this.run) this.run.teardownFailed(error);
    else logError(error);
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
    if (waiters) notifyAll(waiters, this);
    if (observable && stage === 'rejected') this.keepLostError(observable, outcome);
  }

  private keepLostError(observable: object, error: unknown): void {
    const { run } = this;
    const lostError = (this.lostError = new LostError(error, run));
    if (run) append((run.endListeners ??= { first: undefined, last: undefined }), lostError);
    addUnhandled(lostError, run ? undefined : observable);
  }
}
