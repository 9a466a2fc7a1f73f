import { Subject, Subscription, takeUntil } from 'rxjs';
import { joinAll, withCancel, type CancelFunc, type Context, type TaskRunner } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { hangingOn } from '../helpers/collect.js';
import { settled } from '../helpers/tasks.js';
import { causeOf, pick, type Acts, type Setup, type Sudden } from './acts.js';
import { pickOf, use, type Answer, type Deed, type Which } from './script.js';
import { Log, shown } from './log.js';
import { perform, type Act, type World } from './play.js';
import type { Puppet } from './puppet.js';
import { heardLate, lineOf, shownOutcome } from './seen.js';
import { real, type Grown } from './tree.js';

/** Runners of the library under one master, and tasks that do what they are told. */
export class RealApp implements Acts, World {
  private readonly machine = virtualClock();
  private readonly log = new Log(() => this.machine.now());
  private readonly grown: Grown<TaskRunner<string>, Puppet>;
  private readonly setup: Setup;
  private readonly leaving = new Map<TaskRunner, Subject<void>>();
  private master!: Context;
  private cancelMaster!: CancelFunc;
  private joins: Subscription[] = [];
  private numbers = { start: 0, listener: 0, join: 0 };

  constructor(setup: Setup) {
    const { log } = this;
    this.setup = setup;
    this.grown = real(setup.trees, log);
    for (const root of this.grown.roots) {
      if (setup.observed)
        root.events$.subscribe((event) => log.tell(`events ${event.task}`, `${lineOf(event)} #${event.runId}`));
      root.results$.subscribe((value) => log.tell('results$', value));
    }
    this.renew();
  }

  start(root: number): void {
    const runner = pick(this.grown.roots, root);
    if (!runner) return;
    const stream = `subscriber ${++this.numbers.start}`;
    const left = new Subject<void>();
    if (!isGoing(runner)) this.leaving.set(runner, left);
    let tell = (what: string) => this.log.tell(stream, what);
    left.subscribe(() => (tell = () => undefined));
    runner
      .start(this.master, this.setup.cancels ? this.cancelMaster : undefined)
      .pipe(takeUntil(left))
      .subscribe({
        next: (value) => tell(value),
        error: (error: unknown) => tell(shown(error)),
        complete: () => tell('complete'),
      });
  }

  listen(root: number): void {
    const runner = pick(this.grown.roots, root);
    const { log } = this;
    const k = ++this.numbers.listener;
    runner?.ready$.subscribe({
      next: () => log.tell(`ready$ ${k}`, 'next'),
      complete: () => log.tell(`ready$ ${k}`, 'complete'),
    });
    runner?.done$.subscribe((outcome) => log.tell(`done$ ${k}`, shownOutcome(outcome)));
  }

  leave(root: number): void {
    const runner = pick(this.grown.roots, root);
    if (runner) this.leaving.get(runner)?.next();
  }

  cancel(cause: string): void {
    this.cancelMaster(new Error(cause));
  }

  taskCancels(task: number, cause: string): void {
    pick(this.grown.tasks, task)?.cancel?.(new Error(cause));
  }

  renew(): void {
    [this.master, this.cancelMaster] = withCancel(undefined, { scheduler: this.machine });
  }

  hook(task: number, which: Which, deed: Deed): void {
    const puppet = pick(this.grown.tasks, task);
    if (puppet) use(puppet.hands, which, deed);
  }

  lease(task: number, which: Which, answer: Answer): void {
    const puppet = pick(this.grown.tasks, task);
    if (puppet) pickOf(puppet.leases, which)?.answer(answer);
  }

  join(timeout: number): void {
    const stream = `join ${++this.numbers.join}`;
    const join = new Subscription();
    this.joins.push(join);
    const left = new Subject<void>();
    join.add(() => left.next());
    joinAll(this.master, timeout, this.grown.roots)
      .pipe(takeUntil(left))
      .subscribe({
        next: (outcome) => this.log.tell(stream, shownOutcome(outcome)),
        complete: () => {
          if (join.closed) return;
          this.log.tell(stream, 'complete');
          join.unsubscribe();
        },
      });
  }

  leaveJoins(): void {
    for (const join of this.joins.splice(0)) join.unsubscribe();
  }

  pass(ms: number): void {
    this.machine.advance(ms);
  }

  block(ms: number): void {
    this.machine.advanceSilently(ms);
  }

  setClock(byMs: number): void {
    this.machine.adjust(byMs);
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
    const { master, machine, log, grown } = this;
    const waiting = grown.roots.some(isGoing) || this.joins.some(({ closed }) => !closed);
    return {
      told: log.take(),
      master: causeOf(master),
      contexts: grown.tasks.map(({ ctx }) => causeOf(ctx)),
      runners: grown.runners.map((runner) => ({ status: runner.status, ...heardLate(runner) })),
      left: waiting ? [] : [machine.timers, hangingOn(master)],
    };
  }
}

function isGoing({ status }: TaskRunner): boolean {
  return status !== 'idle' && status !== 'done';
}
