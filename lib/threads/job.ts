import type { MessagePort } from 'node:worker_threads';

/** What a thread is to do. */
export interface Job {
  readonly id: number;
  readonly url: string;
  /** Of the export. */
  readonly name: string;
  readonly input: unknown;
}

/** What a function gets beside its input. */
export interface ThreadContext {
  /** Aborted when nobody wants what the function does any longer. Whoever looks at it has the `grace` of the run to come to an end. */
  readonly signal: AbortSignal;
}

/** How a thread opens a line to whoever wants its values, or may want it to stop. */
export interface Opening {
  readonly openedBy: number;
  readonly port: MessagePort;
}

/** What is said on a line to the thread: what was opened, or sent, has been read; what the job does is wanted no longer. */
export type Word = 'read' | 'stop';

/** What a job comes to whose values were sent on its line. A string, because it crosses threads as itself. */
export const allSent = 'rxjs-tasks: all values were sent';

export function isOpening(message: unknown): message is Opening {
  return typeof message === 'object' && message !== null && 'openedBy' in message && 'port' in message;
}
