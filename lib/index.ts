/**
 * Contexts, tasks, runners, futures, crons, supervision, groups, and applications with a bounded shutdown.
 *
 * @module rxjs-tasks
 */

// Errors
export {
  AlreadyRunningError,
  CancelledError,
  DeadlineError,
  NotRunningError,
  RestartLimitError,
  SignalError,
  TaskError,
  type Phase,
} from './errors/errors.js';

// Context
export { background, untilCancelled, withCancel, withTimeout } from './context/context.js';
export type { CancelFunc, Context } from './context/types.js';

// Task
export { isSimpleTask, isTask } from './task/is-task.js';
export { task, type TaskDefinition, type TaskOf, type TaskWork } from './task/task.js';
export type { RunContext, RunJob } from './context/types.js';
export type { TraceFields } from './context/trace-fields.js';
export type { SimpleTask, Task, TaskOutput, TaskStream } from './task/types.js';

// Runner
export type { Outcome, SlotHistory, SlotOutcome, TaskEvent, TaskEventDetail, TaskRunner } from './task/types.js';
export { isTaskRunner, taskRunner, type Runnable } from './task/runner.js';

// Future
export { future, type Future } from './future/future.js';

// Cron
export { cron } from './cron/cron.js';
export type { AskedBy, ByWhom } from './task/by-whom.js';
export type { NextRunsOptions, RescheduleOptions } from './cron/cron-control.js';
export type { CronRunner } from './cron/cron-runner.js';
export type { Coordinator, PauseState, TriggerRequest } from './cron/coordinator.js';
export type { CronOptions } from './cron/cron-options.js';
export { nextRuns, type Schedule } from './cron/schedule.js';

// Supervision and groups
export { supervise, type SupervisedRunner } from './supervision/supervise.js';
export { critical, type CriticalOptions } from './supervision/critical.js';
export { optional } from './supervision/optional.js';
export type { SuperviseOptions } from './supervision/supervise-options.js';
export { dynamic, type DynamicGroup, type DynamicOptions } from './group/dynamic.js';
export { ordered, parallel, type ResultOf } from './group/group.js';
export { snapshot, type Snapshot } from './task/snapshot.js';

// Signals
export { signalListener, type SignalListenerOptions } from './app/signal-listener.js';
export type { SignalTarget } from './app/signals.js';

// Join
export { joinAll, launchRunner } from './app/join.js';

// Application
export { orchestrate } from './app/orchestrate.js';
export type { AppEvent, Instrumentation, OrchestrateOptions } from './app/types.js';
export type { RunEnd } from './context/types.js';
export { ShutdownReport } from './app/report.js';
export { launch, type Application, type LaunchOptions } from './app/launch.js';
export { runMain, type RunMainOptions } from './app/run-main.js';
