import type { LeaseAnswer, HookAction, Which } from './task-plan.js';
import { formatError } from './log.js';
import type { Command } from './run-commands.js';
import type { Tree } from './tree.js';

/** The runners of an application, and how it is observed. */
export interface Setup {
  readonly trees: readonly Tree[];
  /** Runners that tasks start under their contexts. */
  readonly children?: readonly Tree[];
  /** Whether `events$` has subscribers. */
  readonly observed: boolean;
  /** Whether `start` gets the master's cancel function. */
  readonly cancels: boolean;
}

/** A context for a child: that of the run, one that was made from it, or its `signal`. */
export type ChildContext = 'ctx' | 'withCancel(ctx)' | 'signal';

/** Commands that take no time. Roots and tasks are given by an index, modulo their number. */
export interface InstantCommands {
  start(root: number): void;
  /** Subscribes to `ready$` and `done$`. */
  listen(root: number): void;
  /** Unsubscribes the subscriber of the last start. */
  unsubscribe(root: number): void;
  cancel(cause: string): void;
  /** Calls the cancel function that a task got. */
  taskCancels(task: number, cause: string): void;
  /** Creates another master, which is not cancelled. */
  replaceMaster(): void;
  hook(task: number, which: Which, action: HookAction): void;
  /** Starts a child under the context of a task's last run, or under another that is made from it. */
  startChild(task: number, child: number, under: ChildContext): void;
  /** Starts an application of all children under the context of a task's last run. */
  startApp(task: number, timeout: number): void;
  /** Unsubscribes the subscriber of a child's last start. */
  unsubscribeChild(child: number): void;
  /** Cancels the contexts that were made from those of tasks. */
  cancelMadeContexts(cause: string): void;
  /** Joins all children under the context of a task's last run. */
  joinChildren(task: number, timeout: number): void;
  /** Answers a lease request of a cron. */
  lease(task: number, which: Which, answer: LeaseAnswer): void;
  /** Restarts a supervised task. */
  restart(supervised: number): void;
  /** Joins all roots under the master. */
  join(timeout: number): void;
  unsubscribeJoins(): void;
}

export interface Commands extends InstantCommands {
  advance(ms: number): void;
  /** Lets time pass without firing timers. */
  advanceSilently(ms: number): void;
  adjustClock(byMs: number): void;
  /** Executes a command as soon as a line with this text is recorded. */
  when(text: string, command: Command<InstantCommands>): void;
}

export function pickCyclic<T>(all: readonly T[], index: number): T | undefined {
  return all[index % all.length];
}

export function causeOf(ctx: { cancelled: boolean; cause: unknown } | undefined): string {
  return ctx?.cancelled ? formatError(ctx.cause) : 'not cancelled';
}
