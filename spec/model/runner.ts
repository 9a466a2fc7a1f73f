import type { Context } from './context.js';
import { Run } from './run.js';
import type { ModelWorld } from './model-world.js';
import type { RestartListener } from './supervise.js';
import type { Parent, Outcome, Status, TaskHooks } from './types.js';

/** The model of a TaskRunner. It has one run at a time. */
export class Runner {
  readonly world: ModelWorld;
  readonly hooks: TaskHooks;
  status: Status = 'idle';
  /** Whether the run is or was ready; `undefined` for as long as it may become ready. */
  ready: boolean | undefined = undefined;
  outcome: Outcome | undefined = undefined;
  run: Run | undefined = undefined;
  /** The number of starts. */
  starts = 0;
  /** The number of runs that were neither members nor children of another. */
  ownRuns = 0;
  /** Whether there is a listener of the events of the roots. */
  observed = true;
  /** Whether the runner is a root, and not one that a task starts. */
  isRoot = true;
  /** Receives the events instead of all other subscribers. */
  onEvent: ((event: string, error?: unknown) => void) | undefined = undefined;
  onResult: ((value: string) => void) | undefined = undefined;
  /** Restarts a supervised task. */
  restart: ((listener: RestartListener) => void) | undefined = undefined;
  private listeners: { ready: ((ready: boolean) => void)[]; done: ((outcome: Outcome) => void)[] } = {
    ready: [],
    done: [],
  };

  constructor(world: ModelWorld, hooks: TaskHooks) {
    this.world = world;
    this.hooks = hooks;
  }

  start(parentCtx: Context, parent: Parent, cancelApp?: (cause: unknown) => void): Run | undefined {
    // «One run at a time»
    if (this.run) {
      parent.onStartFailed('AlreadyRunningError');
      return undefined;
    }
    this.outcome = undefined;
    this.ready = undefined;
    this.starts++;
    this.run = new Run(this, parentCtx, parent, cancelApp);
    const { run } = this;
    run.start();
    return run;
  }

  /** Both `ready$` and `done$` refer to the current run, or else the last one, or else the next. */
  onReady(listener: (ready: boolean) => void): void {
    if (this.ready !== undefined) listener(this.ready);
    else this.listeners.ready.push(listener);
  }

  /** Returns a function that unsubscribes. */
  onDone(listener: (outcome: Outcome) => void): () => void {
    if (this.outcome) listener(this.outcome);
    else this.listeners.done.push(listener);
    return () => (this.listeners.done = this.listeners.done.filter((other) => other !== listener));
  }

  setReady(ready: boolean): void {
    this.ready = ready;
    for (const listener of this.listeners.ready.splice(0)) listener(ready);
  }

  /** Stops waiting for the run. Returns the outcome at the first call. */
  abandon(): Outcome {
    // A runner that has just ended has no run, even if the join was notified of its end before.
    return this.run?.abandon() ?? this.outcome ?? { task: this.hooks.name, status: 'timed-out' };
  }

  end(run: Run, outcome: Outcome): void {
    const { ready, done } = this.listeners;
    this.listeners = { ready: [], done: [] };
    this.outcome = outcome;
    this.ready = run.wasReady;
    this.status = 'done';
    this.run = undefined;
    if (!run.parent.reportsEnd) run.emit(`done ${outcome.status}`);
    // A failure after an unsubscribe is written with `console.error` unless `done$` has a subscriber.
    if (!run.observed && outcome.error && done.length === 0 && run.parent.unsubscribed) run.writeError(outcome.error);
    for (const listener of ready) listener(false);
    for (const listener of done) listener(outcome);
  }
}
