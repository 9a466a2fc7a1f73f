import type { Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import type { Outcome, TaskEvent, TaskRunner } from '../task/types.js';
import { giveUp, notStarted, startMember } from '../task/runner-access.js';
import type { Composition, DrivenRun } from '../task/composite.js';
import { Member, type Owner } from '../task/child.js';
import { Scope } from '../context/cancel-context.js';

/** One run of a group: its members become ready, end, and are stopped together. */
abstract class GroupRun<T> implements Owner<T>, Composition {
  protected readonly seats: readonly Seat<T>[];
  protected started = 0;
  readonly run: DrivenRun;
  private readonly cancelAll: CancelFunc;
  private readonly subscriber: Subscriber<T>;
  private over = 0;
  /** How many have yet to become ready. */
  private missing: number;
  private isReady = false;
  private starting = false;
  private stopping: { readonly cause: unknown } | undefined = undefined;
  private failure: TaskError | undefined = undefined;

  /** @param parent what the contexts of the members hang on. */
  constructor(
    run: DrivenRun,
    cancelAll: CancelFunc,
    runners: readonly TaskRunner<T>[],
    subscriber: Subscriber<T>,
    parent?: Scope,
  ) {
    this.run = run;
    this.cancelAll = cancelAll;
    this.subscriber = subscriber;
    this.seats = runners.map((runner) => new Seat(this, runner, run, parent));
    this.missing = runners.length;
    run.composition = this;
  }

  start(): void {
    this.subscriber.add(this.run.whenCancelled((cause) => this.stop(cause)));
    this.goOn();
  }

  get observed(): boolean {
    return this.run.observed;
  }

  relay(event: TaskEvent, run?: RunContext): void {
    this.run.relay(event, run);
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  ready(seat: Seat<T>, is: boolean): void {
    this.settle(seat, is);
    this.goOn();
  }

  ended(seat: Seat<T>, outcome: Outcome): void {
    const { error } = outcome;
    seat.going = false;
    seat.outcome = outcome;
    this.over++;
    if (error) {
      if (this.failure) this.failure.suppressed.push(error);
      else this.failure = error;
      return this.stop(error);
    }
    // One that has ended well keeps nobody waiting, ready or not.
    this.settle(seat, true);
    this.goOn();
  }

  refused(seat: Seat<T>, reason: unknown): void {
    const error = new TaskError(seat.path, 'execute', reason);
    this.ended(seat, { task: seat.path, runner: seat.runner, status: 'failed', error });
  }

  outcome(): Pick<Outcome, 'members'> {
    return {
      members: this.seats.map(({ outcome, lost, runner, path }) => outcome ?? lost ?? notStarted(runner, path)),
    };
  }

  giveUp(): void {
    for (const seat of this.seats) {
      if (!seat.going) continue;
      const { path: task, stoppingAt, runner } = seat;
      seat.lost = { ...giveUp(runner), task, ...(stoppingAt !== undefined && { stoppingAt }) };
    }
  }

  /** Whether one may start after this. */
  protected abstract mayFollow(seat: Seat<T>): boolean;

  /** Cancels whoever is to end now. Comes again when that one has ended. */
  protected abstract cancel(cause: unknown): void;

  private get stopped(): boolean {
    return this.stopping !== undefined || this.run.cancelled;
  }

  private settle(seat: Seat<T>, ready: boolean): void {
    if (seat.isReady === ready) return;
    seat.isReady = ready;
    this.missing += ready ? -1 : 1;
  }

  private stop(cause: unknown): void {
    if (!this.stopping && this.isReady && !this.run.cancelled) this.run.unready();
    this.stopping ??= { cause };
    this.goOn();
  }

  private goOn(): void {
    if (this.stopping) this.cancel(this.stopping.cause);
    else this.startNext();
    const { started, over, missing, seats, subscriber, run } = this;
    const ready = missing === 0;
    if (!this.stopped && ready !== this.isReady) {
      this.isReady = ready;
      if (ready) run.ready();
      else {
        run.enter('initializing');
        run.unready();
      }
    }
    if (over < started || (started < seats.length && !this.stopped)) return;
    if (this.failure) subscriber.error(this.failure);
    else subscriber.complete();
  }

  /** Starts all whose turn it is. A loop, because they may be ready before they have returned. */
  private startNext(): void {
    if (this.starting) return;
    this.starting = true;
    for (;;) {
      const previous = this.seats[this.started - 1];
      const seat = this.seats[this.started];
      if (!seat || this.stopped || (previous && !this.mayFollow(previous))) break;
      this.started++;
      seat.going = true;
      startMember(seat.runner, seat, this.cancelAll);
    }
    this.starting = false;
  }
}

/** Each starts when the one before is ready; they stop in reverse, one at a time. */
export class OrderedRun<T> extends GroupRun<T> {
  private cancelling = false;
  private place: number | undefined = undefined;

  protected override mayFollow(seat: Seat<T>): boolean {
    return seat.isReady;
  }

  /** A loop, because they may end before they have returned. */
  protected override cancel(cause: unknown): void {
    if (this.cancelling) return;
    this.cancelling = true;
    // Nobody after this one is left.
    for (this.place ??= this.started - 1; this.place >= 0; this.place--) {
      const seat = this.seats[this.place];
      if (!seat?.going) continue;
      Scope.cancel(seat, cause);
      if (this.waitsFor(seat)) break;
    }
    this.cancelling = false;
  }

  /** Asked anew after a cancel, which may have ended it: the compiler would hold on to what it was before. */
  private waitsFor(seat: Seat<T>): boolean {
    return seat.going;
  }
}

/** All start at once and all stop at once. */
export class ParallelRun<T> extends GroupRun<T> {
  private readonly scope: Scope;

  constructor(run: DrivenRun, cancelAll: CancelFunc, runners: readonly TaskRunner<T>[], subscriber: Subscriber<T>) {
    const scope = new Scope(run.scheduler, run);
    super(run, cancelAll, runners, subscriber, scope);
    this.scope = scope;
  }

  protected override mayFollow(): boolean {
    return true;
  }

  protected override cancel(cause: unknown): void {
    Scope.cancel(this.scope, cause);
  }
}

/** A member in one run of its group. */
class Seat<T> extends Member<T> {
  readonly runner: TaskRunner<T>;
  going = false;
  isReady = false;
  outcome: Outcome | undefined = undefined;
  /** What is said of it when nobody waits for it any longer. */
  lost: Outcome | undefined = undefined;

  constructor(owner: Owner<T>, runner: TaskRunner<T>, run: DrivenRun, parent?: Scope) {
    super(owner, `${run.task}/${runner.toString()}`, run.scheduler, parent, run.hooks);
    this.runner = runner;
  }
}
