import { styles, type Kind } from '../styles.js';
import type { Paint } from './paint.js';

/** Returns the lines of a legend. */
export function legendLines(kinds: readonly Kind[], width: number, paint: Paint): string[] {
  const lines: string[] = [];
  let length = Infinity;
  for (const kind of kinds) {
    const { symbol, label, color } = styles[kind];
    const text = `${paint(symbol, color)} ${label}`;
    const needed = 2 + label.length;
    if (length + 3 + needed > width) {
      lines.push(text);
      length = needed;
    } else {
      lines.push(`${lines.pop() ?? ''}   ${text}`);
      length += 3 + needed;
    }
  }
  return lines;
}
