import { brandError } from '../errors/brand.js';
import { attempt } from '../util/attempt.js';

/**
 * Thrown when there is no connection to the database. The message contains its address, without credentials. The
 * `cause` is the driver's error.
 *
 * @example
 * ```ts
 * import { connectFleet, FleetConnectionError } from 'rxjs-tasks/fleet';
 *
 * const lost = connectFleet({ url: 'postgres://me:secret@localhost:1/shop', connectTimeout: 0 });
 * const error = await lost.catch((reason) => reason);
 * console.log(error instanceof FleetConnectionError); // → true
 * console.log(error.message); // → No database at localhost:1/shop within 0 ms: ECONNREFUSED
 * ```
 */
export class FleetConnectionError extends Error {
  static {
    this.prototype.name = 'FleetConnectionError';
  }
}

/**
 * Thrown when a later version of this library or of pg-boss has created the tables of the database.
 *
 * @example
 * ```ts
 * import { FleetVersionError } from 'rxjs-tasks/fleet';
 *
 * const { message } = new FleetVersionError('rxjs_tasks', 2, 1);
 * console.log(message); // → Schema rxjs_tasks has version 2, but this process supports up to 1: update it
 * ```
 */
export class FleetVersionError extends Error {
  readonly schema: string;
  readonly version: number;
  /** The latest version that this process supports. */
  readonly known: number;

  static {
    this.prototype.name = 'FleetVersionError';
  }

  constructor(schema: string, version: number, known: number) {
    super(`Schema ${schema} has version ${version}, but this process supports up to ${known}: update it`);
    this.schema = schema;
    this.version = version;
    this.known = known;
  }
}

/**
 * Thrown when the tables of a fleet are missing or older, and this process must not or may not create them.
 *
 * @example
 * ```ts
 * import { FleetSchemaError } from 'rxjs-tasks/fleet';
 *
 * const { message } = new FleetSchemaError('rxjs_tasks', 'they are missing');
 * console.log(message);
 * // → Expected schema rxjs_tasks to have the tables of a fleet: they are missing. installFleet creates them
 * ```
 */
export class FleetSchemaError extends Error {
  readonly schema: string;

  static {
    this.prototype.name = 'FleetSchemaError';
  }

  constructor(schema: string, reason: string, options?: ErrorOptions) {
    super(`Expected schema ${schema} to have the tables of a fleet: ${reason}. installFleet creates them`, options);
    this.schema = schema;
  }
}

/**
 * Thrown when another process uses the directory of an embedded database. Two processes would destroy the database.
 *
 * @example
 * ```ts
 * import { DirectoryInUseError } from 'rxjs-tasks/fleet';
 *
 * const { message } = new DirectoryInUseError('./data');
 * console.log(message); // → ./data is already in use: an embedded database serves one fleet; use a url to share
 * ```
 */
export class DirectoryInUseError extends Error {
  readonly directory: string;

  static {
    this.prototype.name = 'DirectoryInUseError';
  }

  constructor(directory: string) {
    super(`${directory} is already in use: an embedded database serves one fleet; use a url to share`);
    this.directory = directory;
  }
}

/**
 * The cause of a cancel of the whole fleet.
 *
 * @example
 * ```ts
 * import { FleetCancelledError } from 'rxjs-tasks/fleet';
 *
 * const { message } = new FleetCancelledError('a bad deploy', 'web-1', 0);
 * console.log(message); // → The fleet was cancelled by web-1: a bad deploy
 * ```
 */
export class FleetCancelledError extends Error {
  readonly reason: string;
  /** The name of the process that cancelled the fleet. */
  readonly by: string;
  /** The time of the cancel, in ms since 1970, by the database's clock. */
  readonly at: number;

  static {
    this.prototype.name = 'FleetCancelledError';
  }

  constructor(reason: string, by: string, at: number) {
    super(`The fleet was cancelled by ${by}: ${reason}`);
    this.reason = reason;
    this.by = by;
    this.at = at;
  }
}

/**
 * Thrown by `enqueue` within a transaction of the caller, when the queue has no room: to wait for room, the transaction
 * would have to stay open.
 *
 * @example
 * ```ts
 * import { QueueFullError } from 'rxjs-tasks/fleet';
 *
 * console.log(new QueueFullError('mails', 100).message); // → Queue mails is full: it has 100 waiting jobs
 * ```
 */
export class QueueFullError extends Error {
  readonly queue: string;
  readonly maxWaiting: number;

  static {
    this.prototype.name = 'QueueFullError';
  }

  constructor(queue: string, maxWaiting: number) {
    super(`Queue ${queue} is full: it has ${maxWaiting} waiting jobs`);
    this.queue = queue;
    this.maxWaiting = maxWaiting;
  }
}

/**
 * An error of a handler that no further attempt can mend: the job fails at once, without its retries.
 *
 * @example
 * ```ts
 * import { UnrecoverableError } from 'rxjs-tasks/fleet';
 *
 * const send = (mail: { to?: string }) => {
 *   if (mail.to === undefined) throw new UnrecoverableError('no address');
 * };
 * try {
 *   send({});
 * } catch (error) {
 *   console.log(String(error)); // → UnrecoverableError: no address
 * }
 * ```
 */
export class UnrecoverableError extends Error {
  static {
    // Another copy of this package may have made the error that a handler throws.
    brandError(this, 'UnrecoverableError');
  }
}

/** Whether an error is an {@link UnrecoverableError}. Of one from a worker thread only the name is left. */
export function isUnrecoverable(error: unknown): boolean {
  if (error instanceof UnrecoverableError) return true;
  return attempt(() => (Object(error) as { name?: unknown }).name === 'UnrecoverableError', false);
}

/**
 * The error of a job whose last attempt has failed, in any process.
 *
 * @example
 * ```ts
 * import { JobError } from 'rxjs-tasks/fleet';
 *
 * const error = new JobError('mails', 'c5c1', { name: 'TypeError', message: 'no address' });
 * console.log(error.message); // → A job of mails failed: TypeError: no address
 * ```
 */
export class JobError extends Error {
  readonly queue: string;
  readonly job: string;
  /** The error of the last attempt. */
  readonly failure: JobFailure;

  static {
    this.prototype.name = 'JobError';
  }

  constructor(queue: string, job: string, failure: JobFailure) {
    super(`A job of ${queue} failed: ${failure.name}: ${failure.message}`);
    this.queue = queue;
    this.job = job;
    this.failure = failure;
  }
}

/** An error from another process. */
export interface JobFailure {
  readonly name: string;
  readonly message: string;
}

/**
 * The error of a cancelled job. Streams that wait for the job's result fail with it. For the job's handler, it is the
 * cause of the cancel of its context.
 *
 * @example
 * ```ts
 * import { JobCancelledError } from 'rxjs-tasks/fleet';
 *
 * console.log(new JobCancelledError('mails', 'c5c1').message); // → A job of mails was cancelled: c5c1
 * ```
 */
export class JobCancelledError extends Error {
  readonly queue: string;
  readonly job: string;

  static {
    this.prototype.name = 'JobCancelledError';
  }

  constructor(queue: string, job: string) {
    super(`A job of ${queue} was cancelled: ${job}`);
    this.queue = queue;
    this.job = job;
  }
}

/**
 * The error of a stream that waits for the result of a job that was deleted before its end, or before its result was
 * read.
 *
 * @example
 * ```ts
 * import { JobDeletedError } from 'rxjs-tasks/fleet';
 *
 * console.log(new JobDeletedError('mails', 'c5c1').message); // → A job of mails was deleted: c5c1
 * ```
 */
export class JobDeletedError extends Error {
  readonly queue: string;
  readonly job: string;

  static {
    this.prototype.name = 'JobDeletedError';
  }

  constructor(queue: string, job: string) {
    super(`A job of ${queue} was deleted: ${job}`);
    this.queue = queue;
    this.job = job;
  }
}

/**
 * The cause of the cancel of a handler whose job no longer belongs to this process. The process sent no heartbeat for
 * too long, so another process runs the job again. The result of the handler is dropped.
 *
 * @example
 * ```ts
 * import { JobLostError } from 'rxjs-tasks/fleet';
 *
 * console.log(new JobLostError('mails', 'c5c1').message); // → A job of mails was lost to another process: c5c1
 * ```
 */
export class JobLostError extends Error {
  readonly queue: string;
  readonly job: string;

  static {
    this.prototype.name = 'JobLostError';
  }

  constructor(queue: string, job: string) {
    super(`A job of ${queue} was lost to another process: ${job}`);
    this.queue = queue;
    this.job = job;
  }
}
