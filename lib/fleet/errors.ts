/**
 * There is no database, or none that lets this process in. Its message names where it was looked for, without credentials; `cause` is what
 * the driver said.
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
 * The database has been set up by a later version of this library, or of pg-boss, than this process has.
 *
 * @example
 * ```ts
 * import { FleetVersionError } from 'rxjs-tasks/fleet';
 *
 * const { message } = new FleetVersionError('rxjs_tasks', 2, 1);
 * console.log(message); // → The schema rxjs_tasks is of version 2, and this process knows up to 1: update it
 * ```
 */
export class FleetVersionError extends Error {
  readonly schema: string;
  readonly version: number;
  readonly known: number;

  static {
    this.prototype.name = 'FleetVersionError';
  }

  constructor(schema: string, version: number, known: number) {
    super(`The schema ${schema} is of version ${version}, and this process knows up to ${known}: update it`);
    this.schema = schema;
    this.version = version;
    this.known = known;
  }
}

/**
 * Another process has the directory of an embedded database open. Two that write to it would destroy it.
 *
 * @example
 * ```ts
 * import { DirectoryInUseError } from 'rxjs-tasks/fleet';
 *
 * const { message } = new DirectoryInUseError('./data');
 * console.log(message); // → ./data is in use already: an embedded database is for one fleet at a time; give a url to share
 * ```
 */
export class DirectoryInUseError extends Error {
  readonly directory: string;

  static {
    this.prototype.name = 'DirectoryInUseError';
  }

  constructor(directory: string) {
    super(`${directory} is in use already: an embedded database is for one fleet at a time; give a url to share`);
    this.directory = directory;
  }
}

/**
 * The cause of a cancel that reached this process through the fleet: someone has cancelled all of it.
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
  /** The name of the process that has cancelled it. */
  readonly by: string;
  /** When, in ms since 1970, by the database's clock. */
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
 * A job has failed for good, in whichever process it ran: its attempts are used up.
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
  /** What its last attempt failed with, as far as it has come here. */
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

/** An error that has come from another process. */
export interface JobFailure {
  readonly name: string;
  readonly message: string;
}

/**
 * A job was cancelled: whoever waits for it gets this as an error, and what runs it as the cause of its context's cancel.
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
 * The cause of the cancel of a run whose job is no longer this process's: it gave no sign of life for too long, and the job is, or
 * was, run again elsewhere. What the run still yields is dropped.
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
