/** A message to all processes of a fleet. */
export type ControlMessage =
  /** The status of the fleet has changed. */
  | { readonly type: 'fleet' }
  /** A process follows the events of jobs. The fleet's status contains this, too. */
  | { readonly type: 'follow' }
  /** A queue has new jobs. */
  | { readonly type: 'work'; readonly queue: string }
  | { readonly type: 'cancel'; readonly queue: string; readonly job: string };

/** Whether a value has the fields of a control message. */
export function isControlMessage(value: unknown): value is ControlMessage {
  const { type, queue, job } = (value ?? {}) as Record<string, unknown>;
  return (
    type === 'fleet' ||
    type === 'follow' ||
    (typeof queue === 'string' && (type === 'work' || (type === 'cancel' && typeof job === 'string')))
  );
}
