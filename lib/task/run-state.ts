import type { Phase } from '../errors/errors.js';
import type { Status } from './composite.js';

/**
 * The states of a run, in their order, and what follows each:
 *
 * ```
 * state          when                                                       next state
 * -----          ----                                                       ----------
 * created        the context is already cancelled                           ended
 *                the task has `initialize`                                  initializing
 *                it has none                                                executing
 * initializing   `initialize` has completed                                 executing
 *                it failed, or the run was cancelled                        waiting
 * executing      `execute` has completed or failed, or was cancelled        waiting
 * waiting        all children have ended; some hook has to be released      finalizing
 *                all children have ended; there is no `finalize`            ended
 * finalizing     `finalize` has completed or failed                         ended
 * ```
 *
 * A task made of tasks has no `initialize`: it is executing from the start, and reports itself when it is ready. The
 * context is cancelled before the run waits. A failure is reported before that, in `initializing` or `executing`.
 */
export type RunState = 0 | 1 | 2 | 3 | 4 | 5;

export const created = 0;
export const initializing = 1;
export const executing = 2;
/** `initialize` and `execute` are over, and the runs that were started under the context have not all ended. */
export const waiting = 3;
export const finalizing = 4;
export const ended = 5;

// Facts that hold in several states, packed into one field to keep runs small: there may be very many.
/** A hook was called, so there may be something to release. */
export const hookCalled: number = 1 << 0;
/** `execute` was called. */
export const executeCalled: number = 1 << 1;
/** The run failed, or `execute` ended, before a cancel. A later cancel has no effect. */
export const endedByItself: number = 1 << 2;
/** The context was cancelled before that, and everything under it was notified. Excludes `endedByItself`. */
export const cancelTookEffect: number = 1 << 3;
/** The current hook ended while the cancel was being propagated. */
export const endedDuringCancel: number = 1 << 4;
/** The grace has elapsed. */
export const graceElapsed: number = 1 << 5;
/** A join or a cron has stopped waiting for this run. */
export const abandoned: number = 1 << 6;
/** The run is or was ready, and has not failed since. */
export const wasReady: number = 1 << 7;
/** The failure has been reported to the owner. */
export const failureReported: number = 1 << 8;
/** The end has been reported to the instrumentation. */
export const endReported: number = 1 << 9;
/** The task is made of tasks. */
export const composite: number = 1 << 10;
/** The task stands for its only child, and has no events of its own. */
export const transparent: number = 1 << 11;

/** Returns the hook of a state. A run counts as initializing before that, and as executing while it waits. */
export function phaseOf(state: RunState): Phase {
  if (state <= initializing) return 'initialize';
  return state === finalizing ? 'finalize' : 'execute';
}

/** The public status of each state, if it changes the status. */
export const statusOf: readonly (Status | undefined)[] = [
  undefined,
  'initializing',
  'running',
  undefined,
  'finalizing',
  undefined,
];

/** The event that announces each state, if there is one. */
export const eventOf: readonly ({ readonly type: 'initializing' | 'ready' | 'finalizing' } | undefined)[] = [
  undefined,
  { type: 'initializing' },
  { type: 'ready' },
  undefined,
  { type: 'finalizing' },
  undefined,
];
