import type { RunEnd } from '../../context/types.js';
import type { TaskError } from '../../errors/errors.js';
import { toRecordedError } from '../../recording/to-recorded.js';
import type { RecordedError } from '../../recording/types.js';
import { plainHeadline } from '../../util/describe-error.js';
import { stackTrace } from '../../util/error-causes.js';
import { isError } from '../../util/error-parts.js';
import { hiddenError } from './job-messages.js';
import { printable } from '../../util/printable.js';

/** A run that has ended. */
export interface EndedRunState {
  readonly status: RunEnd['status'];
  /** In ms since 1970. */
  readonly startedAt: number;
  /** In ms since 1970. */
  readonly endedAt: number;
}

/** The error of a run that has failed. */
export interface FailureState extends RecordedError {
  /** The end of the run, in ms since 1970. */
  readonly at: number;
  /** The name and the message of the error, and the stacks of its causes; without a cause, its own stack. */
  readonly stack: string;
}

/** The number of runs that are kept. */
const maxRuns = 50;
const maxStackLength = 10_000;
const statuses: readonly RunEnd['status'][] = ['completed', 'cancelled', 'failed', 'timed-out'];

/** The last runs of one path. They are stored as numbers, because many long-lived objects would slow the collector. */
export class RunLog {
  /** The number of runs that have ended. */
  runs = 0;
  failures = 0;
  lastEnd = 0;
  private readonly startTimes = new Float64Array(maxRuns);
  private readonly endTimes = new Float64Array(maxRuns);
  private readonly statuses = new Uint8Array(maxRuns);
  private lastFailure: FailureState | undefined = undefined;
  /** The end that `lastFailure` is read from later, because a stack is costly to read. */
  private unread: RunEnd | undefined = undefined;
  private isHidden = false;

  /** @param isHidden whether the message and the stack of its error may be personal. */
  add(end: RunEnd, isHidden: boolean): void {
    const { status, startedAt, at } = end;
    const index = this.runs++ % maxRuns;
    this.startTimes[index] = startedAt;
    this.endTimes[index] = this.lastEnd = at;
    this.statuses[index] = statuses.indexOf(status);
    if (status === 'failed' || status === 'timed-out') this.failures++;
    if (!end.error) return;
    this.unread = end;
    this.isHidden = isHidden;
  }

  /** Reads the last error, which may refer to anything and would keep it in memory. */
  readError(): void {
    const { unread } = this;
    this.unread = undefined;
    if (!unread?.error) return;
    const { error, at } = unread;
    const recorded = toRecordedError(error);
    if (this.isHidden) {
      const hidden = hiddenError(recorded);
      this.lastFailure = { ...hidden, at, stack: `${hidden.name}: ${hidden.message}` };
    } else this.lastFailure = { ...recorded, at, stack: stackOf(error).slice(0, maxStackLength) };
  }

  get lastError(): FailureState | undefined {
    this.readError();
    return this.lastFailure;
  }

  /** The last runs, the oldest first. */
  get lastRuns(): readonly EndedRunState[] {
    const first = Math.max(0, this.runs - maxRuns);
    return Array.from({ length: this.runs - first }, (_, offset) => {
      const index = (first + offset) % maxRuns;
      return {
        status: statuses[this.statuses[index] ?? 0] ?? 'completed',
        startedAt: this.startTimes[index] ?? 0,
        endedAt: this.endTimes[index] ?? 0,
      };
    });
  }
}

/** Returns the stacks of the causes of an error. It has the frames of its cause, which would be there twice. */
function stackOf(error: TaskError): string {
  const { cause } = error;
  return isError(cause) ? `${printable(plainHeadline(error))}\ncaused by: ${stackTrace(cause)}` : stackTrace(error);
}
