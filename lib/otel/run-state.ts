import type { Context, Span, SpanContext } from '@opentelemetry/api';
import type { RunContext, RunEnd } from '../context/types.js';
import type { Phase } from '../errors/errors.js';

/** The data of telemetry about a run. */
export class RunState {
  /** Whether the run is counted, at its first hook. A supervisor has no hooks. */
  counted = false;
  /** The hook that was called last. */
  phase: Phase | undefined = undefined;
  /** The context of the run's hooks, and the parent context of its children. */
  context: Context | undefined = undefined;
  /** A supervisor's run has none: it reports its child's runs as its own. */
  span: Span | undefined = undefined;
  /** Whether the failure of the run is counted. */
  failed = false;
  /** The number of a supervisor's last restart, and the span of its previous run. */
  restarts: { count?: number; previousRun?: SpanContext } | undefined = undefined;
  /** The spans of the running slots of a cron; `undefined` for a slot that several of them have. */
  slots: Map<number, Span | undefined> | undefined = undefined;
}

/** A run with the states that {@link RunStates} have stored in it. */
type RunWithStates = RunContext & Record<symbol, RunState | undefined>;

/** Returns the time of a run's start, in ms. */
export function startedAt(run: RunContext): number {
  // Every run with hooks has it, and another reading of the clock would cost as much as all that is done here.
  return (run as RunContext & Pick<RunEnd, 'startedAt'>).startedAt;
}

/** The states of runs. They are kept by run, because a task name and a run id may not be unique. */
export class RunStates {
  // A property of the run, because the garbage collector needs more time for an entry of a WeakMap than a run takes.
  private readonly key = Symbol('rxjs-tasks/otel');

  get(run: RunContext): RunState | undefined {
    return (run as RunWithStates)[this.key];
  }

  getOrCreate(run: RunContext): RunState {
    return ((run as RunWithStates)[this.key] ??= new RunState());
  }
}
