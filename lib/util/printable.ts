/** The longest line, and the longest name in a line, in characters. */
const [maxLine, maxName] = [1000, 120];
/** The most characters that are not worth a cut, because the note about it would be about as long. */
const slack = 40;

/** Sequences that a terminal obeys and does not show: CSI, strings such as OSC, and all others of two characters. */
// eslint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[PX\]^_][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-_])/g;
/** Characters that move a terminal's cursor, reverse the direction of a text, or are invalid in XML. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+/gu;

/**
 * Returns a text on one line that is safe to show in a terminal, HTML or XML: without escape sequences, and with a
 * space for each run of unprintable characters. A longer text is cut.
 */
export function printable(text: string, maxLength: number = maxLine): string {
  return cut(text, maxLength, (kept) => withoutUnprintable(stripEscapes(kept)).trim());
}

/** Returns a text that is as safe as that of {@link printable}, but keeps its line breaks and its indentation. */
export function printableLines(text: string, maxLength: number): string {
  return cut(text, maxLength, (kept) => stripEscapes(kept).split(/\r?\n/).map(withoutUnprintable).join('\n'));
}

/** Returns a task's name as {@link printable} does. Of a long path it keeps the start and the end. */
export function printableName(name: string): string {
  const half = maxName / 2;
  return printable(name.length <= maxName ? name : `${name.slice(0, half)}…${name.slice(1 - half)}`);
}

/** Escapes the unprintable characters that are left in JSON. */
export function printableJson(json: string): string {
  return json.replaceAll(unprintable, (run) =>
    Array.from({ length: run.length }, (_, i) => `\\u${run.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** Removes the escape sequences that a terminal obeys and does not show. */
export function stripEscapes(text: string): string {
  return text.replaceAll(escapes, '');
}

function withoutUnprintable(text: string): string {
  return text.replaceAll(unprintable, ' ');
}

/** Formats a text, or its start followed by the number of characters that it lacks. */
function cut(text: string, maxLength: number, format: (text: string) => string): string {
  if (text.length <= maxLength + slack) return format(text);
  const more = (text.length - maxLength).toLocaleString('en');
  return `${format(text.slice(0, maxLength))}… ${more} more characters`;
}
