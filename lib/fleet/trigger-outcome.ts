import type { SlotOutcome } from '../task/types.js';
import type { JobFailure } from './errors.js';
import { toJobFailure } from './job-failure.js';
import { toJsonbText } from './jsonb.js';

/** The outcome of a run that `fleet.trigger` has started, in this process or another one. */
export interface TriggerOutcome {
  /** The name of the process that has run the cron. */
  readonly holder: string;
  /**
   * The result. A run that was dropped is `skipped`. A run is `lost` if its process has given no sign of life for 10 s:
   * nothing else is known of it, and it is not repeated.
   */
  readonly status: SlotOutcome['status'] | 'lost';
  /** The reason for which the run was skipped: the `reason` of its event. */
  readonly reason?: string;
  /** The error that the run has failed with. */
  readonly failure?: JobFailure;
  /** The time at which the run started, in ms by the clock of its process. */
  readonly startedAt?: number;
  /** The time at which the run ended, in ms by the clock of its process. */
  readonly endedAt?: number;
}

/** The maximum length of a reason. */
const maxReasonLength = 1000;

const statuses: readonly unknown[] = ['completed', 'failed', 'cancelled', 'skipped'] satisfies SlotOutcome['status'][];

/** Returns the JSON of an outcome, which {@link readTriggerOutcome} reads. */
export function writeTriggerOutcome({ status, reason, error, startedAt, endedAt }: SlotOutcome): string {
  return JSON.stringify({
    status,
    reason: reason === undefined ? undefined : toJsonbText(reason, maxReasonLength),
    failure: error && toJobFailure(error.cause),
    startedAt,
    endedAt,
  });
}

/** Reads an outcome that a process has stored. One that is missing, or that another program has written, is `lost`. */
export function readTriggerOutcome(holder: string | null, stored: unknown): TriggerOutcome {
  const { status } = Object(stored) as { readonly status?: unknown };
  const outcome = statuses.includes(status) ? (stored as Omit<TriggerOutcome, 'holder'>) : { status: 'lost' as const };
  return { ...outcome, holder: holder ?? 'unknown' };
}
