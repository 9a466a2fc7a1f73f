import { Subject, Subscription, takeUntil } from 'rxjs';
import {
  joinAll,
  orchestrate,
  withCancel,
  type CancelFunc,
  type Context,
  type Outcome,
  type SupervisedRunner,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { settled } from '../helpers/tasks.js';
import { causeOf, pickCyclic, type ChildContext, type Commands, type Setup, type InstantCommands } from './commands.js';
import { pickFrom, controlHook, type LeaseAnswer, type HookAction, type Which } from './task-plan.js';
import { Log, formatError } from './log.js';
import { execute, type Command, type Comparable } from './run-commands.js';
import type { ControlledTask } from './controlled-task.js';
import { lateNotifications, formatAppEvent, formatEvent, formatOutcome, formatRestart } from './format.js';
import { buildReal, type Built } from './tree.js';

/** Runners of the library under one master, with controlled tasks. */
export class RealApp implements Commands, Comparable {
  private readonly clock = virtualClock();
  private readonly log = new Log(() => this.clock.now());
  private readonly built: Built<TaskRunner<string>, ControlledTask>;
  private readonly setup: Setup;
  private readonly roots: readonly TaskRunner<string>[];
  private readonly children: readonly TaskRunner<string>[];
  private readonly unsubscribes = new Map<TaskRunner, Subject<void>>();
  private master!: Context;
  private cancelMaster!: CancelFunc;
  private joins: Subscription[] = [];
  private readonly restarts: (Outcome | string | undefined)[] = [];
  private cancelMade: CancelFunc[] = [];
  private counts = { start: 0, child: 0, app: 0, listener: 0, join: 0 };

  constructor(setup: Setup) {
    const { log } = this;
    this.setup = setup;
    const { trees, children = [] } = setup;
    this.built = buildReal([...trees, ...children], log);
    this.roots = this.built.roots.slice(0, trees.length);
    this.children = this.built.roots.slice(trees.length);
    for (const root of this.roots) {
      if (setup.observed)
        root.events$.subscribe((event) => log.record(`events ${event.task}`, `${formatEvent(event)} #${event.runId}`));
      root.results$.subscribe((value) => log.record('results$', value));
    }
    this.replaceMaster();
  }

  start(root: number): void {
    const runner = pickCyclic(this.roots, root);
    if (runner) this.startUnder(this.master, runner, `subscriber ${++this.counts.start}`);
  }

  startChild(task: number, child: number, under: ChildContext): void {
    const ctx = pickCyclic(this.built.tasks, task)?.ctx;
    const runner = pickCyclic(this.children, child);
    if (!ctx || !runner) return;
    const stream = `child ${++this.counts.child}`;
    if (under !== 'withCancel(ctx)') return this.startUnder(under === 'signal' ? ctx.signal : ctx, runner, stream);
    const [made, cancel] = withCancel(ctx);
    this.cancelMade.push(cancel);
    this.startUnder(made, runner, stream);
  }

  startApp(task: number, timeout: number): void {
    const parent = pickCyclic(this.built.tasks, task)?.ctx;
    if (!parent || this.children.length === 0) return;
    const stream = `app ${++this.counts.app}`;
    orchestrate(this.children, { parent, timeout }).subscribe({
      next: (event) => this.log.record(stream, formatAppEvent(event)),
      error: (error: unknown) => this.log.record(stream, formatError(error)),
    });
  }

  private startUnder(ctx: Context | AbortSignal, runner: TaskRunner<string>, stream: string): void {
    const unsubscribed$ = new Subject<void>();
    if (!isRunning(runner)) this.unsubscribes.set(runner, unsubscribed$);
    let record = (text: string) => this.log.record(stream, text);
    unsubscribed$.subscribe(() => (record = () => undefined));
    runner
      .start(ctx, this.setup.cancels ? this.cancelMaster : undefined)
      .pipe(takeUntil(unsubscribed$))
      .subscribe({
        next: (value) => record(value),
        error: (error: unknown) => record(formatError(error)),
        complete: () => record('complete'),
      });
  }

  listen(root: number): void {
    const runner = pickCyclic(this.roots, root);
    const { log } = this;
    const k = ++this.counts.listener;
    runner?.ready$.subscribe({
      next: () => log.record(`ready$ ${k}`, 'next'),
      complete: () => log.record(`ready$ ${k}`, 'complete'),
    });
    runner?.done$.subscribe((outcome) => log.record(`done$ ${k}`, formatOutcome(outcome)));
  }

  unsubscribe(root: number): void {
    const runner = pickCyclic(this.roots, root);
    if (runner) this.unsubscribes.get(runner)?.next();
  }

  unsubscribeChild(child: number): void {
    const runner = pickCyclic(this.children, child);
    if (runner) this.unsubscribes.get(runner)?.next();
  }

  cancelMadeContexts(cause: string): void {
    for (const cancel of this.cancelMade.splice(0)) cancel(new Error(cause));
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

  restart(supervised: number): void {
    const restartable = this.built.runners.filter(isSupervised);
    const k = this.restarts.push(undefined) - 1;
    const setResult = (result: Outcome | string) => (this.restarts[k] = result);
    pickCyclic(restartable, supervised)
      ?.restart()
      .then(setResult, (error: unknown) => setResult(formatError(error)));
  }

  join(timeout: number): void {
    this.joinUnder(this.master, timeout, this.roots);
  }

  joinChildren(task: number, timeout: number): void {
    const ctx = pickCyclic(this.built.tasks, task)?.ctx;
    if (ctx && this.children.length > 0) this.joinUnder(ctx, timeout, this.children);
  }

  private joinUnder(ctx: Context, timeout: number, runners: readonly TaskRunner[]): void {
    const stream = `join ${++this.counts.join}`;
    const join = new Subscription();
    this.joins.push(join);
    const unsubscribed$ = new Subject<void>();
    join.add(() => unsubscribed$.next());
    joinAll(ctx, timeout, runners)
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
    const waiting = built.runners.some(isRunning) || this.joins.some(({ closed }) => !closed);
    return {
      lines: log.takeLines(),
      master: causeOf(master),
      contexts: built.tasks.map(({ ctx }) => causeOf(ctx)),
      runners: built.runners.map((runner) => ({ status: runner.status, ...lateNotifications(runner) })),
      restarts: this.restarts.map(formatRestart),
      listenersAndTimers: waiting ? [] : [clock.timers, listenerCount(master)],
    };
  }
}

function isRunning({ status }: TaskRunner): boolean {
  return status !== 'idle' && status !== 'done';
}

function isSupervised(runner: TaskRunner<string>): runner is SupervisedRunner<string> {
  return 'restart' in runner;
}
