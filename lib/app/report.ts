import { inspect } from 'node:util';
import { TaskError } from '../errors/errors.js';
import type { Outcome } from '../task/types.js';

/**
 * How an application ended. Printed, or turned into a string, it is a table.
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
  /** What the application was cancelled with; `undefined` when all tasks ended by themselves. */
  readonly cause: unknown;
  /** In the order in which the tasks ended. */
  readonly outcomes: readonly Outcome[];
  /** Nothing failed, nothing timed out. */
  readonly clean: boolean;
  /** What has failed beside the tasks: uncaught exceptions, unhandled rejections. */
  readonly failures: readonly unknown[];
  /** From the request to stop until all was joined, in ms. */
  readonly durationMs: number;

  static {
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: ShutdownReport) {
        return this.toString();
      },
    });
  }

  constructor(
    fields: Pick<ShutdownReport, 'cause' | 'outcomes' | 'clean' | 'durationMs'> & { failures?: readonly unknown[] },
  ) {
    this.cause = fields.cause;
    this.outcomes = fields.outcomes;
    this.clean = fields.clean;
    this.failures = fields.failures ?? [];
    this.durationMs = fields.durationMs;
  }

  /** What a log takes; JSON leaves out what an error says. */
  toJSON(): object {
    const { cause, outcomes, failures, clean, durationMs } = this;
    const why = cause === undefined ? {} : { cause: oneLine(cause) };
    return { ...why, outcomes, failures: failures.map(oneLine), clean, durationMs };
  }

  /** As a table, with a row for each task. */
  toString(): string {
    const how = this.clean ? 'Clean' : 'Not clean';
    const title =
      this.cause === undefined
        ? `All tasks ended. ${how}.`
        : `Stopped by ${oneLine(this.cause)}. ${how}, in ${span(this.durationMs)}.`;
    const beside = this.failures.filter((failure) => failure !== this.cause);
    const rows = this.outcomes.flatMap((outcome) => rowsOf(outcome));
    // A group's error is told where it comes from, at the last of those who have it.
    const places = new Map<unknown, Row>(rows.map((row) => [row.error, row]));
    const causes = places.has(this.cause) ? [] : causesOf(this.cause, places);
    const why = causes.map((one) => `  caused by ${oneLine(one)}`);
    const top = [title, ...why, ...beside.map((failure) => `  Beside the tasks: ${oneLine(failure)}`)];
    if (this.outcomes.length === 0) return top.join('\n');
    // The times of a task's end are known of an application, and of groups, alone.
    const heads = ['task', 'outcome', 'ran for', ...(rows.some(({ cells }) => cells[3]) ? ['ended in'] : [])];
    const widths = heads.map((head, column) =>
      Math.max(head.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
    );
    const line = (cells: readonly string[]) =>
      `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
    const lines = rows.flatMap((row) => [
      line(row.cells),
      ...(row.error && places.get(row.error) === row ? errorLines(row.error, places) : []),
    ]);
    return [...top, line(heads), ...lines].join('\n');
  }
}

interface Row {
  readonly cells: readonly string[];
  readonly error: Outcome['error'];
}

/** A task, and below a group its members. */
function rowsOf(outcome: Outcome, inGroup = false): Row[] {
  const { task, status, error, startedAt, stoppingAt, endedAt, phase, members = [] } = outcome;
  const between = (from?: number, to?: number) => (from === undefined || to === undefined ? '' : span(to - from));
  const where = inGroup && stoppingAt === undefined ? ', not asked yet' : phase && ` in ${phase}`;
  const how = status === 'timed-out' && where && members.length === 0 ? `timed-out${where}` : status;
  const cells = [printable(task), how, between(startedAt, endedAt), between(stoppingAt, endedAt)];
  return [{ cells, error }, ...members.flatMap((member) => rowsOf(member, true))];
}

/** An error, what caused it, and what it suppressed, unless that has a place of its own. */
function errorLines(error: TaskError, places: ReadonlyMap<unknown, unknown>): string[] {
  const causes = causesOf(error, places);
  const lines = [error, ...causes].map((one, place) => `${place === 0 ? '    ' : '      caused by '}${oneLine(one)}`);
  const suppressed = [error, ...causes].flatMap((one) => (one instanceof TaskError ? one.suppressed : []));
  const others = suppressed.filter((one) => !places.has(one));
  return [...lines, ...others.flatMap((one) => ['    and then', ...errorLines(one, places)])];
}

/** What caused an error, and what caused that, until one that is told in a place of its own. */
function causesOf(error: unknown, told: { has(error: unknown): boolean }): unknown[] {
  const causes = new Set<unknown>();
  for (let one = error; one instanceof Error && (one === error || !told.has(one));) {
    if (one instanceof AggregateError) for (const each of one.errors) causes.add(each);
    one = one.cause;
    if (one === undefined || one === error || causes.has(one)) break;
    causes.add(one);
  }
  return [...causes];
}

function oneLine(error: unknown): string {
  if (!(error instanceof Error)) return printable(inspect(error, { depth: 0, breakLength: Infinity, compact: true }));
  // Someone's own class may have none.
  const { message }: { message: unknown } = error;
  const [line = '', ...more] = String(message).split('\n');
  return `${error.name}: ${printable(line)}${more.length > 0 ? ' …' : ''}`;
}

/** Without what would break a line, or a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

function span(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
