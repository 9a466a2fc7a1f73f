import type { FleetConnectionError, JobFailure } from './errors.js';

/** What happens to a job, in whichever process, as it happens. They come by the way as hints: a process that is cut off misses some. */
export type JobEvent = {
  readonly queue: string;
  readonly job: string;
  /** In ms since 1970, by the clock of the process that tells. */
  readonly at: number;
  /** The name of that process. */
  readonly by: string;
} & JobEventDetail;

/** What each type of {@link JobEvent} says beyond its job, time and process. */
export type JobEventDetail =
  | { readonly type: 'submitted' }
  /** Its `attempt`th run begins, from 1. */
  | { readonly type: 'started'; readonly attempt: number }
  /** What its handler has told of how far it is. */
  | { readonly type: 'progress'; readonly attempt: number; readonly progress: unknown }
  /** The attempt failed, and another comes. */
  | { readonly type: 'retrying'; readonly attempt: number; readonly failure: JobFailure }
  /** Without an `output` when that is too long for a message. */
  | { readonly type: 'completed'; readonly attempt: number; readonly output?: { readonly value?: unknown } }
  /** The last attempt failed. */
  | { readonly type: 'failed'; readonly attempt: number; readonly failure: JobFailure }
  /** The attempt's job was no longer this process's: what it has yielded was dropped. */
  | { readonly type: 'lost'; readonly attempt: number }
  | { readonly type: 'cancelled' };

/** What happens to a fleet as this process sees it. */
export type FleetEvent =
  | JobEvent
  /** The database is out of reach; whatever is asked of it waits. */
  | { readonly type: 'disconnected'; readonly at: number; readonly error: FleetConnectionError }
  | { readonly type: 'reconnected'; readonly at: number }
  /** The master cancel has reached this process. */
  | { readonly type: 'fleet-cancelled'; readonly at: number; readonly cause: unknown }
  /** The master cancel was taken back. */
  | { readonly type: 'fleet-resumed'; readonly at: number };
