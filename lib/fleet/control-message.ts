import { isJobId, isQueueName } from './message-fields.js';

/** A message to all processes of a fleet. It is a hint: the receiver reads the facts from the tables. */
export type ControlMessage =
  /** The status of the fleet has changed. */
  | { readonly type: 'fleet' }
  /** A process follows the events of jobs. The fleet's status contains this, too. */
  | { readonly type: 'follow' }
  /** A queue has new jobs. */
  | { readonly type: 'work'; readonly queue: string }
  | { readonly type: 'cancel'; readonly queue: string; readonly job: string };

/** Parses a control message. Any role that may connect can send one. Returns undefined for anything else. */
export function parseControlMessage(value: unknown): ControlMessage | undefined {
  const { type, queue, job } = Object(value) as Record<string, unknown>;
  if (type === 'fleet' || type === 'follow') return { type };
  if (!isQueueName(queue)) return undefined;
  if (type === 'work') return { type, queue };
  if (type === 'cancel' && isJobId(job)) return { type, queue, job };
  return undefined;
}
