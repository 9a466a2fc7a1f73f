const invisible = /^[\p{Mn}\p{Me}\p{Cf}]/u;
/** The blocks that Unicode's East Asian Width calls wide, and emoji. */
const wideBlocks = [
  '\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3',
  '\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6',
  '\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\\p{Emoji_Presentation}',
];
const wide = new RegExp(`^[${wideBlocks.join('')}]`, 'u');

/** Returns the number of terminal columns of a text. Takes quadratic time, so a long text must be cut before. */
export function displayWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let sum = 0;
  for (const { segment } of graphemesOf(text)) sum += graphemeWidth(segment);
  return sum;
}

/** Shortens a text to a number of columns, with a `…` at its end. */
export function truncate(text: string, maxColumns: number): string {
  if (displayWidth(text) <= maxColumns) return text;
  let kept = '';
  let remaining = maxColumns - 1;
  for (const { segment } of graphemesOf(text)) {
    remaining -= graphemeWidth(segment);
    if (remaining < 0) break;
    kept += segment;
  }
  return maxColumns < 1 ? '' : `${kept}…`;
}

/** Shortens or pads a text to exactly this many columns. */
export function padToWidth(text: string, width: number): string {
  const kept = truncate(text, width);
  return kept + ' '.repeat(Math.max(0, width - displayWidth(kept)));
}

/** Returns the largest of the measures, at least 0. `Math.max(...items)` would overflow the stack with many items. */
export function maxOf<T>(items: readonly T[], measure: (item: T) => number): number {
  return items.reduce((max, item) => Math.max(max, measure(item)), 0);
}

let segmenter: Intl.Segmenter | undefined;

/** Splits a text into graphemes. Creates the segmenter when it is needed, because that takes 20 ms. */
function graphemesOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

function graphemeWidth(grapheme: string): number {
  if (invisible.test(grapheme)) return 0;
  return wide.test(grapheme) || grapheme.includes('\ufe0f') ? 2 : 1;
}
