import { getEventListeners } from 'node:events';
import { interval, Subscription, take, type Observable } from 'rxjs';
import {
  critical,
  future,
  isTaskRunner,
  joinAll,
  launch,
  launchRunner,
  orchestrate,
  SignalError,
  signalListener,
  task,
  taskRunner,
  untilCancelled,
  withCancel,
  withTimeout,
  DeadlineError,
  type AppEvent,
  type CancelFunc,
  type Context,
  type Outcome,
  type TaskRunner,
} from '../../lib/index.js';
import { hangingOn } from '../helpers/collect.js';
import type { Chance } from './chance.js';
import type { Ledger } from './ledger.js';
import { Parts } from './parts.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** For whatever ends by itself soon after its cancel, on the slowest machine. */
const patient = 10_000;

/**
 * Things that one may do with the library, each of which is over within half a second. They hang on a context, a signal and an
 * emitter that stay.
 */
export class Acts extends Parts {
  private readonly controller = new AbortController();
  private readonly master: Context;
  /** Started again and again. */
  private readonly regulars: TaskRunner[];
  private readonly acts: (() => void)[] = [
    () => this.run(),
    () => this.runAgain(),
    () => this.look(),
    () => this.tree(),
    () => this.join(),
    () => this.overrun(),
    () => this.future(),
    () => this.unseen(),
    () => this.application(),
    () => this.observed(),
    () => this.context(),
    () => this.timeout(),
    () => this.signalled(),
  ];

  constructor(chance: Chance, ledger: Ledger, master: Context) {
    super(chance, ledger);
    this.master = master;
    this.emitter.setMaxListeners(0);
    this.regulars = Array.from({ length: 8 }, () => taskRunner(this.leaf()));
  }

  act(): void {
    this.chance.of(this.acts)();
  }

  get listeners(): number {
    const { emitter, controller } = this;
    const each = emitter.eventNames().map((name) => emitter.listenerCount(name));
    return each.reduce((sum, count) => sum + count, getEventListeners(controller.signal, 'abort').length);
  }

  /** On the master and the regular runners: their `done$`, `results$` and `events$`. */
  get hanging(): number {
    const hubs = this.regulars.flatMap((runner) => {
      const { results = {}, events = {} } = runner as { results?: object; events?: object };
      return [runner, results, events];
    });
    return [this.master, ...hubs].reduce((sum, one) => sum + hangingOn(one), 0);
  }

  private get parent(): Context | AbortSignal {
    return this.chance.in(3) ? this.controller.signal : this.master;
  }

  private later(then: () => void, most = 200): void {
    void this.sleep(this.chance.below(most)).then(then);
  }

  /** A context that is cancelled before long. */
  private brief(): [Context, CancelFunc] {
    const { chance } = this;
    const timeout = chance.of([undefined, undefined, 1 + chance.below(200), 60_000]);
    const made = timeout === undefined ? withCancel(this.parent) : withTimeout(timeout, this.parent);
    this.later(() => made[1](chance.in(2) ? new Error('enough') : undefined));
    return made;
  }

  /** Starts a runner, and sees to it that it ends once, as its stream says. */
  private start(runner: TaskRunner, ctx: Context, cancel?: CancelFunc): Subscription {
    const { ledger } = this;
    const ended = ledger.begin('run');
    let told: { error?: unknown } | undefined;
    let outcome: Outcome | undefined;
    const compare = () => {
      if (!told || !outcome) return;
      const { status, error } = outcome;
      ledger.expect(['completed', 'cancelled', 'failed'].includes(status), `${outcome.task} is ${status}`);
      ledger.expect((status === 'failed') === 'error' in told, `${outcome.task} is ${status}, its stream is not`);
      ledger.expect(error === told.error, `${outcome.task} has another error than its stream`);
    };
    const subscription = runner.start(ctx, cancel).subscribe({
      error: (error: unknown) => {
        told = { error };
        compare();
      },
      complete: () => {
        told = {};
        compare();
      },
    });
    runner.done$.subscribe((is) => {
      ended();
      outcome = is;
      compare();
    });
    return subscription;
  }

  private run(): void {
    const [ctx, cancel] = this.brief();
    const runner = taskRunner(this.leaf());
    const subscription = this.start(runner, ctx, this.chance.in(2) ? cancel : undefined);
    if (this.chance.in(3)) this.later(() => subscription.unsubscribe());
  }

  private runAgain(): void {
    const runner = this.chance.of(this.regulars);
    if (runner.status === 'idle' || runner.status === 'done') this.start(runner, ...this.brief());
    else {
      const refused = this.ledger.begin('refusal');
      runner.start().subscribe({ error: refused });
    }
  }

  /** Listens to what does not end, or to what ends, and leaves, or throws. */
  private look(): void {
    const { chance, ledger } = this;
    const { events$, results$, done$, ready$ } = chance.of(this.regulars);
    let throws = chance.in(4);
    const subscription = chance.of<Observable<unknown>>([events$, results$, done$, ready$]).subscribe(() => {
      if (!throws) return;
      throws = false;
      throw ledger.throw('subscriber');
    });
    this.later(() => subscription.unsubscribe());
  }

  private tree(): void {
    const [ctx, cancel] = this.brief();
    const runnable = this.runnable(3);
    const runner = isTaskRunner(runnable) ? runnable : taskRunner(runnable);
    const tree = this.chance.in(4) ? critical(runner) : runner;
    if (this.chance.in(2)) tree.events$.subscribe(this.doneOnce());
    const subscription = this.start(tree, ctx, cancel);
    if (this.chance.in(4)) this.later(() => subscription.unsubscribe());
  }

  /** Every run of every part tells its end once. */
  private doneOnce(): (event: AppEvent) => void {
    const done = new Set<string>();
    return (event) => {
      if (event.type !== 'done') return;
      const run = `run ${event.runId} of ${event.task}`;
      this.ledger.expect(!done.has(run), `${run} is done twice`);
      done.add(run);
    };
  }

  private join(): void {
    const { chance, ledger } = this;
    const [ctx, cancel] = this.brief();
    const runners = chance.some(5, () => taskRunner(this.leaf()));
    for (const runner of runners) {
      if (chance.in(2)) launchRunner(ctx, cancel, runner);
      else this.start(runner, ctx, cancel);
    }
    const timeout = chance.of([patient, chance.below(20)]);
    const left = new Set(runners);
    const joined = ledger.begin('join');
    const subscription = joinAll(ctx, timeout, runners).subscribe({
      next: ({ runner, task, status }) => {
        ledger.expect(left.delete(runner), `${task} is joined twice`);
        ledger.expect(status !== 'not-started', `${task} is ${status}`);
        ledger.expect(status !== 'timed-out' || timeout !== patient, `${task} is ${status} of ${timeout} ms`);
      },
      complete: () => {
        ledger.expect(left.size === 0, `${left.size} are not joined`);
        joined();
      },
    });
    if (chance.in(4)) {
      this.later(() => {
        if (!subscription.closed) joined();
        subscription.unsubscribe();
      });
    }
  }

  /** What never ends is named at the deadline, and forgotten. */
  private overrun(): void {
    const { chance, ledger } = this;
    const [ctx, cancel] = this.brief();
    const never = () => new Promise<never>(() => undefined);
    const runners = chance.some(3, () =>
      taskRunner(
        task('deaf', chance.in(2) ? { execute: never } : { execute: (run) => this.output(run), finalize: never }),
      ),
    );
    const joined = ledger.begin('join');
    let named = 0;
    for (const runner of runners) launchRunner(ctx, cancel, runner);
    joinAll(ctx, chance.below(20), runners).subscribe({
      next: ({ status }) => (named += status === 'timed-out' ? 1 : 0),
      complete: () => {
        ledger.expect(named === runners.length, `${named} of ${runners.length} deaf ones are named`);
        joined();
      },
    });
  }

  private future(): void {
    const { chance, ledger } = this;
    const result = future((ctx) => this.output(ctx), this.parent);
    const awaits = chance.some(3, () => (chance.in(2) ? result.await(this.brief()[0]) : result.await()));
    for (const one of [result.await(), ...awaits]) {
      const settled = ledger.begin('await');
      one.then(settled, settled);
    }
    const subscription = result.subscribe({ error: () => undefined });
    if (chance.in(2)) this.later(() => subscription.unsubscribe());
    this.later(() => result.cancel(new Error('not needed')));
  }

  /** Nobody looks at its error. */
  private unseen(): void {
    const error = this.ledger.throw('future');
    future(() => Promise.reject(error), this.parent);
  }

  private application(): void {
    const { chance, ledger } = this;
    const runnables = chance.some(3, () => this.runnable());
    const ended = ledger.begin('application');
    const app = launch([...runnables, signalListener({ signals, target: this.emitter })], {
      timeout: patient,
      onFailure: chance.of(['cancel', 'continue']),
      drainDelay: chance.of([0, chance.below(30)]),
      parent: this.parent,
      ...(chance.in(2) && { observer: this.doneOnce() }),
    });
    app.ready$.subscribe();
    void app.then(({ outcomes }) => {
      const names = outcomes.filter(({ status }) => status === 'timed-out').map(({ task: name }) => name);
      ledger.expect(names.length === 0, `timed out: ${names.join(', ')}`);
      ledger.expect(outcomes.length === runnables.length + 1, 'a report is not of all');
      ended();
    });
    this.later(() => void app.stop());
  }

  private observed(): void {
    const { chance, ledger } = this;
    const [parent] = this.brief();
    const ended = ledger.begin('application');
    const runnables = chance.some(3, () => this.runnable());
    const expectOnce = this.doneOnce();
    let last: string | undefined;
    const subscription = orchestrate(runnables, { timeout: patient, parent }).subscribe({
      next: (event) => {
        last = event.type;
        expectOnce(event);
      },
      complete: () => {
        ledger.expect(last === 'shutdown', `an application ends with ${last}`);
        ended();
      },
    });
    if (chance.in(3)) {
      this.later(() => {
        if (!subscription.closed) ended();
        subscription.unsubscribe();
      });
    }
  }

  private context(): void {
    const { chance, ledger } = this;
    const [ctx, cancel] = withCancel(this.parent);
    const [child] = withCancel(ctx);
    const told = ledger.begin('cancel');
    child.cancelled$.subscribe(told);
    const subscriptions = chance.some(4, () =>
      chance.in(2) ? this.master.cancelled$.subscribe() : interval(3).pipe(untilCancelled(this.parent)).subscribe(),
    );
    for (const subscription of subscriptions) this.later(() => subscription.unsubscribe());
    const completed = ledger.begin('cancel');
    interval(3)
      .pipe(take(1000), untilCancelled(chance.in(2) ? child : child.signal))
      .subscribe({ complete: completed });
    const aborted = ledger.begin('cancel');
    child.signal.addEventListener('abort', aborted);
    this.later(cancel);
  }

  private timeout(): void {
    const { chance, ledger } = this;
    const ms = chance.below(100);
    const [ctx, cancel] = withTimeout(ms, this.parent);
    const told = ledger.begin('cancel');
    let ended = false;
    ctx.cancelled$.subscribe((cause) => {
      ledger.expect(ended === !(cause instanceof DeadlineError), `a timeout ends with ${String(cause)}`);
      told();
    });
    if (chance.in(2)) {
      this.later(() => {
        ended = true;
        cancel();
      });
    }
  }

  private signalled(): void {
    const { chance, ledger } = this;
    if (chance.in(3)) {
      this.emitter.emit(chance.of(signals));
      return;
    }
    const [ctx, cancel] = this.brief();
    const listened = signals.slice(chance.below(3));
    const runner = taskRunner(signalListener({ signals: listened, target: this.emitter }));
    let received: string | undefined;
    runner.results$.subscribe((signal) => (received = signal as string));
    runner.done$.subscribe(() => {
      const { cause } = ctx;
      const told = cause instanceof SignalError ? cause.signal : undefined;
      ledger.expect(told === received, `received ${received}, cancelled with ${told}`);
    });
    this.start(runner, ctx, cancel);
  }
}
