import type { Answer, Deed, Which } from './script.js';
import { shown } from './log.js';
import type { Act } from './play.js';
import type { Tree } from './tree.js';

/** What an application consists of, and how it is looked at. */
export interface Setup {
  readonly trees: readonly Tree[];
  /** Whether anyone listens to events. */
  readonly observed: boolean;
  /** Whether `start` is given what cancels the master. */
  readonly cancels: boolean;
}

/** What can be done at any moment. Roots and tasks are told by their places, whatever the number. */
export interface Sudden {
  start(root: number): void;
  /** To `ready$` and `done$`. */
  listen(root: number): void;
  /** The subscriber of the last start leaves. */
  leave(root: number): void;
  cancel(cause: string): void;
  /** A task calls the function that it was given. */
  taskCancels(task: number, cause: string): void;
  /** There is another master, which is not cancelled. */
  renew(): void;
  hook(task: number, which: Which, deed: Deed): void;
  /** The coordinator of a cron says something of one of its slots. */
  lease(task: number, which: Which, answer: Answer): void;
  /** All roots, under the master. */
  join(timeout: number): void;
  leaveJoins(): void;
}

export interface Acts extends Sudden {
  pass(ms: number): void;
  /** Time passes, and no timer fires. */
  block(ms: number): void;
  setClock(byMs: number): void;
  /** Something is done as soon as something is told. */
  when(told: string, act: Act<Sudden>): void;
}

export function pick<T>(all: readonly T[], place: number): T | undefined {
  return all[place % all.length];
}

export function causeOf(ctx: { cancelled: boolean; cause: unknown } | undefined): string {
  return ctx?.cancelled ? shown(ctx.cause) : 'not cancelled';
}
