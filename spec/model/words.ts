import type { Failing } from './log.js';
import type { Run } from './run.js';

export type Phase = 'initialize' | 'execute' | 'finalize';
export type Status = 'idle' | 'initializing' | 'running' | 'finalizing' | 'done';

export class Failure implements Failing {
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

/** What a hook gives back: it begins, and tells its run `over`, `value`, `fail` and, last, `ended`. */
export interface Flow {
  /** For how long it may go on after a cancel, unless the task says more. */
  readonly grace: number;
  begin(): void;
  cut(): void;
}

export interface Work {
  readonly name: string;
  readonly grace?: number | undefined;
  /** It runs others: those with a Failure of their own. */
  readonly ofParts?: boolean;
  /** It says itself when it is ready. */
  readonly saysReady?: boolean;
  /** Nothing that happens to it is told, because its one member is told. */
  readonly seenThrough?: boolean;
  readonly initialize?: ((run: Run) => Flow) | undefined;
  readonly execute: (run: Run) => Flow;
  readonly finalize?: ((run: Run) => Flow) | undefined;
}

/** Whoever has started a run: a subscriber, or what the run is a part of. */
export interface Above {
  readonly path?: string;
  /** Whether nobody is left who would hear of errors. */
  readonly left?: boolean;
  /** It tells the end in its own time. */
  readonly hidesEnd?: boolean;
  value(value: string): void;
  ready?(is: boolean): void;
  enter?(status: Status): void;
  ended(outcome: Outcome): void;
  refused(why: string): void;
}
