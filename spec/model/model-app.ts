import { causeOf, pickCyclic, type ChildContext, type Commands, type Setup, type InstantCommands } from './commands.js';
import { Context } from './context.js';
import type { ModelTask } from './model-task.js';
import { pickFrom, controlHook, type LeaseAnswer, type HookAction, type Which } from './task-plan.js';
import { InnerApp } from './inner-app.js';
import { Join } from './join.js';
import { formatError } from './log.js';
import { execute, type Command, type Comparable } from './run-commands.js';
import type { Runner } from './runner.js';
import type { Outcome, Parent } from './types.js';
import { formatOutcome, formatRestart } from './format.js';
import { ModelWorld } from './model-world.js';
import { buildModel, type Built } from './tree.js';

/** The model of runners and their tasks under one master. */
export class ModelApp implements Commands, Comparable {
  readonly built: Built<Runner, ModelTask>;
  private readonly roots: readonly Runner[];
  private readonly children: readonly Runner[];
  private readonly world = new ModelWorld();
  private readonly setup: Setup;
  private readonly subscribers = new Map<Runner, { unsubscribed: boolean }>();
  private master = new Context();
  private joins: Join[] = [];
  private readonly restarts: (Outcome | string | undefined)[] = [];
  private madeContexts: Context[] = [];
  private counts = { start: 0, child: 0, app: 0, listener: 0, join: 0 };

  constructor(setup: Setup) {
    this.setup = setup;
    const { trees, children = [] } = setup;
    this.built = buildModel([...trees, ...children], this.world);
    this.roots = this.built.roots.slice(0, trees.length);
    this.children = this.built.roots.slice(trees.length);
    for (const child of this.children) child.isRoot = false;
    for (const runner of this.built.runners) runner.observed = setup.observed;
    for (const root of this.roots) root.onResult = (value) => this.record('results$', value);
  }

  start(root: number): void {
    const runner = pickCyclic(this.roots, root);
    if (runner) this.startUnder(this.master, runner, `subscriber ${++this.counts.start}`);
  }

  startChild(task: number, child: number, under: ChildContext): void {
    const ctx = pickCyclic(this.built.tasks, task)?.run?.ctx;
    const runner = pickCyclic(this.children, child);
    if (!ctx || !runner) return;
    const made = new Context(ctx);
    if (under === 'withCancel(ctx)') this.madeContexts.push(made);
    this.startUnder(under === 'withCancel(ctx)' ? made : ctx, runner, `child ${++this.counts.child}`);
  }

  startApp(task: number, timeout: number): void {
    const ctx = pickCyclic(this.built.tasks, task)?.run?.ctx;
    if (!ctx || this.children.length === 0) return;
    const stream = `app ${++this.counts.app}`;
    new InnerApp(ctx, (text) => this.record(stream, text)).start(this.children, timeout, this.world);
  }

  private startUnder(ctx: Context, runner: Runner, stream: string): void {
    const { master } = this;
    const record = (text: string) => {
      if (!subscriber.unsubscribed) this.record(stream, text);
    };
    const subscriber: Parent & { unsubscribed: boolean } = {
      unsubscribed: false,
      onValue: record,
      onEnd: ({ error }) => record(error ? formatError(error) : 'complete'),
      onStartFailed: record,
    };
    if (!runner.run) this.subscribers.set(runner, subscriber);
    runner.start(ctx, subscriber, this.setup.cancels ? (cause) => master.cancel(cause) : undefined);
  }

  listen(root: number): void {
    const runner = pickCyclic(this.roots, root);
    const k = ++this.counts.listener;
    runner?.onReady((ready) => {
      if (ready) this.record(`ready$ ${k}`, 'next');
      this.record(`ready$ ${k}`, 'complete');
    });
    runner?.onDone((outcome) => this.record(`done$ ${k}`, formatOutcome(outcome)));
  }

  unsubscribe(root: number): void {
    this.unsubscribeFrom(pickCyclic(this.roots, root));
  }

  unsubscribeChild(child: number): void {
    this.unsubscribeFrom(pickCyclic(this.children, child));
  }

  cancelMadeContexts(cause: string): void {
    for (const ctx of this.madeContexts.splice(0)) ctx.cancel(cause);
  }

  private unsubscribeFrom(runner: Runner | undefined): void {
    const subscriber = runner && this.subscribers.get(runner);
    if (!subscriber) return;
    subscriber.unsubscribed = true;
    runner.run?.ctx.cancel();
  }

  cancel(cause: string): void {
    this.master.cancel(cause);
  }

  taskCancels(task: number, cause: string): void {
    pickCyclic(this.built.tasks, task)?.cancel?.(cause);
  }

  replaceMaster(): void {
    this.master = new Context();
  }

  hook(task: number, which: Which, action: HookAction): void {
    const modelTask = pickCyclic(this.built.tasks, task);
    if (modelTask) controlHook(modelTask.pendingHooks, which, action);
  }

  lease(task: number, which: Which, answer: LeaseAnswer): void {
    const modelTask = pickCyclic(this.built.tasks, task);
    if (modelTask) pickFrom(modelTask.leaseRequests, which)?.answer(answer);
  }

  restart(supervised: number): void {
    const restartable = this.built.runners.filter(({ restart }) => restart);
    const k = this.restarts.push(undefined) - 1;
    pickCyclic(restartable, supervised)?.restart?.((outcome) => (this.restarts[k] = outcome));
  }

  join(timeout: number): void {
    this.joinUnder(this.master, timeout, this.roots);
  }

  joinChildren(task: number, timeout: number): void {
    const ctx = pickCyclic(this.built.tasks, task)?.run?.ctx;
    if (ctx && this.children.length > 0) this.joinUnder(ctx, timeout, this.children);
  }

  private joinUnder(ctx: Context, timeout: number, runners: readonly Runner[]): void {
    const stream = `join ${++this.counts.join}`;
    const join = new Join(
      (notification) => this.record(stream, notification === 'complete' ? notification : formatOutcome(notification)),
      runners,
    );
    this.joins.push(join);
    join.start(ctx, timeout, this.world);
  }

  unsubscribeJoins(): void {
    for (const join of this.joins.splice(0)) join.unsubscribe();
  }

  advance(ms: number): void {
    this.world.advance(ms);
  }

  advanceSilently(ms: number): void {
    this.world.advanceSilently(ms);
  }

  adjustClock(byMs: number): void {
    this.world.adjustClock(byMs);
  }

  when(text: string, command: Command<InstantCommands>): void {
    this.world.log.when(text, () => execute<InstantCommands>(this, command));
  }

  settle(): void {
    this.world.settle();
  }

  state(): object {
    const { master, world, built } = this;
    return {
      lines: world.log.takeLines(),
      master: causeOf(master),
      contexts: built.tasks.map(({ run }) => causeOf(run?.ctx)),
      runners: built.runners.map(({ status, ready, outcome }) => ({
        status,
        ready: ready ? 'next complete' : ready === false ? 'complete' : '',
        outcome: outcome ? formatOutcome(outcome) : 'none yet',
      })),
      restarts: this.restarts.map(formatRestart),
      listenersAndTimers: this.running || this.joins.some(({ closed }) => !closed) ? [] : [0, 0],
    };
  }

  /** Whether a run has not ended. */
  get running(): boolean {
    return this.built.runners.some(({ run }) => run);
  }

  /** Returns the next command that helps to end everything, or `undefined` when all has ended. */
  nextToEnd(): Command<Commands> | undefined {
    const { roots, built } = this;
    const { tasks } = built;
    const index = roots.findIndex(({ run }) => run && !run.ctx.cancelled);
    if (index !== -1) return ['unsubscribe', index];
    if (this.joins.some(({ closed }) => !closed)) return ['unsubscribeJoins'];
    const task = tasks.findIndex(({ pendingHooks }) => pendingHooks.size > 0);
    if (this.running && task === -1) throw new Error('The model cannot end');
    return task === -1 ? undefined : ['hook', task, 'last', 'complete'];
  }

  private record(stream: string, text: string): void {
    this.world.log.record(stream, text);
  }
}
