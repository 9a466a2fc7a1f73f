import { invalid } from '../util/validate.js';

/** Something at a time: in ms, from where its row begins. */
export interface Marble {
  readonly at: number;
  readonly mark: string;
}

/**
 * What the marks in marbles mean, in the order in which a life has them. Beside them there are values, which are letters and digits,
 * and `_`, which is any value that has none of its own.
 *
 * @example
 * ```ts
 * import { marks } from 'rxjs-tasks/testing';
 *
 * for (const mark of '[>!]|' as const) console.log(mark, marks[mark as keyof typeof marks]);
 * // → [ initialize
 * // → > ready
 * // → ! cancelled
 * // → ] finalize
 * // → | ended
 * ```
 */
export const marks = {
  '[': 'initialize',
  '>': 'ready',
  '+': 'a slot runs',
  '/': 'a slot is skipped',
  '%': 'slots were missed',
  ':': 'a slot is overdue',
  '*': 'the run of a slot failed',
  '~': 'draining',
  '!': 'cancelled',
  '#': 'failed',
  ']': 'finalize',
  '<': 'starts over, or is not ready any more',
  "'": 'result-dropped',
  '|': 'ended',
  '?': 'never ends',
} as const;

/** One of {@link marks}. */
export type Mark = keyof typeof marks;

/** What values are by. */
export function expectLetters(values: object): void {
  const wrong = Object.keys(values).find((letter) => !/^\w$/.test(letter));
  if (wrong !== undefined) throw new TypeError(invalid('values', 'by letters and digits', wrong));
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const span = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)(?=\s|$)/;

/** A row as it is written: its marbles, and how long it is. */
export interface Row {
  readonly marbles: readonly Marble[];
  readonly length: number;
}

/** @throws SyntaxError for what is no marble. */
export function parseRow(text: string): Row {
  const marbles: Marble[] = [];
  let at = 0;
  let group = false;
  for (let place = 0; place < text.length; place++) {
    const mark = text.charAt(place);
    const wrong = (what: string) =>
      new SyntaxError(`Expected ${what} at character ${place + 1} of the marbles \`${text}\`, got \`${mark}\``);
    const [token, number = '', unit = ''] =
      place === 0 || /\s/.test(text.charAt(place - 1)) ? (span.exec(text.slice(place)) ?? []) : [];
    if (token) {
      if (group) throw wrong('no time to pass within a group');
      at = whole(at + Number(number) * units[unit as keyof typeof units]);
      place += token.length - 1;
    } else if (mark === '(' || mark === ')') {
      if (group === (mark === '(')) throw wrong(group ? 'no group within a group' : '`(` before `)`');
      group = mark === '(';
      if (!group) at++;
    } else if (mark === '-') {
      if (group) throw wrong('no time to pass within a group');
      at++;
    } else if (mark in marks || /\w/.test(mark)) {
      const [glued] = /^\d+(\.\d+)?(ms|[smhd])/.exec(text.slice(place)) ?? [];
      if (glued && !group) throw wrong(`spaces around \`${glued}\`, or parentheses if these are values,`);
      marbles.push({ at, mark });
      if (!group) at++;
    } else if (!/\s/.test(mark))
      throw wrong(
        'a letter or digit, `-`, `(`, `)`, a time such as `30s`, or one of `' + Object.keys(marks).join('') + '`',
      );
  }
  if (group) throw new SyntaxError(`Expected \`)\` at the end of the marbles \`${text}\``);
  return { marbles, length: at };
}

/** Sums of decimals have more digits than what was summed; with less than µs those of years would lose their last. */
function whole(ms: number): number {
  return Math.round(ms * 1e3) / 1e3;
}

/** So much time, as rows have it: dashes, or when that would be many, in numbers. */
export function drawTime(ms: number): string {
  if (ms <= 8) return '-'.repeat(ms);
  if (ms < units.s) return ` ${ms}ms `;
  const [d, h, m] = [Math.floor(ms / units.d), Math.floor(ms / units.h) % 24, Math.floor(ms / units.m) % 60];
  const s = (ms % units.m) / units.s;
  return ` ${[d && `${d}d`, h && `${h}h`, m && `${m}m`, s && `${s}s`].filter(Boolean).join(' ')} `;
}
