import { inspect } from 'node:util';
import type { Outcome } from '../task/types.js';
import { formatReport, oneLine } from './format-report.js';

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
  /** Whether nothing failed and nothing timed out. */
  readonly clean: boolean;
  /**
   * Errors outside the tasks: uncaught exceptions, unhandled rejections, and errors of futures that nobody has looked
   * at. The first 100 of them.
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

  /** Returns the report as a log stores it. Errors are strings, because JSON omits an error's message. */
  toJSON(): object {
    const { cause, outcomes, failures, clean, durationMs } = this;
    const loggedCause = cause === undefined ? {} : { cause: oneLine(cause) };
    return { ...loggedCause, outcomes, failures: failures.map(oneLine), clean, durationMs };
  }

  /** Returns the report as a table with one row for each task. */
  toString(): string {
    return formatReport(this);
  }
}
