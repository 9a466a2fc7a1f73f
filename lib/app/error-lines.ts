import { suppressedBy } from '../errors/errors.js';
import { directCauses } from '../util/error-causes.js';
import { oneLine } from './one-line.js';
import type { ReportRow } from './report-rows.js';

/** The most errors of a report that are shown with their causes, these included. */
const maxErrors = 1000;
/** The most errors that are shown for one error: its causes, and the errors that it suppressed. */
const maxErrorsOfOne = 100;
/** The most errors of one row, which may stand for many tasks. */
const maxErrorsOfRow = 3;

/**
 * Formats the errors of a report, each once: errors may refer to each other in any way, in circles, too. An error that
 * several rows have is shown in the last of them, which is where it comes from.
 */
export class ErrorLines {
  private readonly rowOf = new Map<unknown, ReportRow>();
  private remaining = maxErrors;

  constructor(rows: readonly ReportRow[]) {
    for (const row of rows) for (const { error } of row.outcomes) if (error !== undefined) this.rowOf.set(error, row);
  }

  /** Returns the lines of the causes of the report's cause, unless a row shows it. */
  ofCause(cause: unknown): string[] {
    if (this.rowOf.has(cause)) return [];
    return this.causesOf(cause, new Set([cause])).map((each) => `  caused by ${oneLine(each)}`);
  }

  /** Returns the lines of the errors that a row shows. */
  ofRow(row: ReportRow): string[] {
    const errors = [...new Set<unknown>(row.outcomes.map(({ error }) => error))].filter(
      (error) => error !== undefined && this.rowOf.get(error) === row,
    );
    const more = errors.length - maxErrorsOfRow;
    return [
      ...errors.slice(0, maxErrorsOfRow).flatMap((error) => this.ofError(error)),
      ...(more > 0 ? [`    … and ${more.toLocaleString('en')} more errors`] : []),
    ];
  }

  /**
   * Returns the lines of an error, its causes, and the errors that it suppressed, except those that another row shows.
   */
  private ofError(error: unknown): string[] {
    const visited = new Set([error]);
    const lines: string[] = [];
    const pending = [error];
    while (pending.length > 0 && visited.size <= maxErrorsOfOne) {
      const next = pending.pop();
      const causes = this.causesOf(next, visited);
      if (lines.length > 0) lines.push('    and then');
      lines.push(`    ${oneLine(next)}`, ...causes.map((cause) => `      caused by ${oneLine(cause)}`));
      const suppressed = [next, ...causes]
        .flatMap(suppressedBy)
        .filter((later) => !visited.has(later) && !this.rowOf.has(later))
        .slice(0, maxErrorsOfOne);
      for (const later of suppressed) visited.add(later);
      pending.push(...suppressed.reverse());
    }
    if (pending.length > 0) lines.push(`    … and ${pending.length} more errors`);
    return lines;
  }

  /**
   * Returns the causes of an error, an AggregateError followed by its errors. Leaves out those that were visited, and
   * ends each chain with an error that a row shows.
   */
  private causesOf(error: unknown, visited: Set<unknown>): unknown[] {
    const causes: unknown[] = [];
    const pending = directCauses(error);
    while (pending.length > 0 && this.remaining > 0 && visited.size <= maxErrorsOfOne) {
      const next = pending.pop();
      if (visited.has(next)) continue;
      visited.add(next);
      this.remaining--;
      causes.push(next);
      if (!this.rowOf.has(next)) pending.push(...directCauses(next));
    }
    return causes;
  }
}
