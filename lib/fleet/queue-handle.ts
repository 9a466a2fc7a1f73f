import type { FleetServices } from './fleet-services.js';
import type { QueuePolicy } from './queue-policy.js';

/** The part of a queue that its workers use. */
export interface QueueHandle {
  readonly name: string;
  readonly policy: QueuePolicy;
  readonly services: FleetServices;
  /** Creates the queue in the database, once. */
  open(): Promise<void>;
}
