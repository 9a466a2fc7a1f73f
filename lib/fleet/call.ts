/** What all processes have to heed. */
export type Call =
  /** The row of the fleet has changed. */
  | { readonly type: 'fleet' }
  /** Someone follows what happens to jobs, as its row says, too. */
  | { readonly type: 'follow' }
  /** There is work in a queue. */
  | { readonly type: 'work'; readonly queue: string }
  | { readonly type: 'cancel'; readonly queue: string; readonly job: string };

/** Whether something can be one: what is read of it is there. */
export function isCall(value: unknown): value is Call {
  const { type, queue, job } = (value ?? {}) as Record<string, unknown>;
  return (
    type === 'fleet' ||
    type === 'follow' ||
    (typeof queue === 'string' && (type === 'work' || (type === 'cancel' && typeof job === 'string')))
  );
}
