import { map, NEVER, timer, type Observable } from 'rxjs';
import {
  critical,
  joinAll,
  ordered,
  parallel,
  RestartLimitError,
  supervise,
  TaskError,
  taskRunner,
  withCancel,
  type Outcome,
  type Phase,
  type RunContext,
  type SimpleTask,
  type Task,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import type { HookPlan, LeafPlan, Plan, Scenario } from './random-trees.js';

/** A documented guarantee that a tree can break. */
export type Guarantee =
  | 'hooks'
  | 'finalize'
  | 'start order'
  | 'stop order'
  | 'outlives'
  | 'error'
  | 'status'
  | 'lost'
  | 'join'
  | 'ends'
  | 'leaks'
  | 'values';

/** A node of the tree, as its hooks and the events of its own runner show it. */
class TreeNode {
  readonly plan: Plan;
  readonly parent: TreeNode | undefined;
  readonly index: number;
  readonly members: TreeNode[] = [];
  runner!: TaskRunner;
  started = false;
  /** Whether one of its leaves has started since the start of its parent. */
  entered = false;
  done: Outcome | undefined = undefined;
  /** The hook of a leaf that was called last in the current run. */
  phase: Phase | undefined = undefined;
  /** Whether `execute` was called in the current run. */
  executed = false;
  runs = 0;
  finalized = 0;
  /** The context of the current run, as a leaf inside shows it. */
  run: RunContext | undefined = undefined;
  /** Whether the current run has failed. */
  failed = false;
  /** The member that failed first in the current run. */
  firstFailed: TreeNode | undefined = undefined;
  /** For a supervised task: the runs of its member that have ended. */
  endedRuns = 0;

  constructor(plan: Plan, parent: TreeNode | undefined, index: number) {
    this.plan = plan;
    this.parent = parent;
    this.index = index;
  }

  /** Forgets the last run. */
  reset(): void {
    this.started = this.entered = this.executed = this.failed = false;
    this.done = this.phase = this.run = this.firstFailed = undefined;
    this.endedRuns = 0;
  }
}

/** Runs a scenario and collects the guarantees that it breaks. */
export class ObservedTree {
  readonly faults: Partial<Record<Guarantee, string[]>> = {};
  readonly clock: VirtualClock = virtualClock();
  readonly root: TreeNode;
  private readonly thrown: Error[] = [];
  /** The errors of `restarting` events. */
  private readonly reported: unknown[] = [];
  private readonly expectedValues: string[] = [];
  private readonly scenario: Scenario;
  private readonly nodes: TreeNode[] = [];
  private callCount = 0;
  private nameCount = 0;
  private stopped = false;
  private abandoned = false;
  private stop: () => void = () => undefined;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.root = this.add(scenario.root, undefined, 0);
  }

  run(): this {
    const { clock, scenario, root } = this;
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const values: unknown[] = [];
    let ends = 0;
    let cancelledAt = NaN;
    const subscription = root.runner.events$.subscribe((event) => {
      if (event.type === 'restarting') this.reported.push(event.error);
    });
    this.stop = () => {
      if (this.stopped) return;
      this.stopped = true;
      if (scenario.how === 'cancel') cancel();
      else running?.unsubscribe();
    };
    let running = undefined as { unsubscribe(): void } | undefined;
    ctx.cancelled$.subscribe(() => {
      cancelledAt = clock.now();
      this.stopped = true;
    });
    const listenersBefore = listenerCount(ctx);
    running = root.runner.start(ctx, cancel).subscribe({
      next: (value) => values.push(value),
      error: () => ends++,
      complete: () => ends++,
    });
    // A hook may have stopped it before `subscribe` returned.
    if (this.stopped && scenario.how === 'unsubscribe') running.unsubscribe();

    const joinOutcomes: Outcome[] = [];
    let joinEndedAt = NaN;
    joinAll(ctx, scenario.timeout, [root.runner]).subscribe({
      next: (outcome) => {
        joinOutcomes.push(outcome);
        this.abandoned = outcome.status === 'timed-out';
        if (this.abandoned) this.checkAbandoned(root, outcome);
      },
      complete: () => (joinEndedAt = clock.now()),
    });
    if (scenario.stop && 'at' in scenario.stop) clock.schedule(() => this.stop(), scenario.stop.at);
    clock.advance(5000);
    const stillRunning = !root.done;
    if (stillRunning && !this.stopped && !this.canRunForever(root))
      this.addFault('ends', 'no timer is left, but it has not ended');
    this.stop();
    clock.advance(5000);

    const hangs = this.nodes.some(({ plan, phase, done, started }) => {
      return plan.kind === 'leaf' && started && !done && phase === 'finalize' && plan.finalize?.length === 'never';
    });
    if (!hangs) {
      for (const { started, done, runner } of this.nodes)
        if (started && !done) this.addFault('ends', `${String(runner)} has not ended`);
      if (!root.done) this.addFault('ends', 'the root has not ended');
      if (scenario.how === 'cancel' && ends !== 1) this.addFault('ends', `its stream ended ${ends} times`);
      if (clock.timers > 0) this.addFault('leaks', `${clock.timers} timers`);
    }
    if (root.done) {
      subscription.unsubscribe();
      // A cancelled context has notified and removed the listener of this spec.
      const expected = ctx.cancelled ? 0 : listenersBefore;
      if (listenerCount(ctx) !== expected)
        this.addFault('leaks', `${listenerCount(ctx)} listeners on the context, not ${expected}`);
      this.checkNoErrorLost(root.done);
      if (scenario.how === 'cancel' && !this.abandoned && String(values) !== String(this.expectedValues))
        this.addFault('values', `${String(values)} for ${String(this.expectedValues)}`);
    }
    this.checkJoin(joinOutcomes, joinEndedAt, cancelledAt);
    for (const node of this.nodes) this.checkFinalize(node);
    return this;
  }

  private addFault(guarantee: Guarantee, what: string): void {
    (this.faults[guarantee] ??= []).push(`${this.clock.now()}: ${what}`);
  }

  private add(plan: Plan, parent: TreeNode | undefined, index: number): TreeNode {
    const name = `${this.nameCount++}`;
    const node = new TreeNode(plan, parent, index);
    node.runner = this.runnerOf(plan, name, node);
    this.nodes.push(node);
    node.runner.events$.subscribe((event) => {
      const own = event.task.endsWith(`/${name}`) || event.task === name;
      if (event.type === 'initializing' && own && (plan.kind === 'ordered' || plan.kind === 'parallel'))
        this.startGroup(node);
      if (event.type !== 'failed' && event.type !== 'done') return;
      this.failAtLimits();
      if (event.type === 'failed' && own) this.fail(node);
      if (event.type === 'done' && event.outcome.runner === node.runner) this.onEnd(node, event.outcome);
    });
    return node;
  }

  private runnerOf(plan: Plan, name: string, node: TreeNode): TaskRunner {
    const addMember = (memberPlan: Plan, index: number) => {
      const member = this.add(memberPlan, node, index);
      node.members.push(member);
      return member.runner;
    };
    switch (plan.kind) {
      case 'leaf':
        return taskRunner(this.taskOf(plan, name, node));
      case 'ordered':
        return ordered(name, ...plan.members.map(addMember));
      case 'parallel':
        return parallel(name, ...plan.members.map(addMember));
      case 'critical':
        return critical(addMember(plan.of, 0));
      case 'supervise': {
        const { restart, max, wait } = plan;
        return supervise(addMember(plan.of, 0), {
          restart,
          maxRestarts: max,
          backoff: { initial: wait, factor: 1, jitter: 0 },
        });
      }
    }
  }

  /** Creates the task of a leaf, with exactly the hooks of its plan. */
  private taskOf(plan: LeafPlan, name: string, node: TreeNode): SimpleTask<string> & Partial<Task<string>> {
    let ended = false;
    const call = (phase: Phase, { length, fails }: HookPlan): Observable<string> | string => {
      const { stop } = this.scenario;
      if (stop && 'call' in stop && this.callCount++ === stop.call) this.stop();
      const end = () => {
        ended = phase !== 'initialize' || fails;
        if (fails) {
          const error = new Error(`${name} in ${phase}`);
          this.thrown.push(error);
          throw error;
        }
        if (phase === 'execute') this.expectedValues.push(name);
        return name;
      };
      if (length === 'sync') return end();
      return length === 'never' ? NEVER : timer(length, this.clock).pipe(map(end));
    };
    const begin = (ctx: RunContext) => {
      ended = false;
      this.startLeaf(node, ctx);
      ctx.cancelled$.subscribe((cause) => {
        if (!ended) this.checkStopOrder(node, cause);
      });
    };
    const { initialize, execute, finalize, grace } = plan;
    const enter = (phase: Phase) => {
      const before = {
        initialize: [undefined],
        execute: [initialize ? 'initialize' : undefined],
        finalize: [undefined, 'initialize', 'execute'],
      };
      if (!before[phase].includes(node.phase as never) || node.done)
        this.addFault('hooks', `${name}: ${phase} after ${node.done ? 'its end' : String(node.phase)}`);
      node.phase = phase;
      node.executed ||= phase === 'execute';
    };
    return {
      ...(initialize && {
        initialize: (ctx: RunContext) => {
          begin(ctx);
          enter('initialize');
          return call('initialize', initialize);
        },
      }),
      execute: (ctx) => {
        if (!initialize) begin(ctx);
        enter('execute');
        return call('execute', execute);
      },
      ...(finalize && {
        finalize: () => {
          ended = true;
          node.finalized++;
          enter('finalize');
          return call('finalize', finalize);
        },
      }),
      ...(grace !== null && { grace }),
      toString: () => name,
    };
  }

  private startGroup(node: TreeNode): void {
    const { entered } = node;
    for (const each of [node, ...this.descendants(node)]) each.reset();
    node.started = true;
    node.entered = entered;
    this.startWrappers(node);
  }

  /** Marks the `supervise` and `critical` around a node as started, unless this is a restart. */
  private startWrappers({ parent }: TreeNode): void {
    if (!parent || (parent.plan.kind !== 'supervise' && parent.plan.kind !== 'critical')) return;
    if (parent.started && !parent.done) return;
    const { entered } = parent;
    parent.reset();
    parent.started = true;
    parent.entered = entered;
    this.startWrappers(parent);
  }

  private startLeaf(leaf: TreeNode, ctx: RunContext): void {
    if (leaf.started && !leaf.done) this.addFault('hooks', `${String(leaf.runner)} starts while it runs`);
    for (let node: TreeNode = leaf; node.parent; node = node.parent) {
      const { parent, index, entered } = node;
      node.entered = true;
      if (parent.plan.kind !== 'ordered' || index === 0) continue;
      // A restart inside the member does not involve the group.
      if (entered) continue;
      const previous = parent.members[index - 1];
      if (previous && !this.isReady(previous))
        this.addFault('start order', `${String(leaf.runner)} starts before ${String(previous.runner)} is ready`);
    }
    leaf.reset();
    leaf.started = leaf.entered = true;
    leaf.runs++;
    this.startWrappers(leaf);
    let run: RunContext | undefined = ctx;
    for (let node: TreeNode | undefined = leaf; node; node = node.parent, run = run?.parent) node.run = run;
  }

  private checkStopOrder(leaf: TreeNode, cause: unknown): void {
    for (let node: TreeNode = leaf; node.parent; node = node.parent) {
      const { parent, index } = node;
      if (parent.plan.kind !== 'ordered') continue;
      // A failure inside the member stops the member first, and the group only afterwards.
      if (
        cause instanceof TaskError &&
        [node, ...this.descendants(node)].some(({ runner }) =>
          innermostError(cause).task.endsWith(`/${String(runner)}`),
        )
      )
        continue;
      for (const later of parent.members.slice(index + 1))
        if (later.started && !later.done)
          this.addFault('stop order', `${String(leaf.runner)} is cancelled before ${String(later.runner)} has ended`);
    }
  }

  private onEnd(node: TreeNode, outcome: Outcome): void {
    const { plan, members, parent } = node;
    if (plan.kind === 'leaf') {
      // A leaf that was cancelled before its first hook has no start.
      node.started = true;
    } else {
      for (const inside of this.descendants(node))
        if (inside.started && !inside.done)
          this.addFault('outlives', `${String(node.runner)} ends before ${String(inside.runner)}`);
      this.checkError(node, outcome);
    }
    if (plan.kind === 'ordered' || plan.kind === 'parallel') this.checkMembers(node, outcome);
    if (
      outcome.status === 'completed' &&
      members.some(({ done }) => done?.status !== 'completed') &&
      plan.kind !== 'supervise'
    )
      this.addFault('status', `${String(node.runner)} has completed, but not its members`);
    if ((outcome.status === 'failed') !== (outcome.error !== undefined))
      this.addFault('status', `${outcome.status} with ${String(outcome.error)}`);
    if (outcome.status === 'cancelled' && !this.stopped && !this.isStoppedByFailure(node))
      this.addFault('status', `${String(node.runner)} is cancelled without a cause`);
    node.done = outcome;
    // Only an error of `finalize` was not reported before.
    if (outcome.error) this.fail(node);
    if (parent?.plan.kind !== 'supervise') return;
    if (outcome.error && !this.canRestart(parent)) this.fail(parent);
    parent.endedRuns++;
  }

  /** Marks the run of a node as failed, and at the same moment those that fail with it. */
  private fail(node: TreeNode): void {
    const { parent } = node;
    if (node.failed) return;
    node.failed = true;
    if (!parent) return;
    parent.firstFailed ??= node;
    if (parent.plan.kind !== 'supervise' || !this.canRestart(parent)) this.fail(parent);
  }

  /** Finds the supervised tasks that have failed because their member has completed too often. No event reports it. */
  private failAtLimits(): void {
    for (const node of this.nodes) {
      const { plan, members, done, failed, runner } = node;
      if (plan.kind !== 'supervise' || failed || done || members[0]?.done?.status !== 'completed') continue;
      if (String(collect(runner.ready$)) === 'complete') this.fail(node);
    }
  }

  private canRestart({ plan, run, endedRuns }: TreeNode): boolean {
    return plan.kind === 'supervise' && !run?.cancelled && endedRuns < plan.max;
  }

  /** Whether a failure in a group around it stops the node. A supervised task does not stop its member. */
  private isStoppedByFailure({ parent }: TreeNode): boolean {
    if (!parent) return false;
    return (parent.plan.kind !== 'supervise' && parent.firstFailed !== undefined) || this.isStoppedByFailure(parent);
  }

  private checkError({ plan, members, firstFailed, runner }: TreeNode, { error, status }: Outcome): void {
    const firstError = (plan.kind === 'supervise' ? members[0] : firstFailed)?.done?.error;
    // The error before a restart is in a `restarting` event.
    if (plan.kind === 'supervise' && status === 'cancelled' && this.reported.includes(firstError)) return;
    const atLimit = plan.kind === 'supervise' && error instanceof RestartLimitError && error.cause === firstError;
    if (error !== firstError && !atLimit)
      this.addFault('error', `${String(runner)}: ${String(error)}, not ${String(firstError)}`);
  }

  private checkMembers(node: TreeNode, { members = [] }: Outcome): void {
    if (!node.started) return;
    const actual = members.map(({ runner, status, error }) => [runner, status, error]);
    const expected = node.members.map(({ runner, done }) => [runner, done?.status ?? 'not-started', done?.error]);
    if (actual.length !== expected.length || !actual.flat().every((value, index) => value === expected.flat()[index]))
      this.addFault('status', `${String(node.runner)}: ${String(actual)}, not ${String(expected)}`);
  }

  /** Checks the outcome of an abandoned node, and those of all nodes inside it. */
  private checkAbandoned(
    node: TreeNode,
    { status, phase, runner, members = [] }: Outcome,
    outer: TreeNode = node,
  ): void {
    if (node.plan.kind === 'supervise' || node.plan.kind === 'critical') {
      const [inner] = node.members;
      if (inner)
        this.checkAbandoned(
          inner,
          { task: '', status: outer.done ? 'completed' : status, runner, members, ...(phase && { phase }) },
          outer,
        );
      return;
    }
    const name = String(node.runner);
    const expected = outer.done?.status ?? (outer.started || node.started ? 'timed-out' : 'not-started');
    if (!outer.done && status !== expected) this.addFault('join', `${name} is ${status}, not ${expected}`);
    if (status !== 'timed-out') return;
    if (node.plan.kind === 'leaf') {
      if (!node.done && phase !== node.phase)
        this.addFault('join', `${name} hangs in ${String(phase)}, not ${String(node.phase)}`);
      return;
    }
    if (members.length !== node.members.length) this.addFault('join', `${name} has ${members.length} members`);
    node.members.forEach((member, index) => {
      const outcome = members[index];
      if (!outcome) return;
      if (member.done && outcome.status !== member.done.status)
        this.addFault('join', `${String(member.runner)} is ${outcome.status}, not ${member.done.status}`);
      if (outcome.runner !== member.runner) this.addFault('join', `${String(member.runner)} has another runner`);
      if (!member.done) this.checkAbandoned(member, outcome);
    });
  }

  private checkJoin(joinOutcomes: Outcome[], joinEndedAt: number, cancelledAt: number): void {
    const { timeout } = this.scenario;
    const cancelled = !Number.isNaN(cancelledAt);
    if (Number.isNaN(joinEndedAt)) {
      if (cancelled && timeout < Infinity) this.addFault('join', 'it does not end');
      if (!cancelled && this.root.done) this.addFault('join', 'all have ended, but not the join');
      return;
    }
    if (joinOutcomes.length !== 1) this.addFault('join', `${joinOutcomes.length} outcomes`);
    const [outcome] = joinOutcomes;
    if (cancelled && joinEndedAt > cancelledAt + timeout)
      this.addFault('join', `it ends at ${joinEndedAt}, not by ${cancelledAt} + ${timeout}`);
    if (this.abandoned && joinEndedAt !== cancelledAt + timeout)
      this.addFault('join', `it abandons at ${joinEndedAt}, not at ${cancelledAt} + ${timeout}`);
    if (!this.abandoned && outcome !== this.root.done) this.addFault('join', 'it has another outcome');
    if (this.root.done?.status === 'timed-out') this.addFault('join', 'done$ says timed-out');
  }

  private checkFinalize({ plan, runner, runs, finalized, done, started }: TreeNode): void {
    if (plan.kind !== 'leaf' || !plan.finalize) return;
    const running = started && !done;
    if (finalized !== runs && !(running && finalized === runs - 1))
      this.addFault('finalize', `${String(runner)}: ${finalized} times in ${runs} runs`);
  }

  /** Checks that each thrown error is in the outcome or in a `restarting` event. */
  private checkNoErrorLost({ error }: Outcome): void {
    const seen = new Set<unknown>();
    const visit = (reason: unknown) => {
      if (!(reason instanceof Error) || seen.has(reason)) return;
      seen.add(reason);
      visit(reason.cause);
      if (!(reason instanceof TaskError)) return;
      const { message, suppressed } = reason;
      if (suppressed.includes(reason)) this.addFault('error', `${message} suppresses itself`);
      if (new Set(suppressed).size !== suppressed.length)
        this.addFault('error', `${message} suppresses an error twice`);
      suppressed.forEach(visit);
    };
    visit(error);
    this.reported.forEach(visit);
    for (const thrown of this.thrown) if (!seen.has(thrown)) this.addFault('lost', thrown.message);
  }

  private isReady({ plan, done, executed, members }: TreeNode): boolean {
    if (done) return !done.error;
    return plan.kind === 'leaf' ? executed : members.every((member) => this.isReady(member));
  }

  /** Whether a hook inside the node never ends by itself. */
  private canRunForever(node: TreeNode): boolean {
    const never = (hook: HookPlan | null) => hook?.length === 'never';
    return this.leaves(node).some(
      ({ plan }) => plan.kind === 'leaf' && [plan.initialize, plan.execute, plan.finalize].some(never),
    );
  }

  private descendants(node: TreeNode): TreeNode[] {
    return node.members.flatMap((member) => [member, ...this.descendants(member)]);
  }

  private leaves(node: TreeNode): TreeNode[] {
    return [node, ...this.descendants(node)].filter(({ plan }) => plan.kind === 'leaf');
  }
}

/** Returns the last error of a supervised task that has exceeded its restart limits. */
function innermostError(error: TaskError): TaskError {
  return error instanceof RestartLimitError && error.cause instanceof TaskError ? innermostError(error.cause) : error;
}
