import { validateBoolean, validateNumber } from '../../util/validate.js';
import { validateOptions } from '../../util/validate-options.js';
import type { Recording } from '../../recording/types.js';
import { truncate } from '../text-width.js';
import { windowOf } from '../time-window.js';
import { drawText, heading } from './draw-text.js';
import { painter } from './paint.js';

/** Options of `renderText`. */
export interface TextOptions {
  /** The width in columns. Default: 80. */
  width?: number | undefined;
  /** Whether to use the colours of a terminal. Default: `false`. */
  color?: boolean | undefined;
}

/**
 * Draws a recording for a terminal or a log: a line for each task under a common time axis, and below them the drain,
 * the cancel and the shutdown, the errors, and a legend.
 *
 * @throws TypeError for a value that is not a recording, RangeError for a `width` below 20.
 *
 * @example
 * ```ts
 * import { orchestrate } from 'rxjs-tasks';
 * import { record, renderText } from 'rxjs-tasks/inspect';
 * import { script, virtualClock } from 'rxjs-tasks/testing';
 *
 * const clock = virtualClock(0);
 * const recording = record(orchestrate([script('db', '[-->------]--|')], { scheduler: clock }), { clock });
 * clock.advance(1000);
 * console.log(renderText(recording, { width: 40 }).split('\n')[3]); // → db    ░░░░░░░░━━━━━━━━━━━━━━━━━━▒▒▒▒▒▒▒✓
 * ```
 */
export function renderText(recording: Recording, options: TextOptions = {}): string {
  validateOptions(options, ['width', 'color'], 'renderText');
  const { width = 80, color = false } = options;
  validateNumber('width', 20, 100_000, width);
  validateBoolean('color', color);
  const window = windowOf(recording);
  const paint = painter(color);
  const columns = Math.floor(width);
  const { axis, rows, appMarks, legend, errors } = drawText(window, columns, paint);
  return [
    [paint(truncate(heading(window, recording.dropped), columns), 'bold')],
    [...axis, ...rows.map(({ text }) => text)],
    appMarks,
    errors,
    legend,
  ]
    .filter((part) => part.length > 0)
    .map((part, index) => (index < 2 ? part : ['', ...part]).join('\n'))
    .join('\n');
}
