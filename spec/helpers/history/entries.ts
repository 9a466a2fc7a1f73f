/** The calls of a queue that change one job. */
export type JobCall = 'cancel' | 'remove' | 'promote' | 'retry';

/** A job that the database has acknowledged, as it was asked for. */
export interface AcknowledgedJob {
  readonly job: string;
  readonly queue: string;
  /** The input. It is discarded if another job has the key. */
  readonly n: number;
  /** The time of the call, in ms since 1970. */
  readonly since: number;
  readonly key?: string;
  readonly keyWindow?: number;
  /** The earliest time of the first attempt, in ms since 1970. */
  readonly due?: number;
}

/** An action of a process, or an action on it. The entries of a process are in their order. */
export type HistoryEntry =
  | ({ readonly type: 'enqueued' } & AcknowledgedJob)
  | { readonly type: 'started'; readonly job: string; readonly attempt: number }
  /** A worker has reported a result as stored. */
  | { readonly type: 'completed'; readonly job: string; readonly attempt: number; readonly value: unknown }
  /** A worker has reported a failed attempt as stored. Another attempt follows. */
  | { readonly type: 'retrying'; readonly job: string; readonly attempt: number }
  | { readonly type: 'failed'; readonly job: string; readonly error: string }
  /** A worker has reported that the attempt no longer belonged to it. */
  | { readonly type: 'lost'; readonly job: string; readonly attempt: number }
  /** A submitter has received a result, or an error instead. */
  | { readonly type: 'result'; readonly job: string; readonly value: unknown }
  | { readonly type: 'refused'; readonly job: string; readonly error: string }
  /** A call was sent, which may have no answer, and its answer. */
  | { readonly type: 'called'; readonly call: JobCall; readonly job: string }
  | { readonly type: 'answered'; readonly call: JobCall; readonly job: string; readonly done: boolean }
  | { readonly type: 'pausing' | 'paused' | 'resuming' | 'resumed'; readonly queue: string }
  /** Jobs were inserted together with their orders, within a transaction that has not ended. */
  | { readonly type: 'ordered'; readonly jobs: readonly string[] }
  | { readonly type: 'rolled-back'; readonly jobs: readonly string[] }
  | { readonly type: 'slot'; readonly slot: number }
  | { readonly type: 'slot-ended'; readonly slot: number }
  | { readonly type: 'disconnected' | 'reconnected' }
  | { readonly type: 'degraded'; readonly what: string }
  /** An error that nobody has handled, or that was written on the console. */
  | { readonly type: 'unhandled' | 'written'; readonly error: string }
  /** The process got no processor since a time, so that it could keep no time limit. */
  | { readonly type: 'stalled'; readonly since: number }
  /** The process begins its stop. Its attempts are given back. */
  | { readonly type: 'closing' }
  | { readonly type: 'killed' };

/** An entry with its time, in ms since 1970, and the name of its process. */
export type RecordedEntry = HistoryEntry & { readonly at: number; readonly by: string };
