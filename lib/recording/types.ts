import type { AppEvent } from '../app/types.js';
import type { Phase } from '../errors/errors.js';
import type { Outcome, SlotHistory } from '../task/types.js';

/** Events of an application, as JSON can store them. */
export interface Recording {
  readonly version: 1;
  /** Time at which the recording began, in ms since 1970. */
  readonly from: number;
  readonly events: readonly RecordedEvent[];
  /** Number of older events that were dropped. */
  readonly dropped: number;
}

/** An `AppEvent` with its time, as JSON can store it. A scenario also records values, signals and readiness. */
export interface RecordedEvent {
  readonly type: AppEvent['type'] | 'value' | 'signal' | 'readiness';
  readonly at: number;
  readonly task?: string;
  readonly runId?: number;
  readonly slot?: number;
  readonly count?: number;
  readonly lateBy?: number;
  readonly reason?: string;
  readonly restart?: number;
  readonly delay?: number;
  readonly phase?: Phase;
  readonly option?: string;
  readonly key?: string;
  readonly by?: string;
  readonly action?: string;
  readonly target?: string;
  readonly nextAt?: number;
  readonly error?: RecordedError;
  readonly cause?: RecordedError;
  readonly outcome?: RecordedOutcome;
  readonly outcomes?: readonly RecordedOutcome[];
  readonly clean?: boolean;
  /** The failures of a report: errors outside the tasks. */
  readonly failures?: readonly RecordedError[];
  /** The number of errors beyond these. */
  readonly moreFailures?: number;
  readonly durationMs?: number;
  /** Letter of a value. */
  readonly mark?: string;
  readonly signal?: NodeJS.Signals;
  readonly ready?: boolean;
}

/** An error, or any other value that was thrown. */
export interface RecordedError {
  readonly name: string;
  readonly message: string;
  readonly task?: string;
  readonly phase?: Phase;
  readonly signal?: NodeJS.Signals;
}

/** An `Outcome` with the outcomes of its members. */
export interface RecordedOutcome {
  readonly task: string;
  readonly status: Outcome['status'];
  readonly error?: RecordedError;
  /** The hook that was running when the run timed out. */
  readonly phase?: Phase;
  /** The number of runs that were started under the run's context, and of those that failed. */
  readonly children?: { readonly started: number; readonly failed: number };
  /** The slots of a cron so far. */
  readonly slots?: Omit<SlotHistory, 'last'>;
  readonly members?: readonly RecordedOutcome[];
}
