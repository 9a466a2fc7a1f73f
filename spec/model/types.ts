import type { ChildCounts } from './children.js';
import type { InnerApp } from './inner-app.js';
import type { TaskFailure } from './log.js';
import type { Run } from './run.js';

export type Phase = 'initialize' | 'execute' | 'finalize';
export type Status = 'idle' | 'initializing' | 'running' | 'finalizing' | 'done';

export class Failure implements TaskFailure {
  readonly name: string = 'TaskError';
  readonly suppressed: Failure[] = [];
  /** Whether it has been written to the console. */
  isWritten = false;
  readonly task: string;
  readonly phase: Phase;
  readonly cause: unknown;

  constructor(task: string, phase: Phase, cause: unknown) {
    this.task = task;
    this.phase = phase;
    this.cause = cause;
  }
}

export interface Outcome {
  readonly task: string;
  readonly status: 'completed' | 'cancelled' | 'failed' | 'timed-out' | 'not-started';
  readonly error?: Failure | undefined;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly phase?: Phase | undefined;
  readonly members?: readonly Outcome[] | undefined;
  readonly children?: { readonly started: number; readonly failed: number } | undefined;
}

/** The output of a hook. It calls `sourceEnded`, `next`, `fail` and, last, `released` of its run. */
export interface HookOutput {
  /** The default grace after a cancel, in ms. */
  readonly grace: number;
  start(): void;
  interrupt(): void;
}

export interface TaskHooks {
  readonly name: string;
  readonly grace?: number | undefined;
  readonly startTimeout?: number | undefined;
  /** Whether the task runs other runners, whose failures it passes on. */
  readonly composite?: boolean;
  /** Whether the task is made of members, and reports itself when it is ready. */
  readonly hasMembers?: boolean;
  /** Whether the task emits no events of its own, because its only member's events are emitted as its own. */
  readonly transparent?: boolean;
  readonly initialize?: ((run: Run) => HookOutput) | undefined;
  readonly execute: (run: Run) => HookOutput;
  readonly finalize?: ((run: Run) => HookOutput) | undefined;
}

/** The object that has started a run: a subscriber, a composite run, or a cron for the run of a slot. */
export interface Parent {
  /** The path of a member or a slot. */
  readonly path?: string;
  /** The run whose context the parent, an application, was started under. */
  readonly parentRun?: Run | undefined;
  /** The application that the run is a task of, if it was started under a run's context. */
  readonly app?: InnerApp;
  /** The counts of the cron, which its slots share. */
  readonly childCounts?: ChildCounts;
  /** Whether there is no subscriber left to receive errors. */
  readonly unsubscribed?: boolean;
  /** Whether the parent emits the `done` event itself. */
  readonly reportsEnd?: boolean;
  /** Whether nobody waits for the run any more, so that only its errors are reported. */
  readonly hasGivenUp?: boolean | undefined;
  /** The parent's events have the number of this run. */
  onRunId?(runId: number): void;
  onValue(value: string): void;
  onReadyChange?(ready: boolean): void;
  setStatus?(status: Status): void;
  /** The run has failed. It ends later. */
  onFailure?(error: Failure): void;
  /** The run stops: only its children, its members and `finalize` may still take time. */
  onStopping?(): void;
  onEnd(outcome: Outcome): void;
  onStartFailed(error: string): void;
}
