import type { Context } from '../context/types.js';
import type { TaskOutput } from '../task/types.js';
import { join, leave, tellAll, type Chain, type Link } from '../util/linked-list.js';
import { flow, type Flow, type Sink } from '../task/hook-output.js';
import { Scope } from '../context/cancel-context.js';
import { reportUnhandled } from '../util/report-unhandled.js';

type SettledStatus = 'fulfilled' | 'rejected' | 'cancelled';

/** Errors that nobody had looked at when their future was collected. */
const unseen = new FinalizationRegistry<unknown>(reportUnhandled);

/** Someone has looked at a future's error. */
export function seen(kept: object): void {
  unseen.unregister(kept);
}

/** The work's context, the sink of its output, and the result that comes of it. */
export class Settling<T> extends Scope implements Sink<T> {
  /** The last value, or the error, or the cause of the cancel. */
  outcome: unknown = undefined;
  /** The future itself, kept while the work goes on, so that an error still finds the one it belongs to. */
  kept: object | undefined = undefined;
  /** Once it is `over` or `failed` the work has ended by itself, and a cancel changes nothing any more. */
  private stage: 'going' | 'over' | 'failed' | SettledStatus = 'going';
  private flow: Flow | undefined = undefined;
  private awaiting: Chain | undefined = undefined;
  /** The result as a promise, made for the first who asks, and what settles it. */
  private asked: Promise<T> | undefined = undefined;
  private resolve: ((value: T) => void) | undefined = undefined;
  private reject: ((reason: unknown) => void) | undefined = undefined;

  constructor(parent: Scope) {
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
    if (this.cancelled) return this.afterCancel(this.cause);
    let output: TaskOutput<T>;
    try {
      output = work(this);
    } catch (error) {
      this.over();
      this.fail(error);
      return this.end();
    }
    flow(output, this);
  }

  get promise(): Promise<T> {
    return (this.asked ??= this.makePromise());
  }

  tellWhenSettled(link: Link): void {
    if (this.settled) link.tell?.(this);
    else join((this.awaiting ??= { first: undefined, last: undefined }), link);
  }

  begin(flow: Flow): void {
    this.flow = flow;
    if (this.cancelled) flow.cut();
  }

  next(value: T): void {
    if (!this.cancelled) this.outcome = value;
  }

  over(): void {
    if (!this.cancelled) this.stage = 'over';
  }

  fail(error: unknown): void {
    if (this.stage === 'failed') reportUnhandled(error);
    else if (this.stage === 'over') {
      this.stage = 'failed';
      this.outcome = error;
    }
  }

  end(): void {
    this.flow = undefined;
    if (this.stage === 'over') this.settle('fulfilled', this.outcome);
    else if (this.stage === 'failed') this.settle('rejected', this.outcome);
  }

  late(): void {
    // Dropped: the future was cancelled, and whoever awaited it has the cause.
  }

  /** While the work goes on the scope is the parent's to cancel, whoever comes and goes under it. */
  emptied(): void {
    if (this.settled) leave(this);
  }

  protected override afterCancel(cause: unknown): void {
    if (this.stage !== 'going') return;
    this.settle('cancelled', cause);
    this.flow?.cut();
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
    const { awaiting, kept } = this;
    this.stage = stage;
    this.outcome = outcome;
    this.awaiting = this.kept = undefined;
    // What the work started under its context and left behind is still the parent's to cancel.
    if (!this.first) leave(this);
    if (stage === 'fulfilled') this.resolve?.(outcome as T);
    else this.reject?.(outcome);
    if (awaiting?.first) tellAll(awaiting, this);
    else if (kept && stage === 'rejected' && !this.asked) unseen.register(kept, outcome, kept);
  }
}
