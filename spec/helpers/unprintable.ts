import fc from 'fast-check';

const unprintable =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]/u;

/**
 * Returns the first character that no line of output may have: a control, a reversed direction, a line separator or a
 * lone surrogate.
 */
export function unprintableIn(text: string): string | undefined {
  return unprintable.exec(text)?.[0];
}

/** Text with many characters and sequences that a terminal or a log obeys. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom('\u001b', '\u001b[2J', '\u001b]0;', '\u0007', '\u009b31m', '\u0000', '\r', '\n', '\n  ', '\t'),
      fc.constantFrom(...Array.from('\u007f\u0085\u202e\u2028\u2029\u2066\ufeff\uffff')),
      fc.constantFrom('\ud800', '\udfff', '監視', '👩‍👩‍👧', '%s'),
      fc.constantFrom('}', ']', '/', '    at f (/a.js:1:1)', '\n    at f (/a.js:1:1)', ': ', '`'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
