import type { TaskFailure } from './log.js';
import type { Run } from './run.js';

export type Phase = 'initialize' | 'execute' | 'finalize';
export type Status = 'idle' | 'initializing' | 'running' | 'finalizing' | 'done';

export class Failure implements TaskFailure {
  readonly name: string = 'TaskError';
  readonly suppressed: Failure[] = [];
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
  /** Whether the task runs other runners, whose failures it passes on. */
  readonly composite?: boolean;
  /** Whether the task itself reports when it is ready. */
  readonly reportsReady?: boolean;
  /** Whether the task emits no events of its own, because its only member's events are emitted as its own. */
  readonly transparent?: boolean;
  readonly initialize?: ((run: Run) => HookOutput) | undefined;
  readonly execute: (run: Run) => HookOutput;
  readonly finalize?: ((run: Run) => HookOutput) | undefined;
}

/** The object that has started a run: a subscriber or a composite run. */
export interface Parent {
  readonly path?: string;
  /** Whether there is no subscriber left to receive errors. */
  readonly unsubscribed?: boolean;
  /** Whether the parent emits the `done` event itself. */
  readonly reportsEnd?: boolean;
  onValue(value: string): void;
  onReadyChange?(ready: boolean): void;
  setStatus?(status: Status): void;
  onEnd(outcome: Outcome): void;
  onStartFailed(error: string): void;
}
