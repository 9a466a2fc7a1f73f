import type { Observable } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { Context, RunContext, RunEnd, RunHooks } from '../context/types.js';
import type { TaskRunner } from '../task/types.js';
import type { NotReadyTask } from './not-ready-tasks.js';
import type { AppEvent } from './types.js';

/** An application as its own tasks see it. */
export interface ApplicationInfo {
  readonly runners: readonly TaskRunner[];
  /** Longest time that all tasks together may take to end after the cancel, in ms. */
  readonly timeout: number;
  /** Whether all tasks are ready and no stop has been requested. */
  readonly ready: boolean;
  /** Whether a stop has been requested, and the tasks continue for the `drainDelay`. */
  readonly draining: boolean;
  /** The tasks that the application waits for to be ready. */
  readonly notReady: readonly NotReadyTask[];
  readonly events$: Observable<EmittedEvent>;
  /** Emits the events of the application itself. Without it, the application would have to deliver all others, too. */
  readonly stopEvents$: Observable<AppEvent>;
  /** The ends of runs, the runs of a cron's slots included. Without a subscriber no end is reported. */
  readonly runEnds$: Observable<EndedRun>;
}

/** An event, and the run whose event it is. Those of the application itself have none. */
export interface EmittedEvent {
  readonly event: AppEvent;
  readonly run: RunContext | undefined;
}

/** The end of a run, and the run. */
export interface EndedRun {
  readonly run: RunContext;
  readonly end: RunEnd;
}

const applications = new WeakMap<RunHooks, ApplicationInfo>();

/** Makes an application available to {@link applicationOf} for all contexts with these hooks. */
export function registerApplication(hooks: RunHooks, application: ApplicationInfo): void {
  applications.set(hooks, application);
}

/** Returns the application that a context belongs to. */
export function applicationOf(ctx: Context | AbortSignal): ApplicationInfo | undefined {
  const { runHooks } = toContext(ctx);
  return runHooks && applications.get(runHooks);
}
