import { fileURLToPath } from 'node:url';
import { toRecordedError } from '../../recording/to-recorded.js';
import { attempt } from '../../util/attempt.js';
import { isError, stackOf } from '../../util/error-parts.js';
import { errorChain } from '../../util/error-causes.js';
import { printable } from '../../util/printable.js';

/** Formats an error, its causes, and the place where the innermost was thrown, on one line. */
export function errorLine(error: unknown): string {
  const causes = errorChain(error);
  const texts = causes.map(shortText);
  // The message of a wrapper often ends with the message of its cause, or with a text that was thrown, in quotes.
  const isIn = (text: string, wrapper: string | undefined) =>
    [withoutName(text), `'${text}'`].some((end) => wrapper?.endsWith(end));
  const distinct = texts.filter((text, index) => !isIn(text, texts[index - 1]));
  return distinct.join(' ← ') + placeOf(causes.at(-1));
}

/** Formats an error with its name. Other thrown values have none. */
export function namedText(error: unknown): string {
  const { name, message } = toRecordedError(error);
  return isError(error) ? `${name}: ${message}` : message;
}

/** Formats an error without the name of its task. */
function shortText(error: unknown): string {
  const { message, task = '' } = toRecordedError(error);
  const start = `${task} failed in `;
  return printable(message.startsWith(start) ? message.slice(start.length) : namedText(error));
}

function withoutName(text: string): string {
  return text.replace(/^\w*Error: /, '');
}

/** Returns the first place in a stack that is neither in Node nor in a dependency. */
function placeOf(error: unknown): string {
  const own = stackOf(error)
    .split('\n')
    .map(placeIn)
    .find((place) => place !== undefined && !place.includes('/node_modules/'));
  if (own === undefined) return '';
  return ` (${printable(attempt(() => fileURLToPath(own), own))})`;
}

/** Returns the place of a frame, such as `at f (/app.js:1:2)` or `at async /app.js:1:2`, if it is a file. */
function placeIn(frame: string): string | undefined {
  if (!frame.startsWith(frameStart)) return undefined;
  const open = frame.endsWith(')') ? frame.indexOf(' (') : -1;
  const place = open === -1 ? frame.slice(frameStart.length).replace(/^async /, '') : frame.slice(open + 2, -1);
  return /^(file:\/\/)?\//.test(place) && /:\d+:\d+$/.test(place) ? place : undefined;
}

const frameStart = '    at ';
