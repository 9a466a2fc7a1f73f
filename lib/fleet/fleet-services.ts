import type { ControlMessage } from './control-message.js';
import type { CronPauses } from './cron-pauses.js';
import type { Dependents } from './dependents.js';
import type { FleetDatabase } from './fleet-database.js';
import type { Heartbeats } from './heartbeats.js';
import type { JobEventChannel } from './job-event-channel.js';
import type { JobResults } from './job-results.js';
import type { JobStore } from './job-store.js';
import type { MasterCancel } from './master-cancel.js';
import type { NotifyChannel } from './notify-channel.js';
import type { StatusPoller } from './status-poller.js';
import type { TriggerCalls } from './trigger-calls.js';

/** The services that the queues and workers of one process share. */
export interface FleetServices {
  /** The name of this process. */
  readonly name: string;
  readonly database: FleetDatabase;
  readonly jobs: JobStore;
  readonly heartbeats: Heartbeats;
  readonly control: NotifyChannel<ControlMessage>;
  readonly poller: StatusPoller;
  readonly events: JobEventChannel;
  readonly results: JobResults;
  readonly dependents: Dependents;
  readonly master: MasterCancel;
  readonly pauses: CronPauses;
  readonly triggers: TriggerCalls;
  /** The time without a heartbeat after which a process has lost its jobs, in ms. */
  readonly heartbeatTimeoutMs: number;
}
