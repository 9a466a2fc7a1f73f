import { Subject, takeUntil } from 'rxjs';
import { taskRunner, withCancel, type CancelFunc, type Context as RealContext } from '../../lib/index.js';
import { hangingOn } from '../helpers/collect.js';
import { Machine } from '../helpers/machine.js';
import { settled } from '../helpers/tasks.js';
import { Context } from './context.js';
import { Doll, use, type Deed, type Script, type Which } from './hooks.js';
import { Log, shown } from './log.js';
import { perform, type Act, type World } from './play.js';
import { Puppet } from './puppet.js';
import { Runner } from './runner.js';
import { heardLate, lineOf, shownOutcome } from './seen.js';
import { Stage } from './stage.js';

export interface Setup {
  readonly script: Script;
  /** Whether anyone listens to events. */
  readonly observed: boolean;
  /** Whether `start` is given what cancels the master. */
  readonly cancels: boolean;
}

/** What can be done to a runner, and to the task that it runs, at any moment. */
export interface Sudden {
  start(): void;
  /** To `ready$` and `done$`. */
  listen(): void;
  /** The subscriber of the last start leaves. */
  leave(): void;
  cancel(cause: string): void;
  /** The task calls the function that it was given. */
  taskCancels(cause: string): void;
  /** There is another master, which is not cancelled. */
  renew(): void;
  hook(which: Which, deed: Deed): void;
}

export interface Acts extends Sudden {
  pass(ms: number): void;
  /** Something is done as soon as something is told. */
  when(told: string, act: Act<Sudden>): void;
}

export class ModelledRunner implements Acts, World {
  readonly doll: Doll;
  readonly runner: Runner;
  private readonly stage = new Stage();
  private readonly setup: Setup;
  private master = new Context();
  private starts = 0;
  private listeners = 0;
  private subscriber = { left: false };

  constructor(setup: Setup) {
    this.setup = setup;
    this.doll = new Doll(this.stage, 'a', setup.script);
    this.runner = new Runner(this.stage, this.doll.work);
    this.runner.observed = setup.observed;
    this.runner.results = (value) => this.tell('results$', value);
  }

  start(): void {
    const { master, runner } = this;
    const stream = `subscriber ${++this.starts}`;
    const subscriber = {
      left: false,
      value: (value: string) => subscriber.tell(value),
      ended: ({ error }: { error?: unknown }) => subscriber.tell(error ? shown(error) : 'complete'),
      refused: (why: string) => subscriber.tell(why),
      tell: (what: string) => {
        if (!subscriber.left) this.tell(stream, what);
      },
    };
    if (!runner.run) this.subscriber = subscriber;
    runner.start(master, subscriber, this.setup.cancels ? (cause) => master.cancel(cause) : undefined);
  }

  listen(): void {
    const k = ++this.listeners;
    this.runner.whenReady((is) => {
      if (is) this.tell(`ready$ ${k}`, 'next');
      this.tell(`ready$ ${k}`, 'complete');
    });
    this.runner.whenDone((outcome) => this.tell(`done$ ${k}`, shownOutcome(outcome)));
  }

  leave(): void {
    this.subscriber.left = true;
    this.runner.run?.ctx.cancel();
  }
  cancel(cause: string): void {
    this.master.cancel(cause);
  }
  taskCancels(cause: string): void {
    this.doll.cancel?.(cause);
  }
  renew(): void {
    this.master = new Context();
  }
  pass(ms: number): void {
    this.stage.pass(ms);
  }
  hook(which: Which, deed: Deed): void {
    use(this.doll.hands, which, deed);
  }
  when(told: string, act: Act<Sudden>): void {
    this.stage.log.when(told, () => perform<Sudden>(this, act));
  }
  settle(): void {
    this.stage.settle();
  }

  seen(): object {
    const { runner, master, doll, stage } = this;
    const { status, ready, outcome, run } = runner;
    return {
      told: stage.log.take(),
      status,
      ready: ready ? 'next complete' : outcome ? 'complete' : '',
      outcome: outcome ? shownOutcome(outcome) : 'none yet',
      master: causeOf(master),
      context: causeOf(doll.run?.ctx),
      left: run ? [] : [0, 0],
    };
  }

  private tell(stream: string, what: string): void {
    this.stage.log.tell(stream, what);
  }
}

export class RealRunner implements Acts, World {
  private readonly machine = new Machine();
  private readonly log = new Log(() => this.machine.now());
  private readonly puppet: Puppet;
  private readonly runner;
  private readonly setup: Setup;
  private master!: RealContext;
  private cancelMaster!: CancelFunc;
  private starts = 0;
  private listeners = 0;
  private left = new Subject<void>();

  constructor(setup: Setup) {
    this.setup = setup;
    this.puppet = new Puppet('a', setup.script, this.log);
    this.runner = taskRunner<string>(this.puppet.task);
    if (setup.observed)
      this.runner.events$.subscribe((event) =>
        this.log.tell(`events ${event.task}`, `${lineOf(event)} #${event.runId}`),
      );
    this.runner.results$.subscribe((value) => this.log.tell('results$', value));
    this.renew();
  }

  start(): void {
    const { master, cancelMaster, runner, setup } = this;
    const stream = `subscriber ${++this.starts}`;
    const left = new Subject<void>();
    if (this.isOver) this.left = left;
    let tell = (what: string) => this.log.tell(stream, what);
    left.subscribe(() => (tell = () => undefined));
    runner
      .start(master, setup.cancels ? cancelMaster : undefined)
      .pipe(takeUntil(left))
      .subscribe({
        next: (value) => tell(value),
        error: (error: unknown) => tell(shown(error)),
        complete: () => tell('complete'),
      });
  }

  listen(): void {
    const k = ++this.listeners;
    const { runner, log } = this;
    runner.ready$.subscribe({
      next: () => log.tell(`ready$ ${k}`, 'next'),
      complete: () => log.tell(`ready$ ${k}`, 'complete'),
    });
    runner.done$.subscribe((outcome) => log.tell(`done$ ${k}`, shownOutcome(outcome)));
  }

  leave(): void {
    this.left.next();
  }
  cancel(cause: string): void {
    this.cancelMaster(new Error(cause));
  }
  taskCancels(cause: string): void {
    this.puppet.cancel?.(new Error(cause));
  }
  renew(): void {
    [this.master, this.cancelMaster] = withCancel(undefined, { scheduler: this.machine });
  }
  pass(ms: number): void {
    this.machine.run(ms);
  }
  hook(which: Which, deed: Deed): void {
    use(this.puppet.hands, which, deed);
  }
  when(told: string, act: Act<Sudden>): void {
    this.log.when(told, () => perform<Sudden>(this, act));
  }
  settle(): Promise<void> {
    return settled();
  }
  written(error: unknown): void {
    this.log.tell('console', shown(error));
  }

  seen(): object {
    const { runner, master, puppet, machine, log } = this;
    return {
      told: log.take(),
      status: runner.status,
      ...heardLate(runner),
      master: causeOf(master),
      context: causeOf(puppet.ctx),
      left: this.isOver ? [machine.timers, hangingOn(master)] : [],
    };
  }

  private get isOver(): boolean {
    return this.runner.status === 'idle' || this.runner.status === 'done';
  }
}

function causeOf(ctx: { cancelled: boolean; cause: unknown } | undefined): string {
  return ctx?.cancelled ? shown(ctx.cause) : 'not cancelled';
}
