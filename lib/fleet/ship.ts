import type { Call } from './call.js';
import type { Channel } from './channel.js';
import type { Connection } from './connection.js';
import type { FleetRow } from './fleet-row.js';
import type { JobEvents } from './job-events.js';
import type { MasterCancel } from './master-cancel.js';
import type { Results } from './results.js';

/** One process of a fleet: what its queues and workers share. */
export interface Ship {
  readonly name: string;
  readonly connection: Connection;
  readonly calls: Channel<Call>;
  readonly row: FleetRow;
  readonly events: JobEvents;
  readonly results: Results;
  readonly master: MasterCancel;
  /** Without a sign of life for so long, in ms, a process has lost its jobs. */
  readonly heartbeat: number;
}
