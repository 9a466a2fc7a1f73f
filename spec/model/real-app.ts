import { Subject, Subscription, takeUntil } from 'rxjs';
import { joinAll, withCancel, type CancelFunc, type Context, type TaskRunner } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { settled } from '../helpers/tasks.js';
import { causeOf, pickCyclic, type Commands, type Setup, type InstantCommands } from './commands.js';
import { pickFrom, controlHook, type LeaseAnswer, type HookAction, type Which } from './task-plan.js';
import { Log, formatError } from './log.js';
import { execute, type Command, type Comparable } from './run-commands.js';
import type { ControlledTask } from './controlled-task.js';
import { lateNotifications, formatEvent, formatOutcome } from './format.js';
import { buildReal, type Built } from './tree.js';

/** Runners of the library under one master, with controlled tasks. */
export class RealApp implements Commands, Comparable {
  private readonly clock = virtualClock();
  private readonly log = new Log(() => this.clock.now());
  private readonly built: Built<TaskRunner<string>, ControlledTask>;
  private readonly setup: Setup;
  private readonly unsubscribes = new Map<TaskRunner, Subject<void>>();
  private master!: Context;
  private cancelMaster!: CancelFunc;
  private joins: Subscription[] = [];
  private counts = { start: 0, listener: 0, join: 0 };

  constructor(setup: Setup) {
    const { log } = this;
    this.setup = setup;
    this.built = buildReal(setup.trees, log);
    for (const root of this.built.roots) {
      if (setup.observed)
        root.events$.subscribe((event) => log.record(`events ${event.task}`, `${formatEvent(event)} #${event.runId}`));
      root.results$.subscribe((value) => log.record('results$', value));
    }
    this.replaceMaster();
  }

  start(root: number): void {
    const runner = pickCyclic(this.built.roots, root);
    if (!runner) return;
    const stream = `subscriber ${++this.counts.start}`;
    const unsubscribed$ = new Subject<void>();
    if (!isRunning(runner)) this.unsubscribes.set(runner, unsubscribed$);
    let record = (text: string) => this.log.record(stream, text);
    unsubscribed$.subscribe(() => (record = () => undefined));
    runner
      .start(this.master, this.setup.cancels ? this.cancelMaster : undefined)
      .pipe(takeUntil(unsubscribed$))
      .subscribe({
        next: (value) => record(value),
        error: (error: unknown) => record(formatError(error)),
        complete: () => record('complete'),
      });
  }

  listen(root: number): void {
    const runner = pickCyclic(this.built.roots, root);
    const { log } = this;
    const k = ++this.counts.listener;
    runner?.ready$.subscribe({
      next: () => log.record(`ready$ ${k}`, 'next'),
      complete: () => log.record(`ready$ ${k}`, 'complete'),
    });
    runner?.done$.subscribe((outcome) => log.record(`done$ ${k}`, formatOutcome(outcome)));
  }

  unsubscribe(root: number): void {
    const runner = pickCyclic(this.built.roots, root);
    if (runner) this.unsubscribes.get(runner)?.next();
  }

  cancel(cause: string): void {
    this.cancelMaster(new Error(cause));
  }

  taskCancels(task: number, cause: string): void {
    pickCyclic(this.built.tasks, task)?.cancel?.(new Error(cause));
  }

  replaceMaster(): void {
    [this.master, this.cancelMaster] = withCancel(undefined, { scheduler: this.clock });
  }

  hook(task: number, which: Which, action: HookAction): void {
    const controlledTask = pickCyclic(this.built.tasks, task);
    if (controlledTask) controlHook(controlledTask.pendingHooks, which, action);
  }

  lease(task: number, which: Which, answer: LeaseAnswer): void {
    const controlledTask = pickCyclic(this.built.tasks, task);
    if (controlledTask) pickFrom(controlledTask.leaseRequests, which)?.answer(answer);
  }

  join(timeout: number): void {
    const stream = `join ${++this.counts.join}`;
    const join = new Subscription();
    this.joins.push(join);
    const unsubscribed$ = new Subject<void>();
    join.add(() => unsubscribed$.next());
    joinAll(this.master, timeout, this.built.roots)
      .pipe(takeUntil(unsubscribed$))
      .subscribe({
        next: (outcome) => this.log.record(stream, formatOutcome(outcome)),
        complete: () => {
          if (join.closed) return;
          this.log.record(stream, 'complete');
          join.unsubscribe();
        },
      });
  }

  unsubscribeJoins(): void {
    for (const join of this.joins.splice(0)) join.unsubscribe();
  }

  advance(ms: number): void {
    this.clock.advance(ms);
  }

  advanceSilently(ms: number): void {
    this.clock.advanceSilently(ms);
  }

  adjustClock(byMs: number): void {
    this.clock.adjust(byMs);
  }

  when(text: string, command: Command<InstantCommands>): void {
    this.log.when(text, () => execute<InstantCommands>(this, command));
  }

  settle(): Promise<void> {
    return settled();
  }

  onConsoleError(error: unknown): void {
    this.log.record('console', formatError(error));
  }

  state(): object {
    const { master, clock, log, built } = this;
    const waiting = built.roots.some(isRunning) || this.joins.some(({ closed }) => !closed);
    return {
      lines: log.takeLines(),
      master: causeOf(master),
      contexts: built.tasks.map(({ ctx }) => causeOf(ctx)),
      runners: built.runners.map((runner) => ({ status: runner.status, ...lateNotifications(runner) })),
      listenersAndTimers: waiting ? [] : [clock.timers, listenerCount(master)],
    };
  }
}

function isRunning({ status }: TaskRunner): boolean {
  return status !== 'idle' && status !== 'done';
}
