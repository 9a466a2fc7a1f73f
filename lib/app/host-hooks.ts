import type { Observable } from 'rxjs';
import type { Context } from '../context/types.js';
import type { NotReadyTask } from './not-ready-tasks.js';

/** The hooks through which the host of an application, such as the process, interacts with it. */
export interface HostHooks {
  /** Failures of the host. Each stops the application, even if `onFailure` is `'continue'`. */
  readonly hostFailures$?: Observable<unknown>;
  /** Whether the subscriber of the application uses the events of tasks. Default: `true`. */
  readonly usesTaskEvents?: boolean;
  /** A context whose cancel asks the application to stop, in addition to the parent. */
  readonly stopContext?: Context;
  /** Whether a request to stop waits for the `drainDelay`. Default: `true`. */
  shouldDrain?(cause: unknown): boolean;
  /** Called at each request to stop, a failure included. */
  onStopRequest?(cause: unknown): void;
  /** Called when a change occurs in whether all tasks are ready and no stop is requested. */
  onReadyChange?(ready: boolean): void;
  /** Called once, with the tasks that are not ready 10 s after the start. */
  onSlowStart?(tasks: readonly NotReadyTask[]): void;
  /** Called once, if the tasks have not all ended 5 s after the cancel. */
  onSlowStop?(): void;
}
