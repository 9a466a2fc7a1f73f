import { printable } from '../util/printable.js';
import { invalid } from '../util/validate.js';

/** A mark at a time, in ms from the start of its row. */
export interface Marble {
  readonly at: number;
  readonly mark: string;
}

/**
 * Meanings of the marks in marbles, in the order of a task's lifecycle. Values have marks, too: letters and digits, and
 * `_` for any value without a letter.
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
  '<': 'restarts, or is no longer ready',
  "'": 'a late result was dropped',
  '}': "a teardown that is not the task's own failed",
  '=': 'an option failed, and its default is used',
  $: 'a future failed, and nobody has looked at its error',
  '{': 'a member is added',
  ';': 'a member is removed',
  '^': 'a run is triggered',
  ',': 'paused',
  '&': 'resumed',
  '@': 'rescheduled',
  '"': 'a restart is requested',
  '`': 'an operator acts through the task',
  '|': 'ended',
  '?': 'never ends',
} as const;

/** One of {@link marks}. */
export type Mark = keyof typeof marks;

/** @throws TypeError unless the values are an object, and all its keys are letters or digits. */
export function validateLetters(values: unknown): void {
  const expected = 'an object whose keys are letters or digits';
  if (typeof values !== 'object' || values === null) throw new TypeError(invalid('values', expected, values));
  const wrong = Object.keys(values).find((letter) => !/^\w$/.test(letter));
  if (wrong !== undefined) throw new TypeError(invalid('values', expected, wrong));
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)(?=\s|$)/;

/** Parses a row of marbles. @throws SyntaxError for invalid marbles. */
export function parseRow(text: string): Marble[] {
  const marbles: Marble[] = [];
  let at = 0;
  let inGroup = false;
  for (let index = 0; index < text.length; index++) {
    const mark = text.charAt(index);
    const expected = (what: string) =>
      new SyntaxError(
        `Expected ${what} at character ${index + 1} of the marbles \`${printable(text)}\`, got \`${printable(mark)}\``,
      );
    const isWordStart = index === 0 || /\s/.test(text.charAt(index - 1));
    const [duration, number = '', unit = ''] = isWordStart ? (durationPattern.exec(text.slice(index)) ?? []) : [];
    if (duration) {
      if (inGroup) throw expected('no time inside a group');
      at = roundToMicroseconds(at + Number(number) * units[unit as keyof typeof units]);
      index += duration.length - 1;
    } else if (mark === '(' || mark === ')') {
      if (inGroup === (mark === '(')) throw expected(inGroup ? 'no group inside a group' : '`(` before `)`');
      inGroup = mark === '(';
      if (!inGroup) at++;
    } else if (mark === '-') {
      if (inGroup) throw expected('no time inside a group');
      at++;
    } else if (mark in marks || /\w/.test(mark)) {
      // Not at each digit of a number, which would take quadratic time.
      const isNumberStart = !/\d/.test(text.charAt(index - 1));
      const ambiguous = isNumberStart ? /^\d+(\.\d+)?(ms|[smhd])/.exec(text.slice(index))?.[0] : undefined;
      if (ambiguous && !inGroup)
        throw expected(`spaces around the time \`${printable(ambiguous)}\`, or parentheses around the values,`);
      marbles.push({ at, mark });
      if (!inGroup) at++;
    } else if (!/\s/.test(mark))
      throw expected(
        'a letter or digit, `-`, `(`, `)`, a time such as `30s`, or one of `' + Object.keys(marks).join('') + '`',
      );
  }
  if (inGroup) throw new SyntaxError(`Expected \`)\` at the end of the marbles \`${printable(text)}\``);
  return marbles;
}

/** Removes the rounding errors of a sum of decimals. A finer precision would be lost in a sum of years. */
function roundToMicroseconds(ms: number): number {
  return Math.round(ms * 1e3) / 1e3;
}

/** Draws a time as in rows: as dashes, or as numbers when there would be many dashes. */
export function drawTime(ms: number): string {
  if (ms <= 8) return '-'.repeat(ms);
  if (ms < units.s) return ` ${ms}ms `;
  const [d, h, m] = [Math.floor(ms / units.d), Math.floor(ms / units.h) % 24, Math.floor(ms / units.m) % 60];
  const s = (ms % units.m) / units.s;
  return ` ${[d && `${d}d`, h && `${h}h`, m && `${m}m`, s && `${s}s`].filter(Boolean).join(' ')} `;
}
