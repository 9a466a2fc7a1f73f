/**
 * Crons, queues and one cancel among processes, through a PostgreSQL.
 *
 * @module rxjs-tasks/fleet
 */

export { connectFleet, type FleetOptions } from './connect-fleet.js';
export type { Fleet } from './fleet.js';
export { every } from './every.js';
export type { DeadLetter, Queue, QueueOptions, SubmitOptions } from './queue.js';
export type { Job, JobHandler, WorkerOptions } from './job.js';
export type { FleetEvent, JobEvent, JobEventDetail } from './job-event.js';
export type { CronState, FleetMember, FleetState, QueueState } from './fleet-state.js';
export {
  DirectoryInUseError,
  FleetCancelledError,
  FleetConnectionError,
  FleetVersionError,
  JobCancelledError,
  JobError,
  JobLostError,
  type JobFailure,
} from './errors.js';
