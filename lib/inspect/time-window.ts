import type { Recording } from '../recording/types.js';
import { validateRecording } from '../recording/validate-recording.js';
import { Timeline } from './timeline.js';

/** A timeline and the part of it to draw. */
export interface TimeWindow {
  readonly timeline: Timeline;
  readonly from: number;
  readonly to: number;
  /** The zero of the time axis. Default: `from`. */
  readonly zero?: number;
}

/** @throws TypeError for a value that is not a recording. */
export function windowOf(recording: Recording): TimeWindow {
  validateRecording(recording);
  const timeline = new Timeline({ limit: Infinity });
  for (const event of recording.events) timeline.add(event);
  const { from: first = recording.from, to: last = recording.from } = timeline;
  // Before the first event that was kept, a drawing would look as if nothing had happened.
  const from = recording.dropped > 0 ? first : Math.min(first, recording.from);
  return { timeline, from, to: Math.max(last, from + 1) };
}
