import { causeOf, pick, type Acts, type Setup, type Sudden } from './acts.js';
import { Context } from './context.js';
import type { Doll } from './doll.js';
import { pickOf, use, type Answer, type Deed, type Which } from './script.js';
import { Join } from './join.js';
import { shown } from './log.js';
import { perform, type Act, type World } from './play.js';
import type { Runner } from './runner.js';
import type { Above, Outcome } from './words.js';
import { shownOutcome } from './seen.js';
import { Stage } from './stage.js';
import { modelled, type Grown } from './tree.js';

/** Runners and their tasks under one master, as models. */
export class ModelledApp implements Acts, World {
  readonly grown: Grown<Runner, Doll>;
  private readonly stage = new Stage();
  private readonly setup: Setup;
  private readonly subscribers = new Map<Runner, { left: boolean }>();
  private master = new Context();
  private joins: Join[] = [];
  private numbers = { start: 0, listener: 0, join: 0 };

  constructor(setup: Setup) {
    this.setup = setup;
    this.grown = modelled(setup.trees, this.stage);
    for (const runner of this.grown.runners) runner.observed = setup.observed;
    for (const root of this.grown.roots) root.results = (value) => this.tell('results$', value);
  }

  start(root: number): void {
    const runner = pick(this.grown.roots, root);
    if (!runner) return;
    const { master } = this;
    const stream = `subscriber ${++this.numbers.start}`;
    const tell = (what: string) => {
      if (!subscriber.left) this.tell(stream, what);
    };
    const subscriber: Above & { left: boolean } = {
      left: false,
      value: tell,
      ended: ({ error }) => tell(error ? shown(error) : 'complete'),
      refused: tell,
    };
    if (!runner.run) this.subscribers.set(runner, subscriber);
    runner.start(master, subscriber, this.setup.cancels ? (cause) => master.cancel(cause) : undefined);
  }

  listen(root: number): void {
    const runner = pick(this.grown.roots, root);
    const k = ++this.numbers.listener;
    runner?.whenReady((is) => {
      if (is) this.tell(`ready$ ${k}`, 'next');
      this.tell(`ready$ ${k}`, 'complete');
    });
    runner?.whenDone((outcome) => this.tell(`done$ ${k}`, shownOutcome(outcome)));
  }

  leave(root: number): void {
    const runner = pick(this.grown.roots, root);
    const subscriber = runner && this.subscribers.get(runner);
    if (!subscriber) return;
    subscriber.left = true;
    runner.run?.ctx.cancel();
  }

  cancel(cause: string): void {
    this.master.cancel(cause);
  }

  taskCancels(task: number, cause: string): void {
    pick(this.grown.tasks, task)?.cancel?.(cause);
  }

  renew(): void {
    this.master = new Context();
  }

  hook(task: number, which: Which, deed: Deed): void {
    const doll = pick(this.grown.tasks, task);
    if (doll) use(doll.hands, which, deed);
  }

  lease(task: number, which: Which, answer: Answer): void {
    const doll = pick(this.grown.tasks, task);
    if (doll) pickOf(doll.leases, which)?.answer(answer);
  }

  join(timeout: number): void {
    const stream = `join ${++this.numbers.join}`;
    const tell = (one: Outcome | 'complete') => this.tell(stream, one === 'complete' ? one : shownOutcome(one));
    const join = new Join(tell, this.grown.roots);
    this.joins.push(join);
    join.start(this.master, timeout, this.stage);
  }

  leaveJoins(): void {
    for (const join of this.joins.splice(0)) join.leave();
  }

  pass(ms: number): void {
    this.stage.pass(ms);
  }

  block(ms: number): void {
    this.stage.block(ms);
  }

  setClock(byMs: number): void {
    this.stage.setClock(byMs);
  }

  when(told: string, act: Act<Sudden>): void {
    this.stage.log.when(told, () => perform<Sudden>(this, act));
  }

  settle(): void {
    this.stage.settle();
  }

  seen(): object {
    const { master, stage, grown } = this;
    return {
      told: stage.log.take(),
      master: causeOf(master),
      contexts: grown.tasks.map(({ run }) => causeOf(run?.ctx)),
      runners: grown.runners.map(({ status, ready, outcome }) => ({
        status,
        ready: ready ? 'next complete' : outcome ? 'complete' : '',
        outcome: outcome ? shownOutcome(outcome) : 'none yet',
      })),
      left: this.going || this.joins.some(({ closed }) => !closed) ? [] : [0, 0],
    };
  }

  /** Whether anything is still to come to its end. */
  get going(): boolean {
    return this.grown.roots.some(({ run }) => run);
  }

  /** What is left to be done, so that all comes to its end. */
  next(): Act<Acts> | undefined {
    const { roots, tasks } = this.grown;
    const going = roots.findIndex(({ run }) => run && !run.ctx.cancelled);
    if (going !== -1) return ['leave', going];
    if (this.joins.some(({ closed }) => !closed)) return ['leaveJoins'];
    const task = tasks.findIndex(({ hands }) => hands.size > 0);
    if (this.going && task === -1) throw new Error('The model stands still');
    return task === -1 ? undefined : ['hook', task, 'last', 'ends'];
  }

  private tell(stream: string, what: string): void {
    this.stage.log.tell(stream, what);
  }
}
