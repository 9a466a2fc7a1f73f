import { isError, messageOf, nameOf, print } from '../util/describe-error.js';
import { replaceUnprintable } from '../util/printable.js';

/** The longest text of an error, in characters. */
const maxTextLength = 1000;
/** The longest name of a task, in characters. */
const maxNameLength = 120;

/** Formats any error or cause on one line. */
export function oneLine(error: unknown): string {
  if (!isError(error)) return cut(print(error, { depth: 0, breakLength: Infinity, compact: true }));
  const name = cut(nameOf(error));
  const message = messageOf(error);
  const lineEnd = message.indexOf('\n');
  const line = cut(lineEnd === -1 ? message : message.slice(0, lineEnd));
  return `${name}${message === '' ? '' : ': '}${line}${lineEnd === -1 ? '' : ' …'}`;
}

/** Formats a task's name. Of a long path it keeps the start and the end. */
export function shortName(name: string): string {
  const half = maxNameLength / 2;
  return replaceUnprintable(name.length <= maxNameLength ? name : `${name.slice(0, half)}…${name.slice(1 - half)}`);
}

function cut(text: string): string {
  return replaceUnprintable(text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`);
}
