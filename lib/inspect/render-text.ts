import { invalid, validateNumber, validateOptions } from '../util/validate.js';
import type { Recording } from '../recording/tape.js';
import { painter } from './ansi.js';
import { cut } from './columns.js';
import { drawText, heading } from './draw-text.js';
import { viewOf } from './view.js';

/** How a recording is drawn as text. */
export interface TextOptions {
  /** In columns; 80 unless said. */
  width?: number;
  /** Whether with a terminal's colours; without unless said. */
  color?: boolean;
}

/**
 * Draws a recording for a terminal, or for a log: a line for each task, under a common axis of time; what the symbols mean, what
 * happened to all of them, and what failed, below.
 *
 * @throws TypeError for what is no recording, RangeError for a `width` below 20.
 *
 * @example
 * ```ts
 * import { orchestrate } from 'rxjs-tasks';
 * import { record, renderText } from 'rxjs-tasks/inspect';
 * import { at, script } from 'rxjs-tasks/testing';
 *
 * const clock = at(0);
 * const recording = record(orchestrate([script('db', '[-->------]--|')], { scheduler: clock }), { clock });
 * clock.advance(1000);
 * console.log(renderText(recording, { width: 40 }).split('\n')[3]); // → db    ░░░░░░░░━━━━━━━━━━━━━━━━━━▒▒▒▒▒▒▒✓
 * ```
 */
export function renderText(recording: Recording, options: TextOptions = {}): string {
  validateOptions(options, ['width', 'color']);
  const { width = 80, color = false } = options;
  validateNumber('width', 20, 100_000, width);
  if (typeof color !== 'boolean') throw new TypeError(invalid('color', 'a boolean', color));
  const view = viewOf(recording);
  const paint = painter(color);
  const whole = Math.floor(width);
  const { axis, rows, lines, legend, errors } = drawText(view, whole, paint);
  return [
    [paint(cut(heading(view, recording.dropped), whole), 'bold')],
    [...axis, ...rows.map(({ text }) => text)],
    lines,
    errors,
    legend,
  ]
    .filter((part) => part.length > 0)
    .map((part, place) => (place < 2 ? part : ['', ...part]).join('\n'))
    .join('\n');
}
