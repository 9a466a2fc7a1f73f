import type { Observable } from 'rxjs';
import type { Context } from '../context/types.js';
import type { Coordinator } from '../cron/coordinator.js';
import type { ByWhom } from '../task/by-whom.js';
import type { Task } from '../task/types.js';
import type { FleetConnectionError } from './errors.js';
import type { JobEvent, Queue, QueueOptions } from './queue-types.js';
import type { TriggerOutcome } from './trigger-outcome.js';

/**
 * The connection of this process to its fleet. Run it as a task: as the first member of an `ordered` group, it cancels
 * the application when the fleet is cancelled, and closes the connection after all other members have ended.
 */
export interface Fleet extends Task<never> {
  /** The name of this process. */
  readonly name: string;
  /** The context that `cancel` cancels, with a `FleetCancelledError`. `resume` replaces it by a new context. */
  readonly context: Context;
  /**
   * The coordinator for crons: one process of the fleet runs each slot. It needs a cron expression or `every`,
   * because the slots of a plain number of ms differ between processes.
   */
  readonly coordinator: Coordinator;
  /** Returns a queue of jobs. The database creates it on its first use. */
  queue<In, Out = unknown>(name: string, options?: QueueOptions): Queue<In, Out>;
  /** Cancels all processes: the running ones, and those that start before `resume`. */
  cancel(reason: string): Promise<void>;
  /**
   * Pauses a cron in all processes: in those that run, and in those that start before {@link resume}. Current and
   * waiting runs go on, and `trigger` of a cron still works. No process ever runs a slot that is due during the
   * pause: each reports those of its own schedule as one `missed` event with the reason `paused`, at the end of the
   * pause. The pause of a single runner is independent: a cron runs only if there is neither of the two.
   *
   * Resolves when the pause is stored. This process then applies it, and all others do so within 2 s. Does nothing if
   * the cron is paused. Like {@link cancel}, it waits while the database is unreachable.
   *
   * @param path the path of the cron, such as `app/report`. No process needs to have such a cron yet, so the path of
   * anything else is accepted, and pauses nothing. A queue has {@link Queue.pause}.
   * @param options `by` is part of the crons' events, up to 200 characters. Default: the name of this process.
   */
  pause(path: string, options?: ByWhom): Promise<void>;
  /** Undoes the cancel for processes that start from now on. */
  resume(): Promise<void>;
  /** Ends the pause of a cron in all processes. Does nothing if {@link pause} has not paused it. */
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- a path that is undefined would undo the cancel
  resume(path: string, options?: ByWhom): Promise<void>;
  /**
   * Runs a cron now, in one of the processes that run it, as by a call of its own `trigger` there. A process
   * that runs this cron at the moment is preferred, so that its `overlap` holds.
   *
   * Resolves with the outcome when the run has ended. The cron is run at most once: if its process is killed during the
   * run, the outcome is `lost` 10 s later. Like {@link cancel}, it waits while the database is unreachable.
   *
   * @param path the path of the cron, such as `app/report`.
   * @param options `by` is part of the cron's event, up to 200 characters. Default: the name of this process.
   * @throws NotRunningError if no process has taken the call within 5 s. It rejects the promise.
   */
  trigger(path: string, options?: ByWhom): Promise<TriggerOutcome>;
  /**
   * Returns the last slot of a cron that any process was granted, in ms since 1970, for the option `lastRun`. `task` is
   * the cron's path, such as `app/report`.
   */
  lastSlot(task: string): Promise<number | undefined>;
  /** Emits the events of this process's connection, and of the jobs in all processes. */
  readonly events$: Observable<FleetEvent>;
  /** Reads the state of the whole fleet. */
  state(): Promise<FleetState>;
  /** Closes the connection. Streams that wait for a result fail with a `CancelledError`. */
  close(): Promise<void>;
}

/** An event of the fleet, as this process receives it. `at` is in ms since 1970, by the clock of its process. */
export type FleetEvent =
  | JobEvent
  /** The database is unreachable; statements wait until it is back. Without a listener, the console shows the error. */
  | { readonly type: 'disconnected'; readonly at: number; readonly error: FleetConnectionError }
  /** The database is back. Without a listener, nothing shows it. */
  | { readonly type: 'reconnected'; readonly at: number }
  /** The fleet works, but more slowly than it could: `what` says why. Without a listener, the console shows it. */
  | { readonly type: 'degraded'; readonly at: number; readonly what: string }
  /** The cancel of the fleet has reached this process. */
  | { readonly type: 'fleet-cancelled'; readonly at: number; readonly cause: unknown }
  /** The cancel of the fleet was undone. */
  | { readonly type: 'fleet-resumed'; readonly at: number };

/** The state of a whole fleet, as plain data for a page or a log. */
export interface FleetState {
  readonly schema: string;
  /** The current cancel of the fleet: its reason, the process that requested it, and the time in ms since 1970. */
  readonly cancelled?: { readonly reason: string; readonly by: string; readonly at: number };
  readonly members: readonly FleetMember[];
  readonly queues: readonly QueueState[];
  readonly crons: readonly CronState[];
  /** The crons that are paused in all processes. */
  readonly paused: readonly PausedCron[];
}

/** The state of one process. Times are in ms since 1970, by the database's clock. */
export interface FleetMember {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  /** The time of its connection to the fleet. */
  readonly since: number;
  /** The time of its last heartbeat. */
  readonly seen: number;
  /** Whether the process has sent a heartbeat recently. */
  readonly live: boolean;
}

/** The number of jobs of a queue, counted at the time of the call. */
export interface QueueState {
  readonly name: string;
  /** Jobs that have not started. Those that are delayed, blocked or retrying are included. */
  readonly waiting: number;
  /** Jobs that wait for their time. */
  readonly delayed: number;
  /** Jobs that wait for other jobs. */
  readonly blocked: number;
  /** Jobs that wait for their next attempt. */
  readonly retrying: number;
  /** Jobs in the state `active`. */
  readonly running: number;
  /** Dead letters that were not redriven. */
  readonly dead: number;
  /** The jobs that have ended recently. */
  readonly ended: EndedJobs;
  /** For how long the first of the due jobs has waited, in ms. Absent if none is due. */
  readonly oldestMs?: number;
  /** The pause of the queue, and the person or program that has begun it. In ms since 1970. */
  readonly paused?: { readonly by: string; readonly at: number };
}

/** The number of jobs of a queue that have ended recently. Jobs with a retention below a minute may be missing. */
export interface EndedJobs {
  readonly completed: number;
  /** Jobs whose last attempt has failed. */
  readonly failed: number;
  /** The time that the counts are of, in ms: the last minute, or less if 1,000 jobs have ended in less. */
  readonly ms: number;
}

/** The last slot of a cron, and the process that runs it, while it runs. */
export interface CronState {
  readonly task: string;
  /** In ms since 1970. */
  readonly slot: number;
  readonly holder?: string;
}

/** A cron that is paused in all processes: the person or program that has paused it, and the time of that. */
export interface PausedCron {
  readonly task: string;
  readonly by: string;
  /** In ms since 1970, by the database's clock. */
  readonly at: number;
}
