// eslint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;
/** What moves a terminal's cursor, turns the direction of a text around, or may not be in XML. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]+/gu;

/** A text of someone's on one line, without what would harm where it is shown. */
export function printable(text: string): string {
  return visible(text).replaceAll(unprintable, ' ').trim();
}

/** Without what a terminal does rather than shows. */
export function visible(text: string): string {
  return text.replaceAll(escapes, '');
}
