import { hostname } from 'node:os';
import { eventError } from '../app/error-log.js';
import { invalid, validateFunction, validateOneOf, validateOptions, validateString } from '../util/validate.js';
import type { AppEvent, Instrumentation } from '../app/types.js';
import { painter } from './ansi.js';
import { fit } from './columns.js';
import { jsonLine } from './json-line.js';
import { Live } from './live.js';
import { levelColors, logLine } from './log-line.js';
import { takesColors, writeTo, type Output } from './output.js';

/** What is written of an application as it runs, and where. */
export interface TerminalOptions {
  /**
   * `'live'` draws the timeline in place, on a terminal; elsewhere it is `'lines'`: a line for what an operator wants to know.
   * `'json'` is a line of JSON for each event, for a collector of logs. `'live'` unless said.
   */
  ui?: 'live' | 'lines' | 'json';
  /** `process.stderr` unless said; for `'json'`, `process.stdout`. */
  stream?: Output;
  /** The `name` in each line of JSON. */
  name?: string;
}

/**
 * Shows on a terminal, or writes to a log, what an application does: one of its `instruments`. Until an application starts it does
 * nothing, and it holds no process open.
 *
 * The live drawing stands below whatever is written meanwhile through `process.stdout` and `process.stderr`, which is let through
 * above it; what a child process writes to the same terminal by itself is not seen, and may be drawn over. The whole drawing stays
 * when the application, or the process, ends. Colours are for terminals, but for what `NO_COLOR` and `FORCE_COLOR` say.
 *
 * @throws TypeError or RangeError for options of a wrong type or value.
 *
 * @example
 * ```ts
 * import { launch, task } from 'rxjs-tasks';
 * import { terminal } from 'rxjs-tasks/inspect';
 *
 * const stream = { write: (line: string) => console.log(line.replace(/^\S+ +/, '').trimEnd()) };
 * await launch([task('answer', () => 42)], { instruments: [terminal({ ui: 'lines', stream })] });
 * // → ready        answer
 * // → completed    answer
 * // → shutdown     clean: 1 completed
 * ```
 */
export function terminal(options: TerminalOptions = {}): Instrumentation {
  const show = shower(options);
  return { onEvent: (event) => show(event, Date.now()) };
}

/** What shows an event, and when it was told. */
export function shower(options: TerminalOptions): Show {
  const show = showAt(options);
  let skew = 0;
  return (event, now) => {
    // What happens to the application as a whole has no time of its own, and goes by the clock of its tasks.
    if ('at' in event) skew = event.at - now;
    show(event, now + skew);
  };
}

type Show = (event: AppEvent, now: number) => void;

function showAt(options: TerminalOptions): Show {
  validateOptions(options, ['ui', 'stream', 'name']);
  const { ui = 'live', stream, name } = options;
  validateOneOf('ui', ['live', 'lines', 'json'], ui);
  if (name !== undefined) validateString('name', name);
  if (stream !== undefined) {
    if (typeof stream !== 'object' || (stream as unknown) === null)
      throw new TypeError(invalid('stream', 'a writable stream', stream));
    validateFunction('stream.write', (stream as Partial<Record<'write', unknown>>).write);
  }
  const write = (text: string) => writeTo(output, text);
  const output: Output = stream ?? (ui === 'json' ? process.stdout : process.stderr);
  if (ui === 'json') {
    const base = { pid: process.pid, hostname: hostname(), ...(name !== undefined && { name }) };
    return (event, now) => write(`${jsonLine(event, now, base)}\n`);
  }
  const lineOf = lines(output);
  if (ui === 'lines' || !output.isTTY || process.env['TERM'] === 'dumb')
    return (event, now) => {
      const line = lineOf(event, now);
      if (line) write(line);
    };
  let live: Live | undefined;
  return (event, now) => {
    live ??= new Live(output, painter(takesColors(output)));
    // The drawing shows what goes well, and the end.
    const isRead = event.type !== 'shutdown' && event.type !== 'ready' && logLine(event)?.what !== 'completed';
    live.add(event, now, isRead ? lineOf(event, now) : '');
    if (event.type === 'shutdown') live = undefined;
  };
}

/** Gives the line of an event, or none. An error that goes through groups is told by each of them, and written once. */
function lines(output: Output): (event: AppEvent, now: number) => string {
  const told = new WeakSet();
  return (event, now) => {
    const error = eventError(event);
    if (typeof error === 'object' && error !== null) {
      if (told.has(error) && event.type === 'done') return '';
      told.add(error);
    }
    const line = logLine(event);
    if (!line) return '';
    const paint = painter(takesColors(output));
    const { level, what, task, text } = line;
    const start = `${paint(time('at' in event ? event.at : now, output), 'dim')} ${paint(fit(what, 12), levelColors[level])}`;
    return `${[start, task, text].filter(Boolean).join(' ').trimEnd()}\n`;
  };
}

/** The time of the day for whoever sits at the terminal, else all of it. */
function time(at: number, { isTTY }: Output): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  if (!isTTY) return date.toISOString();
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
