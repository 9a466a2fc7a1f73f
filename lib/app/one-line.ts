import { messageOf } from '../util/describe-error.js';
import { isError, nameOf } from '../util/error-parts.js';
import { print } from '../util/print.js';
import { printable } from '../util/printable.js';

/** Formats any error or cause on one line: of a message of several lines, the first. */
export function oneLine(error: unknown): string {
  if (!isError(error)) return printable(print(error, { depth: 0, breakLength: Infinity, compact: true }));
  const name = printable(nameOf(error));
  const message = messageOf(error);
  const lineEnd = message.indexOf('\n');
  const line = printable(lineEnd === -1 ? message : message.slice(0, lineEnd));
  return `${name}${message === '' ? '' : ': '}${line}${lineEnd === -1 ? '' : ' …'}`;
}
