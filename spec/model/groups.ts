import { Context } from './context.js';
import type { Run } from './run.js';
import type { Runner } from './runner.js';
import { Failure, type Above, type Flow, type Outcome } from './words.js';

/** A member in one run of its group. */
class Seat implements Above {
  readonly path: string;
  readonly ctx: Context;
  readonly runner: Runner;
  going = false;
  isReady = false;
  outcome: Outcome | undefined = undefined;
  /** What is said of it when nobody waits for it any longer. */
  lost: Outcome | undefined = undefined;
  private readonly group: Group;

  constructor(group: Group, run: Run, runner: Runner, parent?: Context) {
    this.group = group;
    this.path = `${run.path}/${runner.work.name}`;
    this.runner = runner;
    this.ctx = new Context(parent);
  }

  value(value: string): void {
    this.group.run.value(value);
  }
  ready(is: boolean): void {
    this.isReady = is;
    this.group.goOn();
  }
  ended(outcome: Outcome): void {
    this.outcome = outcome;
    this.going = false;
    this.ctx.cancel();
    this.group.ended(this, outcome);
  }
  refused(why: string): void {
    this.ended({ task: this.path, status: 'failed', error: new Failure(this.path, 'execute', why) });
  }
}

/**
 * «In a group a member's failure stops the others and is the group's error (later ones suppressed), a member's clean end leaves
 * the others running, and a member that fails to initialize makes those already up stop in reverse and those after it never
 * start.» It ends when all its members have.
 */
abstract class Group implements Flow {
  readonly grace: number = Infinity;
  readonly run: Run;
  protected readonly seats: readonly Seat[];
  protected started = 0;
  private failure: Failure | undefined = undefined;
  private stopping: { readonly cause: unknown } | undefined = undefined;
  private isReady = false;
  private starting = false;
  private over = false;

  constructor(run: Run, members: readonly Runner[], parent?: Context) {
    this.run = run;
    this.seats = members.map((member) => new Seat(this, run, member, parent));
    run.members = () =>
      this.seats.map(({ outcome, lost, path }) => outcome ?? lost ?? { task: path, status: 'not-started' });
    run.giveUpMembers = () => {
      for (const seat of this.seats) if (seat.going) seat.lost = seat.runner.giveUp();
    };
  }

  begin(): void {
    this.run.ctx.onCancel((cause) => this.stop(cause));
    this.goOn();
  }

  cut(): void {
    // It ends by itself when it is cancelled.
  }

  ended(seat: Seat, { error }: Outcome): void {
    if (!error) {
      seat.isReady = true;
      return this.goOn();
    }
    if (this.failure) this.failure.suppressed.push(error);
    else this.failure = error;
    this.stop(error);
  }

  goOn(): void {
    if (this.stopping) this.cancel(this.stopping.cause);
    else this.startNext();
    const { run, seats, started } = this;
    const ready = seats.every(({ isReady }) => isReady);
    if (!this.isStopped && ready !== this.isReady) {
      this.isReady = ready;
      if (!ready) run.enter('initializing');
      run.ready(ready);
    }
    if (this.over || seats.some(({ going }) => going) || (started < seats.length && !this.isStopped)) return;
    this.over = true;
    run.over();
    if (this.failure) run.fail(this.failure);
    run.ended();
  }

  /** Whether one may start, when the one before it has been started. */
  protected abstract mayStart(previous: Seat | undefined): boolean;
  /** Cancels those whose turn it is. Comes again when one of them has ended. */
  protected abstract cancel(cause: unknown): void;

  private get isStopped(): boolean {
    return this.stopping !== undefined || this.run.ctx.cancelled;
  }

  private stop(cause: unknown): void {
    if (!this.stopping && this.isReady && !this.run.ctx.cancelled) this.run.ready(false);
    this.stopping ??= { cause };
    this.goOn();
  }

  private startNext(): void {
    if (this.starting) return;
    this.starting = true;
    for (;;) {
      const seat = this.seats[this.started];
      if (!seat || this.isStopped || !this.mayStart(this.seats[this.started - 1])) break;
      this.started++;
      seat.going = true;
      seat.runner.start(seat.ctx, seat, this.run.cancel);
    }
    this.starting = false;
  }
}

/** «each starts when the one before is ready; they stop in reverse, one at a time» */
export class Ordered extends Group {
  private cancelling = false;

  protected override mayStart(previous: Seat | undefined): boolean {
    return !previous || previous.isReady;
  }

  protected override cancel(cause: unknown): void {
    if (this.cancelling) return;
    this.cancelling = true;
    for (let last = this.last; last && !last.ctx.cancelled; last = this.last) last.ctx.cancel(cause);
    this.cancelling = false;
  }

  private get last(): Seat | undefined {
    return this.seats.findLast(({ going }) => going);
  }
}

/** «all start at once, all stop at once» */
export class Parallel extends Group {
  private readonly all: Context;

  constructor(run: Run, members: readonly Runner[]) {
    const all = new Context(run.ctx);
    super(run, members, all);
    this.all = all;
  }

  protected override mayStart(): boolean {
    return true;
  }

  protected override cancel(cause: unknown): void {
    this.all.cancel(cause);
  }
}
