/**
 * Crons, queues and one cancel that many processes share, on a PostgreSQL.
 *
 * @module rxjs-tasks/fleet
 */

export { connectFleet } from './connect-fleet.js';
export type { FleetOptions } from './fleet-options.js';
export type { PgConnectionOptions, PgPool } from './pg-types.js';
export type {
  CronState,
  EndedJobs,
  Fleet,
  FleetEvent,
  FleetMember,
  FleetState,
  PausedCron,
  QueueState,
} from './types.js';
export { fleetSql, installFleet, type FleetSqlOptions, type InstallOptions } from './install-fleet.js';
export type { TriggerOutcome } from './trigger-outcome.js';
export { every } from './every.js';
export type {
  DeadLetter,
  EnqueueOptions,
  GroupState,
  Job,
  JobEvent,
  JobEventDetail,
  JobHandler,
  JobsFilter,
  JobState,
  Queue,
  QueryClient,
  QueueOptions,
  SubmitOptions,
  WorkerOptions,
} from './queue-types.js';
export {
  DirectoryInUseError,
  FleetCancelledError,
  FleetConnectionError,
  FleetSchemaError,
  FleetVersionError,
  JobCancelledError,
  JobDeletedError,
  JobError,
  JobLostError,
  QueueFullError,
  UnrecoverableError,
  type JobFailure,
} from './errors.js';
