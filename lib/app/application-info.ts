import type { Observable } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { Context, RunHooks } from '../context/types.js';
import type { TaskRunner } from '../task/types.js';
import type { AppEvent } from './types.js';

/** The application that a task is part of, as its tasks can see it. */
export interface ApplicationInfo {
  readonly runners: readonly TaskRunner[];
  /** How long all tasks together may take to end after the cancel, in ms. */
  readonly timeout: number;
  /** Whether all tasks are ready and no stop has been requested. */
  readonly ready: boolean;
  readonly events$: Observable<AppEvent>;
}

const applications = new WeakMap<RunHooks, ApplicationInfo>();

/** Makes an application known to the contexts that have its hooks. */
export function registerApplication(hooks: RunHooks, application: ApplicationInfo): void {
  applications.set(hooks, application);
}

/** Returns the application that a context belongs to. */
export function applicationOf(ctx: Context | AbortSignal): ApplicationInfo | undefined {
  const { runHooks } = toContext(ctx);
  return runHooks && applications.get(runHooks);
}
