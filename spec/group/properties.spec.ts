import { expect } from 'chai';
import fc from 'fast-check';
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
import { listenerCount } from '../helpers/collect.js';

// The seed makes each run the same; a failure tells it, with the smallest tree that fails.
const cases = { numRuns: 4000, seed: 20_261_124 };

type Length = 'sync' | 'never' | number;

interface Hook {
  readonly length: Length;
  readonly fails: boolean;
}

interface LeafPlan {
  readonly kind: 'leaf';
  readonly initialize: Hook | null;
  readonly execute: Hook;
  readonly finalize: Hook | null;
  readonly grace: number | null;
}

type Plan =
  | LeafPlan
  | { readonly kind: 'ordered' | 'parallel'; readonly members: readonly Plan[] }
  | {
      readonly kind: 'supervise';
      readonly of: Plan;
      readonly restart: 'on-failure' | 'always';
      readonly max: number;
      readonly wait: number;
    }
  | { readonly kind: 'critical'; readonly of: Plan };

interface Life {
  readonly root: Plan;
  /** When it is stopped: at a time, or by the hook that is called at a place among all; else when nothing moves any more. */
  readonly stop: { readonly at: number } | { readonly call: number } | null;
  readonly how: 'cancel' | 'unsubscribe';
  /** Of the join. */
  readonly timeout: number;
}

const hooks = (lengths: fc.Arbitrary<Length>) =>
  fc.record({ length: lengths, fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 9) });
const short = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Length>('sync') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 6 }) },
);
const sometimes = (length: Length, weight: number) =>
  fc.oneof({ weight: 20, arbitrary: short }, { weight, arbitrary: fc.constant(length) });

const leaf: fc.Arbitrary<LeafPlan> = fc.record<LeafPlan>({
  kind: fc.constant('leaf' as const),
  initialize: fc.option(hooks(sometimes('never', 1)), { freq: 4 }),
  execute: hooks(
    fc.oneof(short, fc.integer({ min: 5, max: 30 }), fc.constant<Length>('never'), fc.constant<Length>('never')),
  ),
  finalize: fc.option(hooks(sometimes('never', 1)), { freq: 4 }),
  grace: fc.option(fc.integer({ min: 0, max: 4 }), { freq: 1 }),
});

const { group } = fc.letrec<{ node: Plan; group: Plan }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'tree' },
    { weight: 4, arbitrary: leaf },
    { weight: 4, arbitrary: tie('group') },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('supervise' as const),
        of: tie('node'),
        restart: fc.constantFrom('on-failure' as const, 'always' as const),
        max: fc.integer({ min: 0, max: 2 }),
        wait: fc.integer({ min: 0, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('critical' as const), of: tie('node') }) },
  ),
  group: fc.record({
    kind: fc.constantFrom('ordered' as const, 'ordered' as const, 'parallel' as const),
    members: fc.array(tie('node'), { maxLength: 4, size: 'max', depthIdentifier: 'tree' }),
  }),
}));

const lives: fc.Arbitrary<Life> = fc.record({
  root: group,
  stop: fc.oneof(
    fc.record({ at: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ call: fc.integer({ min: 0, max: 12 }) }),
    fc.constant(null),
  ),
  how: fc.constantFrom('cancel' as const, 'cancel' as const, 'unsubscribe' as const),
  timeout: fc.constantFrom(0, 1, 4, 15, Infinity),
});

/** A promise of DESIGN.md, of which a fault is one that was not kept. */
type Promised =
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

/** A node of the tree as it is seen from outside: by its hooks and by what its own runner tells. */
class Node {
  readonly plan: Plan;
  readonly parent: Node | undefined;
  readonly place: number;
  readonly members: Node[] = [];
  runner!: TaskRunner;
  begun = false;
  /** Whether a leaf of it has begun since its parent has. */
  entered = false;
  done: Outcome | undefined = undefined;
  /** The hook of a leaf that was called last in this run. */
  phase: Phase | undefined = undefined;
  /** Whether `execute` has been called in this run. */
  executed = false;
  runs = 0;
  finalized = 0;
  /** The first error that one of its members has ended with. */
  first: TaskError | undefined = undefined;

  constructor(plan: Plan, parent: Node | undefined, place: number) {
    this.plan = plan;
    this.parent = parent;
    this.place = place;
  }
}

class Tree {
  readonly faults: Partial<Record<Promised, string[]>> = {};
  readonly machine: VirtualClock = virtualClock();
  readonly root: Node;
  /** What has been thrown by hooks, and what has been told. */
  private readonly thrown: Error[] = [];
  private readonly heard: unknown[] = [];
  private readonly yielded: string[] = [];
  private readonly life: Life;
  private readonly all: Node[] = [];
  private calls = 0;
  private names = 0;
  private stopped = false;
  private gaveUp = false;
  private stop: () => void = () => undefined;

  constructor(life: Life) {
    this.life = life;
    this.root = this.grow(life.root, undefined, 0);
  }

  play(): this {
    const { machine, life, root } = this;
    const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
    const values: unknown[] = [];
    let ends = 0;
    let cancelledAt = NaN;
    const subscription = root.runner.events$.subscribe((event) => {
      if (event.type === 'restarting') this.heard.push(event.error);
    });
    this.stop = () => {
      if (this.stopped) return;
      this.stopped = true;
      if (life.how === 'cancel') cancel();
      else started?.unsubscribe();
    };
    let started = undefined as { unsubscribe(): void } | undefined;
    ctx.cancelled$.subscribe(() => {
      cancelledAt = machine.now();
      this.stopped = true;
    });
    const before = { hooks: listenerCount(ctx) };
    started = root.runner.start(ctx, cancel).subscribe({
      next: (value) => values.push(value),
      error: () => ends++,
      complete: () => ends++,
    });
    // By a hook that was called before `subscribe` had returned.
    if (this.stopped && life.how === 'unsubscribe') started.unsubscribe();

    const joined: Outcome[] = [];
    let joinedAt = NaN;
    joinAll(ctx, life.timeout, [root.runner]).subscribe({
      next: (outcome) => {
        joined.push(outcome);
        this.gaveUp = outcome.status === 'timed-out';
        if (this.gaveUp) this.compare(root, outcome);
      },
      complete: () => (joinedAt = machine.now()),
    });
    if (life.stop && 'at' in life.stop) machine.schedule(() => this.stop(), life.stop.at);
    machine.advance(5000);
    const stillGoing = !root.done;
    if (stillGoing && !this.stopped && !this.mayGoOn(root)) this.fault('ends', 'it stands still');
    this.stop();
    machine.advance(5000);

    const hangs = this.all.some(({ plan, phase, done, begun }) => {
      return plan.kind === 'leaf' && begun && !done && phase === 'finalize' && plan.finalize?.length === 'never';
    });
    if (!hangs) {
      for (const { begun, done, runner } of this.all)
        if (begun && !done) this.fault('ends', `${String(runner)} has not ended`);
      if (!root.done) this.fault('ends', 'the root has not ended');
      if (life.how === 'cancel' && ends !== 1) this.fault('ends', `its stream ended ${ends} times`);
      if (machine.timers > 0) this.fault('leaks', `${machine.timers} timers`);
    }
    if (root.done) {
      subscription.unsubscribe();
      // What is there by itself has been told, and has left; what is unsubscribed has no join to be told of a cancel.
      const left = ctx.cancelled ? 0 : before.hooks;
      if (listenerCount(ctx) !== left) this.fault('leaks', `${listenerCount(ctx)} on the context, not ${left}`);
      this.seek(root.done);
      if (life.how === 'cancel' && !this.gaveUp && String(values) !== String(this.yielded))
        this.fault('values', `${String(values)} for ${String(this.yielded)}`);
    }
    this.judgeJoin(joined, joinedAt, cancelledAt);
    for (const one of this.all) this.judgeFinalize(one);
    return this;
  }

  private fault(promised: Promised, what: string): void {
    (this.faults[promised] ??= []).push(`${this.machine.now()}: ${what}`);
  }

  private grow(plan: Plan, parent: Node | undefined, place: number): Node {
    const name = `${this.names++}`;
    const node = new Node(plan, parent, place);
    node.runner = this.runnerOf(plan, name, node);
    this.all.push(node);
    node.runner.events$.subscribe((event) => {
      const own = event.task.endsWith(`/${name}`) || event.task === name;
      if (event.type === 'initializing' && own && (plan.kind === 'ordered' || plan.kind === 'parallel'))
        this.begin(node);
      if (event.type === 'done' && event.outcome.runner === node.runner) this.end(node, event.outcome);
    });
    return node;
  }

  private runnerOf(plan: Plan, name: string, node: Node): TaskRunner {
    const grown = (one: Plan, place: number) => {
      const member = this.grow(one, node, place);
      node.members.push(member);
      return member.runner;
    };
    switch (plan.kind) {
      case 'leaf':
        return taskRunner(this.taskOf(plan, name, node));
      case 'ordered':
        return ordered(name, ...plan.members.map(grown));
      case 'parallel':
        return parallel(name, ...plan.members.map(grown));
      case 'critical':
        return critical(grown(plan.of, 0));
      case 'supervise': {
        const { restart, max, wait } = plan;
        return supervise(grown(plan.of, 0), {
          restart,
          maxRestarts: max,
          backoff: { initial: wait, factor: 1, jitter: 0 },
        });
      }
    }
  }

  /** A task with the hooks that it has, and no others. */
  private taskOf(plan: LeafPlan, name: string, node: Node): SimpleTask<string> & Partial<Task<string>> {
    let over = false;
    const call = (phase: Phase, { length, fails }: Hook): Observable<string> | string => {
      const { stop } = this.life;
      if (stop && 'call' in stop && this.calls++ === stop.call) this.stop();
      const end = () => {
        over = phase !== 'initialize' || fails;
        if (fails) {
          const error = new Error(`${name} in ${phase}`);
          this.thrown.push(error);
          throw error;
        }
        if (phase === 'execute') this.yielded.push(name);
        return name;
      };
      if (length === 'sync') return end();
      return length === 'never' ? NEVER : timer(length, this.machine).pipe(map(end));
    };
    const begin = (ctx: RunContext) => {
      over = false;
      this.beginLeaf(node);
      ctx.cancelled$.subscribe((cause) => {
        if (!over) this.cut(node, cause);
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
        this.fault('hooks', `${name}: ${phase} after ${node.done ? 'its end' : String(node.phase)}`);
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
          over = true;
          node.finalized++;
          enter('finalize');
          return call('finalize', finalize);
        },
      }),
      ...(grace !== null && { grace }),
      toString: () => name,
    };
  }

  private begin(node: Node): void {
    node.begun = true;
    node.done = node.first = undefined;
    const forget = (one: Node) => {
      one.begun = one.entered = false;
      one.executed = false;
      one.done = one.phase = one.first = undefined;
      one.members.forEach(forget);
    };
    node.members.forEach(forget);
    this.beginAround(node);
  }

  /** What guards it has begun with it, unless this is a restart. */
  private beginAround({ parent }: Node): void {
    if (!parent || (parent.plan.kind !== 'supervise' && parent.plan.kind !== 'critical')) return;
    if (parent.begun && !parent.done) return;
    parent.begun = true;
    parent.done = parent.first = undefined;
    this.beginAround(parent);
  }

  private beginLeaf(leaf: Node): void {
    if (leaf.begun && !leaf.done) this.fault('hooks', `${String(leaf.runner)} begins while it goes`);
    for (let one: Node | undefined = leaf.parent && leaf; one?.parent; one = one.parent) {
      const { parent, place, entered } = one;
      one.entered = true;
      if (parent.plan.kind !== 'ordered' || place === 0) continue;
      // What is started again inside it is its own business.
      if (entered) continue;
      const previous = parent.members[place - 1];
      if (previous && !this.isReady(previous))
        this.fault('start order', `${String(leaf.runner)} starts before ${String(previous.runner)} is ready`);
    }
    leaf.begun = true;
    leaf.executed = false;
    leaf.done = leaf.phase = undefined;
    leaf.runs++;
    this.beginAround(leaf);
  }

  private cut(leaf: Node, cause: unknown): void {
    for (let one: Node = leaf; one.parent; one = one.parent) {
      const { parent, place } = one;
      if (parent.plan.kind !== 'ordered') continue;
      // One that comes from inside of it does not stop the others.
      if (
        cause instanceof TaskError &&
        [one, ...this.inside(one)].some((inside) => lastOf(cause).task.endsWith(`/${String(inside.runner)}`))
      )
        continue;
      for (const later of parent.members.slice(place + 1))
        if (later.begun && !later.done)
          this.fault('stop order', `${String(leaf.runner)} is cancelled before ${String(later.runner)} has ended`);
    }
  }

  private end(node: Node, outcome: Outcome): void {
    const { plan, members, parent } = node;
    if (plan.kind === 'leaf') {
      // Without a hook it was never called, or it was not called in this run.
      if (!node.begun) node.begun = true;
    } else {
      for (const inside of this.inside(node))
        if (inside.begun && !inside.done)
          this.fault('outlives', `${String(node.runner)} ends before ${String(inside.runner)}`);
      this.judgeError(node, outcome);
    }
    if (plan.kind === 'ordered' || plan.kind === 'parallel') this.compareMembers(node, outcome);
    if (
      outcome.status === 'completed' &&
      members.some(({ done }) => done?.status !== 'completed') &&
      plan.kind !== 'supervise'
    )
      this.fault('status', `${String(node.runner)} has completed, but not its members`);
    if ((outcome.status === 'failed') !== (outcome.error !== undefined))
      this.fault('status', `${outcome.status} with ${String(outcome.error)}`);
    if (outcome.status === 'cancelled' && !this.stopped && !this.failing(node))
      this.fault('status', `${String(node.runner)} is cancelled by nobody`);
    node.done = outcome;
    if (parent && outcome.error)
      parent.first = parent.plan.kind === 'supervise' ? outcome.error : (parent.first ?? outcome.error);
    if (parent && !outcome.error && parent.plan.kind === 'supervise') parent.first = undefined;
  }

  /** Whether something above has failed, and stops it. */
  private failing({ parent }: Node): boolean {
    return parent !== undefined && (parent.first !== undefined || this.failing(parent));
  }

  private judgeError({ plan, first, runner }: Node, { error, status }: Outcome): void {
    // What it was to be started again for has been told.
    if (plan.kind === 'supervise' && status === 'cancelled' && this.heard.includes(first)) return;
    const own = plan.kind === 'supervise' && error instanceof RestartLimitError && error.cause === first;
    if (error !== first && !own) this.fault('error', `${String(runner)}: ${String(error)}, not ${String(first)}`);
  }

  private compareMembers(node: Node, { members = [] }: Outcome): void {
    if (!node.begun) return;
    const told = members.map(({ runner, status, error }) => [runner, status, error]);
    const seen = node.members.map(({ runner, done }) => [runner, done?.status ?? 'not-started', done?.error]);
    if (!told.flat().every((what, place) => what === seen.flat()[place]) || told.length !== seen.length)
      this.fault('status', `${String(node.runner)}: ${String(told)}, not ${String(seen)}`);
  }

  /** What a join says of one that it has given up, and of all inside. */
  private compare(node: Node, { status, phase, runner, members = [] }: Outcome, outer: Node = node): void {
    if (node.plan.kind === 'supervise' || node.plan.kind === 'critical') {
      const [inner] = node.members;
      if (inner)
        this.compare(
          inner,
          { task: '', status: outer.done ? 'completed' : status, runner, members, ...(phase && { phase }) },
          outer,
        );
      return;
    }
    const what = String(node.runner);
    const expected = outer.done?.status ?? (outer.begun || node.begun ? 'timed-out' : 'not-started');
    if (!outer.done && status !== expected) this.fault('join', `${what} is ${status}, not ${expected}`);
    if (status !== 'timed-out') return;
    if (node.plan.kind === 'leaf') {
      if (!node.done && phase !== node.phase)
        this.fault('join', `${what} hangs in ${String(phase)}, not ${String(node.phase)}`);
      return;
    }
    if (members.length !== node.members.length) this.fault('join', `${what} has ${members.length} members`);
    node.members.forEach((member, place) => {
      const told = members[place];
      if (!told) return;
      if (member.done && told.status !== member.done.status)
        this.fault('join', `${String(member.runner)} is ${told.status}, not ${member.done.status}`);
      if (told.runner !== member.runner) this.fault('join', `${String(member.runner)} is told as another`);
      if (!member.done) this.compare(member, told);
    });
  }

  private judgeJoin(joined: Outcome[], joinedAt: number, cancelledAt: number): void {
    const { timeout } = this.life;
    const cancelled = !Number.isNaN(cancelledAt);
    if (Number.isNaN(joinedAt)) {
      if (cancelled && timeout < Infinity) this.fault('join', 'it has no end');
      if (!cancelled && this.root.done) this.fault('join', 'all have ended, but not the join');
      return;
    }
    if (joined.length !== 1) this.fault('join', `${joined.length} outcomes`);
    const [outcome] = joined;
    if (cancelled && joinedAt > cancelledAt + timeout)
      this.fault('join', `it ends at ${joinedAt}, not by ${cancelledAt} + ${timeout}`);
    if (this.gaveUp && joinedAt !== cancelledAt + timeout)
      this.fault('join', `it gives up at ${joinedAt}, not at ${cancelledAt} + ${timeout}`);
    if (!this.gaveUp && outcome !== this.root.done) this.fault('join', 'its outcome is another');
    if (this.root.done?.status === 'timed-out') this.fault('join', 'done$ says timed-out');
  }

  private judgeFinalize({ plan, runner, runs, finalized, done, begun }: Node): void {
    if (plan.kind !== 'leaf' || !plan.finalize) return;
    const going = begun && !done;
    if (finalized !== runs && !(going && finalized === runs - 1))
      this.fault('finalize', `${String(runner)}: ${finalized} times in ${runs} runs`);
  }

  /** Whatever a hook has thrown is found in what was told. */
  private seek({ error }: Outcome): void {
    const seen = new Set<unknown>();
    const look = (one: unknown) => {
      if (!(one instanceof Error)) return;
      if (seen.has(one)) return;
      seen.add(one);
      look(one.cause);
      if (one instanceof TaskError) {
        if (one.suppressed.includes(one)) this.fault('error', `${one.message} is its own suppressed one`);
        if (new Set(one.suppressed).size !== one.suppressed.length) this.fault('error', `${one.message} has one twice`);
        one.suppressed.forEach(look);
      }
    };
    look(error);
    this.heard.forEach(look);
    for (const one of this.thrown) if (!seen.has(one)) this.fault('lost', one.message);
  }

  private isReady({ plan, done, executed, members }: Node): boolean {
    if (done) return !done.error;
    return plan.kind === 'leaf' ? executed : members.every((one) => this.isReady(one));
  }

  /** Whether it has a reason to go on: something in it never ends by itself. */
  private mayGoOn(node: Node): boolean {
    const never = (hook: Hook | null) => hook?.length === 'never';
    return this.leaves(node).some(
      ({ plan }) => plan.kind === 'leaf' && [plan.initialize, plan.execute, plan.finalize].some(never),
    );
  }

  private inside(node: Node): Node[] {
    return node.members.flatMap((one) => [one, ...this.inside(one)]);
  }

  private leaves(node: Node): Node[] {
    return [node, ...this.inside(node)].filter(({ plan }) => plan.kind === 'leaf');
  }
}

/** The error that a supervised one has failed with in the end. */
function lastOf(error: TaskError): TaskError {
  return error instanceof RestartLimitError && error.cause instanceof TaskError ? lastOf(error.cause) : error;
}

type Faults = Tree['faults'];
const played = new Map<string, Faults>();

/** What is wrong with a life, which is lived once, whichever promise is looked at. */
function faultsIn(life: Life): Faults {
  const key = JSON.stringify(life);
  const faults = played.get(key) ?? new Tree(life).play().faults;
  played.set(key, faults);
  return faults;
}

describe('A tree of groups', () => {
  const promises: readonly (readonly [Promised, string])[] = [
    ['hooks', 'runs initialize, then execute, then finalize of each leaf, one run at a time'],
    ['finalize', 'finalizes each leaf once for each time that it has begun'],
    ['start order', 'starts no member of an ordered group before the one before it is ready, or has ended well'],
    ['stop order', 'stops the members of an ordered group in reverse, each when those after it have ended'],
    ['outlives', 'has no run that outlives its group'],
    ['error', 'fails with the error of the member that was the first to fail'],
    ['status', 'says of each how it ended'],
    ['lost', 'loses no error'],
    ['join', 'is joined by the deadline, and what hangs is named'],
    ['ends', 'ends, unless something hangs'],
    ['leaks', 'leaves nothing behind'],
    ['values', 'yields what its leaves yield'],
  ];
  for (const [promised, title] of promises) {
    it(title, () => {
      fc.assert(
        fc.property(lives, (life) => {
          expect((faultsIn(life)[promised] ?? []).join('\n')).to.equal('');
        }),
        cases,
      );
    }).timeout(30_000);
  }
});
