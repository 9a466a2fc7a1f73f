import { inspect } from 'node:util';
import { attempt } from './attempt.js';
import { isError } from './error-parts.js';
import { stackTrace } from './error-causes.js';
import { hasLongStack, print } from './print.js';
import { printableLines } from './printable.js';

/** The longest text of an error with everything that belongs to it, in characters. */
const maxText = 100_000;
/** The longest text of the properties of an error. */
const maxProperties = 10_000;

/**
 * Writes an error with `console.error`: as the console prints it, unless that would be too long, or would have
 * characters that a terminal obeys, or lines that look like those of others. Then it is printable text, whose lines are
 * indented.
 */
export function logError(error: unknown): void {
  const raw = hasLongStack(error) ? undefined : attempt(() => consoleText(error), undefined);
  const text = indented(printableLines(raw ?? stackTrace(error, propertiesOf), maxText));
  // The error itself, where possible: a terminal shows it in colours, and a tool that replaces the console gets it.
  attempt(() => console.error(text === raw ? error : text), undefined);
}

const written = new WeakSet();

/**
 * Writes an error as {@link logError} does, unless this function has written it before: the subscriber of a run and the
 * applications around it may all receive the same error. Values that are not objects are always written.
 */
export function logErrorOnce(error: unknown): void {
  if (typeof error === 'object' && error !== null) {
    if (written.has(error)) return;
    written.add(error);
  }
  logError(error);
}

/** Returns the text that the console writes for a value. */
function consoleText(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}

/** Prints the properties of an error that its stack and its causes do not show, on a line of its own. */
function propertiesOf(error: unknown): string {
  if (!isError(error)) return '';
  const properties = attempt(() => Object.entries(Object.getOwnPropertyDescriptors(error)), []);
  const others = properties.filter(([key]) => !['name', 'message', 'stack', 'cause', 'errors'].includes(key));
  const text = print(Object.defineProperties({}, Object.fromEntries(others)), { depth: 0, breakLength: Infinity });
  return text === '{}' ? '' : `\n  ${printableLines(text, maxProperties)}`;
}

/** Indents the lines of a text that are at the margin, except the first and closing brackets. */
function indented(text: string): string {
  return text.replaceAll(/\n(?!\s|[\]})]+(?:\n|$))(?=.)/g, '\n  ');
}
