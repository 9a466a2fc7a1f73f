import type { Observable } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import type { TaskError } from '../errors/errors.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskRunner, SimpleTask } from './types.js';
import type { Scope } from '../context/cancel-context.js';

/**
 * What tasks made of other tasks implement beside `execute`, which is then not called. Such a stream ends by itself once
 * its context is cancelled, when all it runs has ended: it is not cut, whatever its `grace`. A TaskError it fails with is
 * its own.
 */
export const drive: unique symbol = Symbol('drive');

export interface Driven<T> extends SimpleTask<T> {
  [drive](run: DrivenRun, cancel: CancelFunc): Observable<T>;
  readonly history?: History;
  /** The runners it is made of. With them it has no `initialize`, and is ready when it says so. */
  readonly members?: readonly TaskRunner[];
  /** It is seen as the one member it has: nothing that happens to it is told twice. */
  readonly seenThrough?: boolean;
}

/** What has happened to a task besides its last outcome. */
export interface History {
  restarts?: number;
  lastError?: TaskError;
  /** The next slot of a cron, in ms. */
  nextAt?: (() => number | undefined) | undefined;
}

/** The run of a driven task, as that sees it. */
export interface DrivenRun extends RunContext, Scope {
  /** Whether someone listens; otherwise only an event with an error is worth making. */
  readonly observed: boolean;
  /** Of a run that has members, or slots: how those of its outcome have ended. */
  composition?: Composition;
  readonly history: History;
  emit(detail: TaskEventDetail): void;
  /** Hands on the event of a member. */
  relay(event: TaskEvent, run?: RunContext): void;
  enter(status: Status): void;
  ready(): void;
  /** It counts as ended before its cancel, because what it stands for had. */
  endedByItself(): void;
  /** A member has to become ready once more, and with it the run. */
  unready(): void;
}

/** What a run can be seen doing. */
export type Status = Exclude<TaskRunner['status'], 'idle' | 'done'>;

/** The parts of a run. */
export interface Composition {
  /** By which number the run is told, when that is not its own. */
  readonly runId?: number | undefined;
  /** What an outcome says of them. */
  outcome(): Pick<Outcome, 'members' | 'phase'>;
  /** Nobody waits for them any longer: whichever still goes has timed out. */
  giveUp(): void;
}

export function isDriven<T>(task: SimpleTask<T>): task is Driven<T> {
  return drive in task;
}
