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
import { listenerCount } from '../helpers/collect.js';
import type { SeededRandom } from './seeded-random.js';
import type { Ledger } from './ledger.js';
import { RandomTasks } from './random-tasks.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A deadline that only a hang exceeds. */
const generousTimeoutMs = 60_000;

/**
 * Random operations on the library. Each ends within about half a second. They all use the same context, signal and
 * emitter.
 */
export class Operations extends RandomTasks {
  private readonly controller = new AbortController();
  private readonly master: Context;
  /** Runners that are started many times. */
  private readonly reusedRunners: TaskRunner[];
  private readonly operations: (() => void)[] = [
    () => this.runTask(),
    () => this.restartTask(),
    () => this.subscribeToRunner(),
    () => this.runTree(),
    () => this.join(),
    () => this.joinWithOverrun(),
    () => this.future(),
    () => this.unhandledFuture(),
    () => this.launchApplication(),
    () => this.orchestrateApplication(),
    () => this.cancelContext(),
    () => this.timeOutContext(),
    () => this.listenToSignals(),
  ];

  constructor(random: SeededRandom, ledger: Ledger, master: Context) {
    super(random, ledger);
    this.master = master;
    this.emitter.setMaxListeners(0);
    this.reusedRunners = Array.from({ length: 8 }, () => taskRunner(this.leaf()));
  }

  runOne(): void {
    this.random.pick(this.operations)();
  }

  get listeners(): number {
    const { emitter, controller } = this;
    const each = emitter.eventNames().map((name) => emitter.listenerCount(name));
    return each.reduce((sum, count) => sum + count, getEventListeners(controller.signal, 'abort').length);
  }

  /** The number of listeners of the master and of the reused runners, with their `done$`, `results$` and `events$`. */
  get contextListeners(): number {
    const subjects = this.reusedRunners.flatMap((runner) => {
      const { results = {}, events = {} } = runner as { results?: object; events?: object };
      return [runner, results, events];
    });
    return [this.master, ...subjects].reduce((sum, subject) => sum + listenerCount(subject), 0);
  }

  private get parent(): Context | AbortSignal {
    return this.random.oneIn(3) ? this.controller.signal : this.master;
  }

  private runLater(callback: () => void, maxMs = 200): void {
    void this.sleep(this.random.integer(maxMs)).then(callback);
  }

  /** Creates a context that is cancelled soon. */
  private briefContext(): [Context, CancelFunc] {
    const { random } = this;
    const timeout = random.pick([undefined, undefined, 1 + random.integer(200), 60_000]);
    const pair = timeout === undefined ? withCancel(this.parent) : withTimeout(timeout, this.parent);
    this.runLater(() => pair[1](random.oneIn(2) ? new Error('enough') : undefined));
    return pair;
  }

  /** Starts a runner, and checks that it ends once, with the outcome of its stream. */
  private start(runner: TaskRunner, ctx: Context, cancel?: CancelFunc): Subscription {
    const { ledger } = this;
    const ended = ledger.begin('run');
    let notification: { error?: unknown } | undefined;
    let outcome: Outcome | undefined;
    const compare = () => {
      if (!notification || !outcome) return;
      const { status, error } = outcome;
      ledger.expect(['completed', 'cancelled', 'failed'].includes(status), `${outcome.task} is ${status}`);
      ledger.expect(
        (status === 'failed') === 'error' in notification,
        `${outcome.task} is ${status}, but its stream is not`,
      );
      ledger.expect(error === notification.error, `${outcome.task} and its stream have different errors`);
    };
    const subscription = runner.start(ctx, cancel).subscribe({
      error: (error: unknown) => {
        notification = { error };
        compare();
      },
      complete: () => {
        notification = {};
        compare();
      },
    });
    runner.done$.subscribe((result) => {
      ended();
      outcome = result;
      compare();
    });
    return subscription;
  }

  private runTask(): void {
    const [ctx, cancel] = this.briefContext();
    const runner = taskRunner(this.leaf());
    const subscription = this.start(runner, ctx, this.random.oneIn(2) ? cancel : undefined);
    if (this.random.oneIn(3)) this.runLater(() => subscription.unsubscribe());
  }

  private restartTask(): void {
    const runner = this.random.pick(this.reusedRunners);
    if (runner.status === 'idle' || runner.status === 'done') this.start(runner, ...this.briefContext());
    else {
      const refused = this.ledger.begin('refusal');
      runner.start().subscribe({ error: refused });
    }
  }

  /** Subscribes to a stream of a runner, and unsubscribes. The subscriber may throw. */
  private subscribeToRunner(): void {
    const { random, ledger } = this;
    const { events$, results$, done$, ready$ } = random.pick(this.reusedRunners);
    let throws = random.oneIn(4);
    const subscription = random.pick<Observable<unknown>>([events$, results$, done$, ready$]).subscribe(() => {
      if (!throws) return;
      throws = false;
      throw ledger.expectError('subscriber');
    });
    this.runLater(() => subscription.unsubscribe());
  }

  private runTree(): void {
    const [ctx, cancel] = this.briefContext();
    const runnable = this.runnable(3);
    const runner = isTaskRunner(runnable) ? runnable : taskRunner(runnable);
    const tree = this.random.oneIn(4) ? critical(runner) : runner;
    if (this.random.oneIn(2)) tree.events$.subscribe(this.expectDoneOnce());
    const subscription = this.start(tree, ctx, cancel);
    if (this.random.oneIn(4)) this.runLater(() => subscription.unsubscribe());
  }

  /** Checks that every run emits `done` once. */
  private expectDoneOnce(): (event: AppEvent) => void {
    const done = new Set<string>();
    return (event) => {
      if (event.type !== 'done') return;
      const run = `run ${event.runId} of ${event.task}`;
      this.ledger.expect(!done.has(run), `${run} is done twice`);
      done.add(run);
    };
  }

  private join(): void {
    const { random, ledger } = this;
    const [ctx, cancel] = this.briefContext();
    const runners = random.array(5, () => taskRunner(this.leaf()));
    for (const runner of runners) {
      if (random.oneIn(2)) launchRunner(ctx, cancel, runner);
      else this.start(runner, ctx, cancel);
    }
    const timeout = random.pick([generousTimeoutMs, random.integer(20)]);
    const pending = new Set(runners);
    const joined = ledger.begin('join');
    const subscription = joinAll(ctx, timeout, runners).subscribe({
      next: ({ runner, task, status }) => {
        ledger.expect(pending.delete(runner), `${task} is joined twice`);
        ledger.expect(status !== 'not-started', `${task} is ${status}`);
        ledger.expect(status !== 'timed-out' || timeout !== generousTimeoutMs, `${task} is ${status} of ${timeout} ms`);
      },
      complete: () => {
        ledger.expect(pending.size === 0, `${pending.size} are not joined`);
        joined();
      },
    });
    if (random.oneIn(4)) {
      this.runLater(() => {
        if (!subscription.closed) joined();
        subscription.unsubscribe();
      });
    }
  }

  /** Joins runners that never end: the deadline reports them. */
  private joinWithOverrun(): void {
    const { random, ledger } = this;
    const [ctx, cancel] = this.briefContext();
    const never = () => new Promise<never>(() => undefined);
    const runners = random.array(3, () =>
      taskRunner(
        task('endless', random.oneIn(2) ? { execute: never } : { execute: (run) => this.output(run), finalize: never }),
      ),
    );
    const joined = ledger.begin('join');
    let timedOut = 0;
    for (const runner of runners) launchRunner(ctx, cancel, runner);
    joinAll(ctx, random.integer(20), runners).subscribe({
      next: ({ status }) => (timedOut += status === 'timed-out' ? 1 : 0),
      complete: () => {
        ledger.expect(timedOut === runners.length, `${timedOut} of ${runners.length} endless runners are timed out`);
        joined();
      },
    });
  }

  private future(): void {
    const { random, ledger } = this;
    const result = future((ctx) => this.output(ctx), this.parent);
    const awaits = random.array(3, () => (random.oneIn(2) ? result.await(this.briefContext()[0]) : result.await()));
    for (const promise of [result.await(), ...awaits]) {
      const settled = ledger.begin('await');
      promise.then(settled, settled);
    }
    const subscription = result.subscribe({ error: () => undefined });
    if (random.oneIn(2)) this.runLater(() => subscription.unsubscribe());
    this.runLater(() => result.cancel(new Error('not needed')));
  }

  /** Creates a failing future without subscribers. */
  private unhandledFuture(): void {
    const error = this.ledger.expectError('future');
    future(() => Promise.reject(error), this.parent);
  }

  private launchApplication(): void {
    const { random, ledger } = this;
    const runnables = random.array(3, () => this.runnable());
    const ended = ledger.begin('application');
    const app = launch([...runnables, signalListener({ signals, target: this.emitter })], {
      timeout: generousTimeoutMs,
      onFailure: random.pick(['cancel', 'continue']),
      drainDelay: random.pick([0, random.integer(30)]),
      parent: this.parent,
      ...(random.oneIn(2) && { observer: this.expectDoneOnce() }),
    });
    app.ready$.subscribe();
    void app.then(({ outcomes }) => {
      const names = outcomes.filter(({ status }) => status === 'timed-out').map(({ task: name }) => name);
      ledger.expect(names.length === 0, `timed out: ${names.join(', ')}`);
      ledger.expect(outcomes.length === runnables.length + 1, 'a report does not have all outcomes');
      ended();
    });
    this.runLater(() => void app.stop());
  }

  private orchestrateApplication(): void {
    const { random, ledger } = this;
    const [parent] = this.briefContext();
    const ended = ledger.begin('application');
    const runnables = random.array(3, () => this.runnable());
    const expectOnce = this.expectDoneOnce();
    let last: string | undefined;
    const subscription = orchestrate(runnables, { timeout: generousTimeoutMs, parent }).subscribe({
      next: (event) => {
        last = event.type;
        expectOnce(event);
      },
      complete: () => {
        ledger.expect(last === 'shutdown', `an application ends with ${last}`);
        ended();
      },
    });
    if (random.oneIn(3)) {
      this.runLater(() => {
        if (!subscription.closed) ended();
        subscription.unsubscribe();
      });
    }
  }

  private cancelContext(): void {
    const { random, ledger } = this;
    const [ctx, cancel] = withCancel(this.parent);
    const [child] = withCancel(ctx);
    const notified = ledger.begin('cancel');
    child.cancelled$.subscribe(notified);
    const subscriptions = random.array(4, () =>
      random.oneIn(2) ? this.master.cancelled$.subscribe() : interval(3).pipe(untilCancelled(this.parent)).subscribe(),
    );
    for (const subscription of subscriptions) this.runLater(() => subscription.unsubscribe());
    const completed = ledger.begin('cancel');
    interval(3)
      .pipe(take(1000), untilCancelled(random.oneIn(2) ? child : child.signal))
      .subscribe({ complete: completed });
    const aborted = ledger.begin('cancel');
    child.signal.addEventListener('abort', aborted);
    this.runLater(cancel);
  }

  private timeOutContext(): void {
    const { random, ledger } = this;
    const ms = random.integer(100);
    const [ctx, cancel] = withTimeout(ms, this.parent);
    const notified = ledger.begin('cancel');
    let ended = false;
    ctx.cancelled$.subscribe((cause) => {
      ledger.expect(ended === !(cause instanceof DeadlineError), `a timeout ends with ${String(cause)}`);
      notified();
    });
    if (random.oneIn(2)) {
      this.runLater(() => {
        ended = true;
        cancel();
      });
    }
  }

  private listenToSignals(): void {
    const { random, ledger } = this;
    if (random.oneIn(3)) {
      this.emitter.emit(random.pick(signals));
      return;
    }
    const [ctx, cancel] = this.briefContext();
    const listened = signals.slice(random.integer(3));
    const runner = taskRunner(signalListener({ signals: listened, target: this.emitter }));
    let received: string | undefined;
    runner.results$.subscribe((signal) => (received = signal as string));
    runner.done$.subscribe(() => {
      const { cause } = ctx;
      const signal = cause instanceof SignalError ? cause.signal : undefined;
      ledger.expect(signal === received, `received ${received}, cancelled with ${signal}`);
    });
    this.start(runner, ctx, cancel);
  }
}
