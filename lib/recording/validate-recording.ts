import { invalid } from '../util/validate.js';
import type { RecordedEvent, Recording } from './types.js';

/** Throws a TypeError if a value is not a recording. */
export function validateRecording(recording: unknown): asserts recording is Recording {
  const { version, from, events } = Object(recording) as Partial<Recording>;
  if (version !== 1 || !Number.isFinite(from) || !Array.isArray(events) || !events.every(isEvent))
    throw new TypeError(invalid('recording', 'a recording made by `record`', recording));
}

function isEvent(event: unknown): boolean {
  const { type, at } = Object(event) as Partial<RecordedEvent>;
  return typeof type === 'string' && Number.isFinite(at);
}
