import type { RunContext } from '../../context/types.js';
import type { AppEvent } from '../../app/types.js';
import { toRecorded, toRecordedError } from '../../recording/to-recorded.js';
import type { RecordedError, RecordedEvent, RecordedOutcome } from '../../recording/types.js';
import { errorTree } from '../../util/error-causes.js';
import { isError, nameOf, textOf } from '../../util/error-parts.js';

/**
 * Hides the messages of the errors of jobs, of the tasks that they have started, and of those that have waited for the
 * result of a job. They may be personal.
 */
export class JobMessages {
  /** The paths of jobs. All jobs of a worker share one. */
  private readonly paths = new Set<string>();

  /** Called with the run of each event. */
  onEvent(run: RunContext | undefined): void {
    const job = jobRunOf(run);
    if (job) this.paths.add(job.task);
  }

  /** Converts an event to what JSON can store, without the messages of jobs. */
  toRecorded(event: AppEvent, now: number, run: RunContext | undefined): RecordedEvent {
    return this.hide(
      toRecorded(event, now, (error) => this.toRecordedError(error)),
      run,
    );
  }

  /** Converts an error, without its message if it has that of a job. */
  toRecordedError(error: unknown): RecordedError {
    const recorded = toRecordedError(error);
    return this.isFromJob(error) ? hiddenError(recorded) : recorded;
  }

  /** Whether an error is that of a job, or has one as a cause: its message may have that of its cause. */
  isFromJob(error: unknown): boolean {
    return errorTree(error).some((each) => {
      if (!isError(each)) return false;
      const task = textOf(each, 'task');
      // The error of a job whose result was awaited. It may be one of another copy of this package.
      return nameOf(each) === 'JobError' || (task !== undefined && this.isPathOfJob(task));
    });
  }

  /** Returns an event without the messages of jobs. */
  hide(event: RecordedEvent, run: RunContext | undefined): RecordedEvent {
    const { task, outcome, outcomes } = event;
    // An event of a custom runner has no run.
    const isHidden = jobRunOf(run) !== undefined || (task !== undefined && this.isPathOfJob(task));
    if (!isHidden && !outcome?.members && !outcomes) return event;
    return {
      ...event,
      ...(isHidden && hiddenErrors(event)),
      ...(outcome && { outcome: this.hideIn(outcome) }),
      ...(outcomes && { outcomes: outcomes.map((each) => this.hideIn(each)) }),
    };
  }

  /** Returns an error of the task at a path, without the message of a job. */
  hideError(error: RecordedError, path: string): RecordedError {
    return this.isPathOfJob(path) ? hiddenError(error) : error;
  }

  private hideIn(outcome: RecordedOutcome): RecordedOutcome {
    const { task, members } = outcome;
    return {
      ...outcome,
      ...(this.isPathOfJob(task) && hiddenErrors(outcome)),
      ...(members && { members: members.map((member) => this.hideIn(member)) }),
    };
  }

  /** Whether a path is that of a job, or below it. */
  private isPathOfJob(task: string): boolean {
    return [...this.paths].some((path) => task === path || task.startsWith(`${path}/`));
  }
}

/** Whether a run is an attempt of a job of a queue, or has been started by one. */
export function isOfJob(run: RunContext): boolean {
  return jobRunOf(run) !== undefined;
}

/** Hides the message of an error. */
export function hiddenError({ name, task, phase }: RecordedError): RecordedError {
  const failed = task === undefined || phase === undefined ? '' : `${task} failed in ${phase}: `;
  return {
    name: shownName(name),
    message: `${failed}the message is hidden, inspector({ showData: true }) shows it`,
    ...(task !== undefined && { task }),
    ...(phase && { phase }),
  };
}

/** Returns the name of an error. Anything can be its name, so only one that looks like that of a class is shown. */
export function shownName(name: string): string {
  return /^(?:[A-Z]\w{0,60})?(?:Error|Exception)$/.test(name) ? name : 'Error';
}

function jobRunOf(run: RunContext | undefined): RunContext | undefined {
  for (let at = run; at; at = at.parent) if (at.job) return at;
  return undefined;
}

function hiddenErrors({ error, cause }: { readonly error?: RecordedError; readonly cause?: RecordedError }): object {
  return { ...(error && { error: hiddenError(error) }), ...(cause && { cause: hiddenError(cause) }) };
}
