import type { Connection } from './connection.js';
import type { MasterCancel } from './master-cancel.js';
import type { Messages } from './messages.js';
import type { Results } from './results.js';

/** One process of a fleet: what its queues and workers share. */
export interface Ship {
  readonly name: string;
  readonly connection: Connection;
  readonly messages: Messages;
  readonly results: Results;
  readonly master: MasterCancel;
  /** Without a sign of life for so long, in ms, a process has lost its jobs. */
  readonly heartbeat: number;
}
