/**
 * Contexts, tasks and their runners, futures, crons, supervision, groups, and the application that ends them all in time.
 *
 * @module rxjs-tasks
 */

// Errors
export {
  AlreadyRunningError,
  CancelledError,
  DeadlineError,
  RestartLimitError,
  SignalError,
  TaskError,
  type Phase,
} from './errors/errors.js';

// Context
export { background, untilCancelled, withCancel, withTimeout, type CancelFunc, type Context } from './context/context.js';

// Task
export {
  isSimpleTask,
  isTask,
  task,
  type RunContext,
  type SimpleTask,
  type Task,
  type TaskDefinition,
  type TaskOutput,
  type TaskStream,
} from './task/task.js';

// Runner
export type { Outcome, TaskEvent, TaskEventDetail, TaskRunner } from './task/types.js';
export { isTaskRunner, taskRunner, type Runnable } from './task/runner.js';

// Future
export { future, type Future } from './future/future.js';

// Cron
export { cron, type Coordinator, type CronOptions } from './cron/cron.js';
export { nextRuns, type Schedule } from './cron/schedule.js';

// Supervision and groups
export { critical, supervise, type SuperviseOptions } from './supervision/supervise.js';
export { ordered, parallel, type ResultOf } from './group/group.js';
export { snapshot, type Snapshot } from './task/snapshot.js';

// Signals
export { signalListener, type SignalListenerOptions, type SignalTarget } from './app/signal-listener.js';

// Join
export { joinAll, launchRunner } from './app/join.js';

// Application
export { orchestrate, type AppEvent, type Instrument, type OrchestrateOptions, type RunEnd } from './app/orchestrate.js';
export { ShutdownReport } from './app/report.js';
export { launch, type Application, type LaunchOptions } from './app/launch.js';
export { runMain, type RunMainOptions } from './app/run-main.js';
