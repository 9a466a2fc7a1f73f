import { invalid } from '../util/validate.js';
import type { Recording } from '../recording/tape.js';
import { Timeline } from './timeline.js';

/** A timeline, and the times between which it is drawn. */
export interface View {
  readonly timeline: Timeline;
  readonly from: number;
  readonly to: number;
  /** What its axis counts from; `from` unless said. */
  readonly zero?: number;
}

/** @throws TypeError for what is no recording. */
export function viewOf(recording: Recording): View {
  const { version, events } = (recording as Partial<Record<keyof Recording, unknown>> | null | undefined) ?? {};
  if (version !== 1 || !Array.isArray(events)) throw new TypeError(invalid('recording', 'a Recording', recording));
  const timeline = new Timeline({ limit: Infinity });
  for (const event of recording.events) timeline.add(event);
  const { from: first = recording.from, to: last = recording.from } = timeline;
  // What came before the first event that was kept would be drawn as if nothing had happened.
  const from = recording.dropped > 0 ? first : Math.min(first, recording.from);
  return { timeline, from, to: Math.max(last, from + 1) };
}
