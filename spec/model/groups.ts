import { Context } from './context.js';
import type { Run } from './run.js';
import type { Runner } from './runner.js';
import { Failure, type Parent, type HookOutput, type Outcome } from './types.js';

/** A member in one run of its group. */
class Member implements Parent {
  readonly path: string;
  readonly ctx: Context;
  readonly runner: Runner;
  running = false;
  isReady = false;
  /** The failure that it has reported. */
  failure: Failure | undefined = undefined;
  outcome: Outcome | undefined = undefined;
  /** The outcome of a member that was abandoned. */
  abandonedOutcome: Outcome | undefined = undefined;
  private readonly group: Group;

  constructor(group: Group, run: Run, runner: Runner, parent?: Context) {
    this.group = group;
    this.path = `${run.path}/${runner.hooks.name}`;
    this.runner = runner;
    this.ctx = new Context(parent);
  }

  get hasGivenUp(): boolean | undefined {
    return this.group.run.hasGivenUp;
  }
  onValue(value: string): void {
    this.group.run.next(value);
  }
  onReadyChange(ready: boolean): void {
    this.isReady = ready;
    this.group.advance();
  }
  onFailure(error: Failure): void {
    this.failure = error;
    this.group.memberFailed(error);
  }
  onEnd(outcome: Outcome): void {
    this.outcome = outcome;
    this.running = false;
    this.ctx.cancel();
    this.group.memberEnded(this, outcome);
  }
  onStartFailed(error: string): void {
    this.onEnd({ task: this.path, status: 'failed', error: new Failure(this.path, 'execute', error) });
  }
}

/**
 * «In a group a member's failure stops the others and is the group's error (later ones suppressed), a member's clean
 * end leaves the others running, and a member that fails to initialize makes those already up stop in reverse and those
 * after it never start.» All of this at the failure, and not after `finalize`. It ends when all its members have.
 */
abstract class Group implements HookOutput {
  readonly grace: number = Infinity;
  readonly run: Run;
  protected readonly members: readonly Member[];
  protected startedCount = 0;
  private failure: Failure | undefined = undefined;
  private stopping: { readonly cause: unknown } | undefined = undefined;
  private isReady = false;
  private starting = false;
  private hasEnded = false;

  constructor(run: Run, runners: readonly Runner[], parent?: Context) {
    this.run = run;
    this.members = runners.map((runner) => new Member(this, run, runner, parent));
    run.memberParts = () => ({
      members: this.members.map(
        ({ outcome, abandonedOutcome, path }) => outcome ?? abandonedOutcome ?? { task: path, status: 'not-started' },
      ),
    });
    run.abandonMembers = () => {
      for (const member of this.members) if (member.running) member.abandonedOutcome = member.runner.abandon();
    };
  }

  start(): void {
    this.run.ctx.onCancel((cause) => this.stop(cause));
    this.advance();
  }

  interrupt(): void {
    // A group ends by itself after a cancel.
  }

  memberEnded(member: Member, { error }: Outcome): void {
    // Only an error of `finalize` is new.
    if (error && error !== member.failure) return this.memberFailed(error);
    if (!error) member.isReady = true;
    this.advance();
  }

  memberFailed(error: Failure): void {
    if (this.failure) this.failure.suppressed.push(error);
    else {
      this.failure = error;
      this.run.failAtOnce(error);
    }
    this.stop(error);
  }

  advance(): void {
    if (this.stopping) this.cancelMembers(this.stopping.cause);
    else this.startNext();
    const { run, members, startedCount } = this;
    const ready = members.every(({ isReady }) => isReady);
    if (!this.isStopped && ready !== this.isReady) {
      this.isReady = ready;
      if (!ready) run.setStatus('initializing');
      run.setReady(ready);
    }
    if (this.hasEnded || members.some(({ running }) => running) || (startedCount < members.length && !this.isStopped))
      return;
    this.hasEnded = true;
    run.sourceEnded();
    if (this.failure) run.fail(this.failure);
    run.released();
  }

  /** Whether a member may start after the one before it. */
  protected abstract canStart(previous: Member | undefined): boolean;
  /** Cancels the next members. Called again when one of them has ended. */
  protected abstract cancelMembers(cause: unknown): void;

  private get isStopped(): boolean {
    return this.stopping !== undefined || this.run.ctx.cancelled;
  }

  private stop(cause: unknown): void {
    if (!this.stopping) this.run.parent.onStopping?.();
    this.stopping ??= { cause };
    this.advance();
  }

  private startNext(): void {
    if (this.starting) return;
    this.starting = true;
    for (;;) {
      const member = this.members[this.startedCount];
      if (!member || this.isStopped || !this.canStart(this.members[this.startedCount - 1])) break;
      this.startedCount++;
      member.running = true;
      member.runner.start(member.ctx, member, this.run.cancel);
    }
    this.starting = false;
  }
}

/** «each starts when the one before is ready; they stop in reverse, one at a time» */
export class Ordered extends Group {
  private cancelling = false;

  protected override canStart(previous: Member | undefined): boolean {
    return !previous || previous.isReady;
  }

  protected override cancelMembers(cause: unknown): void {
    if (this.cancelling) return;
    this.cancelling = true;
    for (let last = this.lastRunning; last && !last.ctx.cancelled; last = this.lastRunning) last.ctx.cancel(cause);
    this.cancelling = false;
  }

  private get lastRunning(): Member | undefined {
    return this.members.findLast(({ running }) => running);
  }
}

/** «all start at once, all stop at once» */
export class Parallel extends Group {
  private readonly membersCtx: Context;

  constructor(run: Run, members: readonly Runner[]) {
    const all = new Context(run.ctx);
    super(run, members, all);
    this.membersCtx = all;
  }

  protected override canStart(): boolean {
    return true;
  }

  protected override cancelMembers(cause: unknown): void {
    this.membersCtx.cancel(cause);
  }
}
