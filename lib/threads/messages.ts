import { MessagePort } from 'node:worker_threads';
import { isSerializedThrow, type SerializedThrow } from './serialize-error.js';

/** A call of a module's export, as it is sent to a thread. */
export interface Job {
  readonly id: number;
  readonly url: string;
  /** The name of the export. */
  readonly name: string;
  readonly input: unknown;
  /** Shared with the thread, which sets its only element when it opens a channel: the message arrives later. */
  readonly channelOpened: Int32Array;
}

/** The second argument of a function that runs in a thread. */
export interface ThreadContext {
  /**
   * Aborted when the run is unsubscribed. A function that has read `signal` may go on for the run's `grace` before its
   * thread is ended.
   */
  readonly signal: AbortSignal;
}

/** Offers a port on which the thread sends the values of a job. */
export interface OpenChannel {
  readonly jobId: number;
  readonly port: MessagePort;
}

/** Reports an error of work that a job had left behind when it returned. */
export interface LateError {
  readonly lateError: SerializedThrow;
  /** The function of the job. */
  readonly url: string;
  readonly name: string;
}

/** A message to the thread: the last message was received, or the job is cancelled. */
export type ControlMessage = 'ack' | 'abort';

/** The result of a job that sent its values on its channel. A string, because a symbol cannot be cloned. */
export const streamed = 'rxjs-tasks: all values were sent';

// A function may post messages of its own, of any shape.

export function isOpenChannel(message: unknown): message is OpenChannel {
  const { jobId, port } = Object(message) as Partial<OpenChannel>;
  return jobId !== undefined && port instanceof MessagePort;
}

export function isLateError(message: unknown): message is LateError {
  return isSerializedThrow((Object(message) as Partial<LateError>).lateError);
}
