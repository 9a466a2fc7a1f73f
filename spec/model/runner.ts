import { Context } from './context.js';
import { shown, type Failing } from './log.js';
import type { Stage } from './stage.js';

export type Phase = 'initialize' | 'execute' | 'finalize';
export type Status = 'idle' | 'initializing' | 'running' | 'finalizing' | 'done';

export class Failure implements Failing {
  readonly name: string = 'TaskError';
  readonly suppressed: Failure[] = [];
  readonly task: string;
  readonly phase: Phase;
  readonly cause: unknown;

  constructor(task: string, phase: Phase, cause: unknown) {
    this.task = task;
    this.phase = phase;
    this.cause = cause;
  }
}

export interface Outcome {
  readonly task: string;
  readonly status: 'completed' | 'cancelled' | 'failed' | 'timed-out' | 'not-started';
  readonly error?: Failure | undefined;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly phase?: Phase | undefined;
  readonly members?: readonly Outcome[] | undefined;
}

/** What a hook gives back: it begins, and tells its run `over`, `value`, `fail` and, last, `ended`. */
export interface Flow {
  /** For how long it may go on after a cancel, unless the task says more. */
  readonly grace: number;
  begin(): void;
  cut(): void;
}

export interface Work {
  readonly name: string;
  readonly grace?: number | undefined;
  /** It runs others: those with a Failure of their own. */
  readonly ofParts?: boolean;
  /** It says itself when it is ready. */
  readonly saysReady?: boolean;
  /** Nothing that happens to it is told, because its one member is told. */
  readonly seenThrough?: boolean;
  readonly initialize?: ((run: Run) => Flow) | undefined;
  readonly execute: (run: Run) => Flow;
  readonly finalize?: ((run: Run) => Flow) | undefined;
}

/** Whoever has started a run: a subscriber, or what the run is a part of. */
export interface Above {
  readonly path?: string;
  /** Whether nobody is left who would hear of errors. */
  readonly left?: boolean;
  /** It tells the end in its own time. */
  readonly hidesEnd?: boolean;
  value(value: string): void;
  ready?(is: boolean): void;
  enter?(status: Status): void;
  ended(outcome: Outcome): void;
  refused(why: string): void;
}

/** «initialize → execute → (child context cancelled) → finalize → outcome» */
export class Run {
  readonly stage: Stage;
  readonly runner: Runner;
  readonly ctx: Context;
  readonly path: string;
  readonly startedAt: number;
  /** What cancels the application. */
  readonly cancel: (cause: unknown) => void;
  phase: Phase = 'initialize';
  error: Failure | undefined = undefined;
  wasReady = false;
  id: number;
  lost = false;
  giveUpMembers: (() => void) | undefined = undefined;
  phaseOfMember: (() => Phase | undefined) | undefined = undefined;
  members: (() => readonly Outcome[] | undefined) | undefined = undefined;
  readonly above: Above;
  private flow: Flow | undefined = undefined;
  private begun = false;
  private beginning = false;
  private endedAtOnce = false;
  private interrupted = false;
  private endedByItself = false;
  private endedMeanwhile = false;
  private graceIsOver = false;
  private stopGrace: () => void = () => undefined;

  constructor(runner: Runner, parent: Context, above: Above, cancelAll?: (cause: unknown) => void) {
    this.runner = runner;
    this.stage = runner.stage;
    this.ctx = new Context(parent);
    this.above = above;
    // «`start()` … without a `cancel`, hooks get one that cancels this run alone.»
    this.cancel = cancelAll ?? ((cause) => this.ctx.cancel(cause));
    this.path = above.path ?? runner.work.name;
    this.startedAt = this.stage.now;
    this.id = runner.runs;
  }

  start(): void {
    const { work } = this.runner;
    // «Context already cancelled: no hook runs, the outcome is `cancelled`.»
    if (this.ctx.cancelled) {
      this.interrupted = true;
      return this.finish();
    }
    this.ctx.afterCancel = () => this.interrupt();
    if (!work.initialize && !work.saysReady) return this.becomeReady();
    this.enter('initializing');
    if (!work.seenThrough) this.event('initializing');
    this.call(work.initialize ? 'initialize' : 'execute');
  }

  event(what: string, error?: Failure): void {
    const told = error ? `${what} ${shown(error)}` : what;
    if (this.runner.hears) this.runner.hears(what, error);
    else if (this.runner.observed) this.tell(`events ${this.path}`, `${told} #${this.id}`);
    else if (error) this.tell('console', shown(error));
  }

  tell(stream: string, what: string): void {
    this.stage.log.tell(stream, what);
  }

  enter(status: Status): void {
    this.runner.status = status;
    this.above.enter?.(status);
  }

  ready(is: boolean): void {
    if (is) this.tellReady();
    else this.runner.ready = false;
    if (this.isGoing) this.above.ready?.(is);
  }

  value(value: string): void {
    if (this.phase !== 'execute') return;
    if (this.lost) return this.event('late execute');
    this.above.value(value);
    this.runner.results?.(value);
  }

  over(): void {
    if (this.phase === 'execute' && !this.ctx.cancelled) this.endedByItself = true;
  }

  /** @param excused whether all that the error says is that the run was cancelled. */
  fail(cause: unknown, excused = false): void {
    const failure = this.failure(cause, this.phase, excused);
    if (!failure) return;
    if (this.lost && failure !== cause) this.event(`late ${this.phase}`, failure);
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
  }

  /** «past its grace … its late value is dropped, its late error is reported as an event» */
  late(phase: Phase, cause?: { readonly cause: unknown; readonly excused: boolean }): void {
    this.event(`late ${phase}`, cause && this.failure(cause.cause, phase, cause.excused));
  }

  /** The hook under way has ended. */
  ended(): void {
    // What ends while it is being subscribed has ended when that is done.
    this.endedAtOnce = this.beginning;
    if (this.beginning) return;
    this.flow = undefined;
    if (this.phase === 'finalize') this.finish();
    else if (this.phase === 'initialize' && !this.error && !this.ctx.cancelled) this.becomeReady();
    else this.close();
  }

  /** «A run whose context was cancelled before `execute` had ended by itself is `cancelled`»: this one, when it was a whole's. */
  countsAsEnded(): void {
    this.endedByItself = true;
    this.interrupted = false;
  }

  /** «Past it each runner still going is `timed-out`, by name»: nothing that it does from now on is delivered. */
  giveUp(): void {
    this.lost = true;
    this.giveUpMembers?.();
  }

  timedOut(): Outcome {
    const { path: task, startedAt } = this;
    return {
      task,
      status: 'timed-out',
      startedAt,
      phase: this.phaseOfMember?.() ?? this.phase,
      members: this.members?.(),
    };
  }

  private failure(cause: unknown, phase: Phase, excused: boolean): Failure | undefined {
    // What one of its parts has failed with has been judged there.
    if (this.runner.work.ofParts && cause instanceof Failure && phase === 'execute') return cause;
    if (excused && phase !== 'finalize' && this.ctx.cancelled && !this.endedByItself) return undefined;
    return new Failure(this.path, phase, cause);
  }

  private get isGoing(): boolean {
    return this.runner.run === this;
  }

  private tellReady(): void {
    this.wasReady = true;
    if (!this.runner.work.seenThrough) {
      this.enter('running');
      this.event('ready');
    }
    // Whoever was told may have ended it.
    if (this.isGoing) this.runner.becomeReady();
  }

  private becomeReady(): void {
    this.tellReady();
    if (this.ctx.cancelled) return this.close();
    this.call('execute');
    if (this.isGoing && !this.error) this.above.ready?.(true);
  }

  private call(phase: Phase): void {
    this.phase = phase;
    this.begun = true;
    const flow = this.runner.work[phase]?.(this);
    this.flow = flow;
    if (!flow || this.cutIfDue()) return;
    this.beginning = true;
    flow.begin();
    this.beginning = false;
    if (this.endedAtOnce) this.ended();
  }

  /** «On cancel the run's context is cancelled at once: the task is told. `grace` is how long the hook under way may go on.» */
  private interrupt(): void {
    if (this.phase === 'finalize' || this.endedByItself) return;
    this.interrupted = true;
    const { grace = 0, seenThrough } = this.runner.work;
    if (!seenThrough) this.event(`cancelling ${shown(this.ctx.cause)}`);
    if (this.endedMeanwhile) return this.close();
    if (grace > 0) {
      this.stopGrace = this.stage.after(grace, () => {
        this.graceIsOver = true;
        this.cutIfDue();
      });
    }
    this.cutIfDue();
  }

  private cutIfDue(): boolean {
    const { flow, phase, ctx } = this;
    if (!flow || !ctx.cancelled || phase === 'finalize') return false;
    const { grace = flow.grace } = this.runner.work;
    if (grace > 0 && !this.graceIsOver) return false;
    flow.cut();
    return true;
  }

  /** «The child context's cause is the cancel's; after a normal end a `CancelledError`, after a failure the `TaskError`.» */
  private close(): void {
    this.stopGrace();
    // Those that hang on the context are still being told.
    if (this.ctx.cancelled && !this.interrupted && !this.endedByItself) {
      this.endedMeanwhile = true;
      return;
    }
    this.phase = 'finalize';
    this.ctx.cancel(this.error ?? 'CancelledError');
    if (!this.runner.work.finalize || !this.begun) return this.finish();
    this.enter('finalizing');
    this.event('finalizing');
    this.call('finalize');
  }

  private finish(): void {
    const { path, error, startedAt } = this;
    const status = error ? 'failed' : this.interrupted ? 'cancelled' : 'completed';
    const outcome = {
      task: path,
      status,
      error,
      startedAt,
      endedAt: this.stage.now,
      members: this.members?.(),
    } as const;
    this.runner.end(this, outcome);
    this.above.ended(outcome);
  }
}

/** What is there before and after its runs, of which it has one at a time. */
export class Runner {
  readonly stage: Stage;
  readonly work: Work;
  status: Status = 'idle';
  ready = false;
  outcome: Outcome | undefined = undefined;
  run: Run | undefined = undefined;
  runs = 0;
  observed = true;
  /** Whoever is told of events in place of all others. */
  hears: ((what: string, error?: Failure) => void) | undefined = undefined;
  results: ((value: string) => void) | undefined = undefined;
  private waiting: { ready: ((is: boolean) => void)[]; done: ((outcome: Outcome) => void)[] } = { ready: [], done: [] };

  constructor(stage: Stage, work: Work) {
    this.stage = stage;
    this.work = work;
  }

  start(parent: Context, above: Above, cancelAll?: (cause: unknown) => void): Run | undefined {
    // «One run at a time»
    if (this.run) {
      above.refused('AlreadyRunningError');
      return undefined;
    }
    this.outcome = undefined;
    this.ready = false;
    this.runs++;
    this.run = new Run(this, parent, above, cancelAll);
    const { run } = this;
    run.start();
    return run;
  }

  /** «both speak of the run under way, else of the last one, else of the next» */
  whenReady(tell: (is: boolean) => void): void {
    if (this.ready || this.outcome) tell(this.ready);
    else this.waiting.ready.push(tell);
  }

  /** Gives what ends the waiting. */
  whenDone(tell: (outcome: Outcome) => void): () => void {
    if (this.outcome) tell(this.outcome);
    else this.waiting.done.push(tell);
    return () => (this.waiting.done = this.waiting.done.filter((other) => other !== tell));
  }

  becomeReady(): void {
    this.ready = true;
    for (const tell of this.waiting.ready.splice(0)) tell(true);
  }

  giveUp(): Outcome {
    this.run?.giveUp();
    return this.run?.timedOut() ?? { task: this.work.name, status: 'timed-out' };
  }

  end(run: Run, outcome: Outcome): void {
    const { ready, done } = this.waiting;
    this.waiting = { ready: [], done: [] };
    this.outcome = outcome;
    this.ready = run.wasReady;
    this.status = 'done';
    this.run = undefined;
    if (!run.above.hidesEnd) run.event(`done ${outcome.status}`);
    // «A failure that comes then, and that nobody waits for, is written with `console.error`.»
    if (!this.observed && outcome.error && done.length === 0 && run.above.left)
      run.tell('console', shown(outcome.error));
    for (const tell of ready) tell(false);
    for (const tell of done) tell(outcome);
  }
}
