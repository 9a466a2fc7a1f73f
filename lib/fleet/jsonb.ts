import { messageOf } from '../util/describe-error.js';
import { invalid } from '../util/validate.js';

// JSON.stringify writes both as escapes. An even number of backslashes before an escape makes it plain text.
const refusedEscape = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * Accepts a job's input or output that PostgreSQL's jsonb can represent: its strings must have no NUL and no lone
 * surrogate. A refused value would fail the whole batch that it is written with. Returns the JSON.
 *
 * @throws TypeError
 */
export function validateJsonb(name: string, value: object): string {
  const json = stringify(name, value);
  if (refusedEscape.test(json))
    throw new TypeError(`Expected \`${name}\` to be JSON without NUL and lone surrogates in its strings`);
  return json;
}

/** Accepts an input that JSON does not leave out. An input that is undefined is one: it is left out on purpose. */
export function validateInput(name: string, input: unknown): void {
  if (typeof input === 'function' || typeof input === 'symbol') throw new TypeError(invalid(name, 'JSON', input));
}

/** Returns the name of an input in an error. */
export function inputName(inputs: readonly unknown[], index: number): string {
  return inputs.length === 1 ? 'input' : `inputs[${index}]`;
}

function stringify(name: string, value: object): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`Expected \`${name}\` to be JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** Truncates a text, and replaces the characters that jsonb refuses. */
export function toJsonbText(text: string, maxLength: number): string {
  return Buffer.from(text.slice(0, maxLength)).toString().replaceAll('\0', '\ufffd');
}
