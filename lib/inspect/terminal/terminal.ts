import { hostname } from 'node:os';
import { eventError, firstTime } from '../../app/error-log.js';
import type { AppEvent, Instrumentation } from '../../app/types.js';
import type { RunContext } from '../../context/types.js';
import { isStartedByRun } from '../../task/is-started-by-run.js';
import { invalid, validateFunction, validateOneOf, validateString } from '../../util/validate.js';
import { validateOptions } from '../../util/validate-options.js';
import { padToWidth } from '../text-width.js';
import { painter } from '../text/paint.js';
import { jsonLine } from './json-line.js';
import { LiveView } from './live-view.js';
import { labelWidth, levelColors, logLine } from './log-line.js';
import { takesColors, writeTo, type Output } from './terminal-output.js';

/** Options of `terminal`. */
export interface TerminalOptions {
  /**
   * The form of the output. Default: `'live'`, a timeline that is redrawn in place. It needs a terminal; elsewhere the
   * output is `'lines'`, a line for each event that an operator needs. `'json'` writes a line of JSON for each event,
   * for a log collector.
   */
  ui?: 'live' | 'lines' | 'json' | undefined;
  /** Default: `process.stderr`; for `'json'`, `process.stdout`. */
  stream?: Output | undefined;
  /** The `name` in each line of JSON. */
  name?: string | undefined;
}

/**
 * Creates an instrumentation that shows an application on a terminal or writes it to a log. It does nothing until an
 * application starts, and does not keep the process alive.
 *
 * The live timeline stays below other output to `process.stdout` and `process.stderr`. Output of a child process that
 * inherits the terminal is not intercepted and may be overwritten. When the application or the process ends, the last
 * drawing stays. A terminal gets colours unless `NO_COLOR` or `FORCE_COLOR` decide otherwise.
 *
 * @throws TypeError or RangeError for an option of the wrong type or value.
 *
 * @example
 * ```ts
 * import { launch, task } from 'rxjs-tasks';
 * import { terminal } from 'rxjs-tasks/inspect';
 *
 * const stream = { write: (line: string) => console.log(line.replace(/^\S+ +/, '').trimEnd()) };
 * await launch([task('answer', () => 42)], { instrumentation: [terminal({ ui: 'lines', stream })] });
 * // → ready          answer
 * // → completed      answer
 * // → shutdown       clean: 1 completed
 * ```
 */
export function terminal(options: TerminalOptions = {}): Instrumentation {
  const write = createTerminalWriter(options);
  return { onEvent: (event, run) => write(event, Date.now(), run) };
}

/** Writes an event, with the time of its arrival and the run that emits it. */
type EventWriter = (event: AppEvent, now: number, run?: RunContext) => void;

export function createTerminalWriter(options: TerminalOptions): EventWriter {
  const write = createEventWriter(options);
  let skew = 0;
  return (event, now, run) => {
    // Events of the application as a whole have no time. They get the time of the tasks' clock.
    if ('at' in event) skew = event.at - now;
    write(event, now + skew, run);
  };
}

function createEventWriter(options: TerminalOptions): EventWriter {
  validateOptions(options, ['ui', 'stream', 'name'], 'terminal');
  const { ui = 'live', stream, name } = options;
  validateOneOf('ui', ['live', 'lines', 'json'], ui);
  if (name !== undefined) validateString('name', name);
  if (stream !== undefined) {
    if (typeof stream !== 'object' || (stream as unknown) === null)
      throw new TypeError(invalid('stream', 'a writable stream', stream));
    validateFunction('stream.write', (stream as Partial<Record<'write', unknown>>).write);
  }
  const output: Output = stream ?? (ui === 'json' ? process.stdout : process.stderr);
  if (ui === 'json') return jsonWriter(output, name);
  if (ui === 'lines' || !output.isTTY || process.env['TERM'] === 'dumb') return lineWriter(output);
  return liveWriter(output);
}

function jsonWriter(output: Output, name: string | undefined): EventWriter {
  const base = { pid: process.pid, hostname: hostname(), name };
  return (event, now) => writeTo(output, `${jsonLine(event, now, base)}\n`);
}

function lineWriter(output: Output): EventWriter {
  const lineOf = lineFormatter(output);
  return (event, now, run) => {
    const line = lineOf(event, now, run);
    if (line) writeTo(output, line);
  };
}

function liveWriter(output: Output): EventWriter {
  const lineOf = lineFormatter(output);
  let view: LiveView | undefined;
  return (event, now, run) => {
    view ??= new LiveView(output, painter(takesColors(output)));
    view.add(event, now, isInDrawing(event) ? '' : lineOf(event, now, run));
    if (event.type === 'shutdown') view = undefined;
  };
}

/** Whether the drawing shows the event, so that it needs no line. */
function isInDrawing(event: AppEvent): boolean {
  if (event.type === 'done') return event.outcome.error === undefined;
  return event.type === 'shutdown' || event.type === 'ready';
}

/**
 * Creates a function that returns the line of an event, or `''`. An error is written once, although the end of the run,
 * a restart and each group that it passes through report it, too.
 */
function lineFormatter(output: Output): (event: AppEvent, now: number, run?: RunContext) => string {
  const isNew = firstTime();
  return (event, now, run) => {
    const failure = eventError(event);
    const isKnown = failure !== undefined && !isNew(failure.error);
    if (isKnown && event.type === 'done') return '';
    if (!failure && run && isFrequent(event) && isStartedByRun(run)) return '';
    const line = logLine(isKnown && event.type === 'restarting' ? withoutError(event) : event);
    if (!line) return '';
    const paint = painter(takesColors(output));
    const { level, label, task, text } = line;
    const time = paint(timeText(now, output), 'dim');
    const start = `${time} ${paint(padToWidth(label, labelWidth), levelColors[level])}`;
    return `${[start, task, text].filter(Boolean).join(' ')}\n`;
  };
}

/** Whether an event is frequent in runs that a task starts itself: it may start one for each message. */
function isFrequent({ type }: AppEvent): boolean {
  return type === 'ready' || type === 'done';
}

function withoutError({ type, task, runId, at, restart, delay }: Extract<AppEvent, { type: 'restarting' }>): AppEvent {
  return { type, task, runId, at, restart, delay };
}

/** Formats the local time of day for a terminal, the full time in UTC for a log. */
function timeText(at: number, { isTTY }: Output): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  if (!isTTY) return date.toISOString();
  const twoDigits = (value: number) => String(value).padStart(2, '0');
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}
