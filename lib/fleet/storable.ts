// JSON says it in escapes, and half a pair of surrogates it always escapes; an even number of backslashes before is text.
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * A job's input or output must be what JSON can hold, and PostgreSQL's jsonb: text with a NUL, or half a pair of surrogates, it refuses.
 * Such a one would fail all that are written with it.
 *
 * @throws TypeError
 */
export function expectStorable(name: string, value: object): void {
  if (unstorable.test(JSON.stringify(value)))
    throw new TypeError(`Expected \`${name}\` to be JSON without NUL and half surrogates in its text`);
}

/** The beginning of a text, without what jsonb refuses. */
export function storable(text: string, longest: number): string {
  return Buffer.from(text.slice(0, longest)).toString().replaceAll('\0', '\ufffd');
}
