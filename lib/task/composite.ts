import type { Observable } from 'rxjs';
import type { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc, RunContext } from '../context/types.js';
import type { ChildTotals } from './child-totals.js';
import type { TaskError } from '../errors/errors.js';
import type { RunIds } from './run-ids.js';
import type { Outcome, SimpleTask, SlotHistory, TaskEvent, TaskEventDetail, TaskRunner } from './types.js';

/** The method that is called instead of `execute` on a task made of tasks. */
export const runComposite: unique symbol = Symbol('runComposite');

/** A task made of tasks, such as a group, a supervised task, or a cron. */
export interface CompositeTask<T> extends SimpleTask<T> {
  /**
   * Runs the children. When its context is cancelled, the stream must complete by itself after all children have ended:
   * it is not interrupted, whatever its `grace`. A TaskError of the stream becomes the run's own error.
   */
  [runComposite](run: CompositeRun, cancel: CancelFunc): Observable<T>;
  readonly history?: TaskHistory;
  /** The runners of its children. A task with members has no `initialize`: it is ready when it calls `run.ready()`. */
  readonly members?: readonly TaskRunner[];
  /** Returns the name of a member in its path. Default: its own name. */
  memberName?(member: TaskRunner): string;
  /** Whether it reports its only child's events as its own and emits none itself. */
  readonly transparent?: boolean;
  readonly role?: MemberRole;
}

/**
 * The role of a task in its group or application, if it is not a mere member. An `'optional'` one is not waited for to
 * be ready, and its failure stops nothing. The end of an `'essential'` one stops the others. A `'critical'` one itself
 * cancels the application.
 */
export type MemberRole = 'optional' | 'essential' | 'critical';

/** Facts about a task's runs besides its last outcome. */
export interface TaskHistory {
  restarts?: number;
  lastError?: TaskError;
  /** The next slot of a cron, in ms. */
  readonly nextAt?: number | undefined;
  /** Whether a cron is paused. */
  readonly paused?: boolean;
  /** The number of a cron's slots that are running. */
  readonly running?: number;
  /** The slots of a cron so far. */
  readonly slots?: SlotHistory;
}

/** The run of a composite task, as the task sees it. */
export interface CompositeRun extends RunContext, CancelContext {
  readonly parent?: CompositeRun | undefined;
  /** Whether another run has started this one under its context. */
  readonly startedByRun: boolean;
  /** Whether there is an event listener. Without one, only events with an error are worth creating. */
  readonly observed: boolean;
  /** Whether the `events$` of this run's runner has a subscriber. */
  readonly hasSubscriber: boolean;
  /** Whether a listener has a use for an event of this run, or of the run of a slot, which has no error. */
  uses(event: TaskEventDetail, source?: CompositeRun): boolean;
  /** The counts of the children that were started under its context. */
  readonly childTotals: ChildTotals;
  /** Numbers the runs below this one, if it is or is below a run that another run has started. */
  readonly runIds?: RunIds | undefined;
  /** Numbers the runs of the children that are started under its context. */
  readonly childRunIds: RunIds;
  /** The parts of a run with members or slots, for its outcome. */
  parts?: RunParts;
  readonly history: TaskHistory;
  emit(detail: TaskEventDetail): void;
  /** Passes an event to the listeners of this run, and of all runs that it is part of. */
  forward(event: TaskEvent, source?: RunContext): void;
  forwardOne(event: TaskEvent, source?: RunContext): CompositeRun | undefined;
  setRunId(runId: number): CompositeRun | undefined;
  setStatus(status: Status): void;
  setOneStatus(status: Status, at?: number): CompositeRun | undefined;
  ready(): void;
  /** Revokes `ready()`, because a child must become ready again. */
  notReady(): void;
  /** Reports a failure at once. The run ends later, when its children have ended. */
  fail(error: unknown): void;
  /** Reports that the work is over: only children and `finalize` are left, or members that are stopping. */
  ending(): void;
  /** Marks the run as completed even if it was cancelled, because the run it wraps had completed first. */
  markEndedByItself(): void;
}

/** The status of a run that has not ended. */
export type Status = Exclude<TaskRunner['status'], 'idle' | 'done'>;

/** The children or slots of a run. */
export interface RunParts {
  /** The runners of the children that have not ended. */
  readonly runners: Iterable<TaskRunner>;
  /** The run's number in events, if it is not the run's own. */
  readonly runId?: number | undefined;
  /** Returns what the children add to the run's outcome; `phase` and `error` only if the run has timed out. */
  outcome(): Pick<Outcome, 'members' | 'children' | 'phase' | 'error' | 'slots' | 'optional'>;
  /** Stops waiting for the children: those that have not ended have timed out. Called after they were abandoned. */
  abandon(): void;
  /** Writes an event of the run to the console, at a limited rate. Only a cron has this method. */
  log?(event: TaskEventDetail): void;
}

export function isComposite<T>(task: SimpleTask<T>): task is CompositeTask<T> {
  return runComposite in task;
}
