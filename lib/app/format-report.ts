import { inspect } from 'node:util';
import { TaskError } from '../errors/errors.js';
import type { Outcome } from '../task/types.js';
import { duration } from '../util/duration.js';
import { errorChain } from '../util/error-causes.js';
import { replaceUnprintable } from '../util/printable.js';

/** The maximum number of errors in a chain of causes: the root cause must not be lost, but a chain may be endless. */
const maxCauses = 100;

interface ReportFields {
  readonly cause: unknown;
  readonly outcomes: readonly Outcome[];
  readonly failures: readonly unknown[];
  readonly clean: boolean;
  readonly durationMs: number;
}

interface ReportRow {
  readonly cells: readonly string[];
  readonly error: TaskError | undefined;
}

/**
 * The row that shows each error. An error that several rows have is shown in the last, which is where it comes from.
 */
type ErrorRows = ReadonlyMap<unknown, ReportRow>;

/** Formats a report as a title, its causes, and a table with one row for each task. */
export function formatReport({ cause, outcomes, failures, clean, durationMs }: ReportFields): string {
  const rows = outcomes.flatMap((outcome) => toRows(outcome));
  const errorRows: ErrorRows = new Map(rows.map((row) => [row.error, row]));
  const result = clean ? 'Clean' : 'Not clean';
  const title =
    cause === undefined
      ? `All tasks ended. ${result}.`
      : `Stopped by ${oneLine(cause)}. ${result}, in ${duration(durationMs, { fixed: true })}.`;
  const causes = errorRows.has(cause) ? [] : causesOf(cause, errorRows);
  const otherFailures = failures.filter((failure) => failure !== cause);
  return [
    title,
    ...causes.map((error) => `  caused by ${oneLine(error)}`),
    ...otherFailures.map((failure) => `  Outside the tasks: ${oneLine(failure)}`),
    ...(rows.length > 0 ? tableLines(rows, errorRows) : []),
  ].join('\n');
}

/** Formats any error or cause on one line. */
export function oneLine(error: unknown): string {
  if (!(error instanceof Error))
    return replaceUnprintable(inspect(error, { depth: 0, breakLength: Infinity, compact: true }));
  // A custom error class may have no message.
  const { message }: { message: unknown } = error;
  const [line = '', ...more] = String(message).split('\n');
  return `${error.name}: ${replaceUnprintable(line)}${more.length > 0 ? ' …' : ''}`;
}

/** Returns the row of a task, followed by the rows of its members. */
function toRows(outcome: Outcome, inGroup = false): ReportRow[] {
  const { task, status, error, startedAt, stoppingAt, endedAt, phase, members = [] } = outcome;
  const between = (from?: number, to?: number) =>
    from === undefined || to === undefined ? '' : duration(to - from, { fixed: true });
  const detail = inGroup && stoppingAt === undefined ? ', not cancelled yet' : phase && ` in ${phase}`;
  const result = status === 'timed-out' && detail && members.length === 0 ? `timed-out${detail}` : status;
  const cells = [replaceUnprintable(task), result, between(startedAt, endedAt), between(stoppingAt, endedAt)];
  return [{ cells, error }, ...members.flatMap((member) => toRows(member, true))];
}

function tableLines(rows: readonly ReportRow[], errorRows: ErrorRows): string[] {
  // Only applications and groups record when a task began to stop.
  const heads = ['task', 'outcome', 'ran for', ...(rows.some(({ cells }) => cells[3]) ? ['ended in'] : [])];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  const lines = rows.flatMap((row) => [
    line(row.cells),
    ...(row.error && errorRows.get(row.error) === row ? errorLines(row.error, errorRows) : []),
  ]);
  return [line(heads), ...lines];
}

/** Returns the lines of an error, its causes, and the errors it suppressed, except those that another row shows. */
function errorLines(error: TaskError, errorRows: ErrorRows): string[] {
  const causes = causesOf(error, errorRows);
  const suppressed = [error, ...causes].flatMap((each) => (each instanceof TaskError ? each.suppressed : []));
  return [
    `    ${oneLine(error)}`,
    ...causes.map((cause) => `      caused by ${oneLine(cause)}`),
    ...suppressed
      .filter((other) => !errorRows.has(other))
      .flatMap((other) => ['    and then', ...errorLines(other, errorRows)]),
  ];
}

/** Returns the causes of an error, each AggregateError followed by its errors, up to a cause that a row shows. */
function causesOf(error: unknown, errorRows: ErrorRows): unknown[] {
  const isShown = (cause: unknown) => errorRows.has(cause);
  const chain = errorChain(error, maxCauses, isShown).flatMap((each) =>
    each instanceof AggregateError && (each === error || !isShown(each))
      ? [each, ...(each.errors as unknown[])]
      : [each],
  );
  return [...new Set(chain)].slice(1);
}
