// eslint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;
/** Characters that move a terminal's cursor, reverse the direction of a text, or are invalid in XML. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+/gu;

/** Returns a text on one line that is safe to show in a terminal, HTML or XML, without escape sequences. */
export function printable(text: string): string {
  return replaceUnprintable(stripEscapes(text)).trim();
}

/** Replaces each run of unprintable characters with a space, so that a text stays on its line. */
export function replaceUnprintable(text: string): string {
  return text.replaceAll(unprintable, ' ');
}

/** Removes the escape sequences that a terminal obeys and does not show. */
export function stripEscapes(text: string): string {
  return text.replaceAll(escapes, '');
}
