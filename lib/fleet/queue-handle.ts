import type { FleetServices } from './fleet-services.js';
import type { QueuePolicy } from './queue-policy.js';

/** A queue, as its workers see it. */
export interface QueueHandle {
  readonly name: string;
  readonly policy: QueuePolicy;
  readonly services: FleetServices;
  /** Creates the queue in the database, once. */
  open(): Promise<void>;
}
