import { inspect } from 'node:util';
import { errorFields } from '../errors/errors.js';
import { mapOutcomes } from '../task/map-outcomes.js';
import type { Outcome } from '../task/types.js';
import { attempt } from '../util/attempt.js';
import { printable } from '../util/printable.js';
import { formatReport } from './format-report.js';
import { oneLine } from './one-line.js';

/**
 * The report of an application's end. Printed or converted to a string, it is a table.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { orchestrate, task } from 'rxjs-tasks';
 *
 * const last = await lastValueFrom(orchestrate([task('answer', () => 42)]));
 * if (last.type === 'shutdown') console.log(String(last.report).split('\n')[0]); // → All tasks ended. Clean.
 * ```
 */
export class ShutdownReport {
  /** The cause the application was cancelled with. `undefined` when all tasks ended by themselves. */
  readonly cause: unknown;
  /** The outcome of each task, in the order in which the tasks ended. */
  readonly outcomes: readonly Outcome[];
  /**
   * Whether nothing failed and nothing timed out. The failure of an `optional` task does not count, unless it is what
   * stopped the application: that of a `critical` task within it.
   */
  readonly clean: boolean;
  /**
   * Errors outside the tasks: uncaught exceptions, unhandled rejections, and errors of futures that were neither
   * awaited nor subscribed to. The first 100 of them.
   */
  readonly failures: readonly unknown[];
  /** The number of errors beyond these. */
  readonly moreFailures: number;
  /** The time from the request to stop until all tasks were joined, in ms. */
  readonly durationMs: number;

  static {
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: ShutdownReport) {
        return this.toString();
      },
    });
  }

  constructor(
    fields: Pick<ShutdownReport, 'cause' | 'outcomes' | 'clean' | 'durationMs'> &
      Partial<Pick<ShutdownReport, 'failures' | 'moreFailures'>>,
  ) {
    this.cause = fields.cause;
    this.outcomes = fields.outcomes;
    this.clean = fields.clean;
    this.failures = fields.failures ?? [];
    this.moreFailures = fields.moreFailures ?? 0;
    this.durationMs = fields.durationMs;
  }

  /**
   * Returns the report as a log stores it: runners by their names, and errors as strings, because JSON omits an error's
   * message. Members that are nested more than a hundred levels deep are listed at that level.
   */
  toJSON(): object {
    const { cause, outcomes, failures, moreFailures, clean, durationMs } = this;
    return {
      ...(cause !== undefined && { cause: oneLine(cause) }),
      outcomes: mapOutcomes<LoggedOutcome>(outcomes, toLogged),
      failures: failures.map(oneLine),
      ...(moreFailures > 0 && { moreFailures }),
      clean,
      durationMs,
    };
  }

  /** Returns the report as a table with one row for each task. */
  toString(): string {
    return formatReport(this);
  }
}

/** An outcome that JSON can store. */
type LoggedOutcome = Omit<Outcome, 'runner' | 'error' | 'members'> & {
  readonly runner: string;
  readonly error: object | undefined;
  readonly members: readonly LoggedOutcome[] | undefined;
};

function toLogged(outcome: Outcome, members: LoggedOutcome[] | undefined): LoggedOutcome {
  const { runner, error, task } = outcome;
  return {
    ...outcome,
    task: printable(task),
    runner: printable(attempt(() => String(runner), task)),
    error: error === undefined ? undefined : errorFields(error),
    members,
  };
}
