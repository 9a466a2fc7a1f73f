import type { Observable } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import type { TaskError } from '../errors/errors.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskRunner, SimpleTask } from './types.js';
import type { CancelContext } from '../context/cancel-context.js';

/**
 * What tasks made of other tasks implement beside `execute`, which is then not called. Such a stream ends by itself once
 * its context is cancelled, when all it runs has ended: it is not cut, whatever its `grace`. A TaskError it fails with is
 * its own.
 */
export const runComposite: unique symbol = Symbol('drive');

export interface CompositeTask<T> extends SimpleTask<T> {
  [runComposite](run: CompositeRun, cancel: CancelFunc): Observable<T>;
  readonly history?: TaskHistory;
  /** The runners it is made of. With them it has no `initialize`, and is ready when it says so. */
  readonly members?: readonly TaskRunner[];
  /** It is seen as the one member it has: nothing that happens to it is told twice. */
  readonly transparent?: boolean;
}

/** What has happened to a task besides its last outcome. */
export interface TaskHistory {
  restarts?: number;
  lastError?: TaskError;
  /** The next slot of a cron, in ms. */
  nextAt?: number | undefined;
}

/** The run of a driven task, as that sees it. */
export interface CompositeRun extends RunContext, CancelContext {
  /** Whether someone listens; otherwise only an event with an error is worth making. */
  readonly observed: boolean;
  /** Of a run that has members, or slots: how those of its outcome have ended. */
  parts?: RunParts;
  readonly history: TaskHistory;
  emit(detail: TaskEventDetail): void;
  /** Hands on the event of a member. */
  forward(event: TaskEvent, run?: RunContext): void;
  setStatus(status: Status): void;
  ready(): void;
  /** It counts as ended before its cancel, because what it stands for had. */
  markCompleted(): void;
  /** A member has to become ready once more, and with it the run. */
  notReady(): void;
}

/** What a run can be seen doing. */
export type Status = Exclude<TaskRunner['status'], 'idle' | 'done'>;

/** The parts of a run. */
export interface RunParts {
  /** By which number the run is told, when that is not its own. */
  readonly runId?: number | undefined;
  /** What an outcome says of them. */
  outcome(): Pick<Outcome, 'members' | 'phase'>;
  /** Nobody waits for them any longer: whichever still goes has timed out. */
  abandon(): void;
}

export function isComposite<T>(task: SimpleTask<T>): task is CompositeTask<T> {
  return runComposite in task;
}
