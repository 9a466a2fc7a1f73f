import { invalid } from '../util/validate.js';
import type { Recording } from './types.js';

/** Throws a TypeError if a value is not a recording. */
export function validateRecording(recording: unknown): asserts recording is Recording {
  const { version, events } = (recording ?? {}) as Partial<Recording>;
  if (version !== 1 || !Array.isArray(events))
    throw new TypeError(invalid('recording', 'a recording made by `record`', recording));
}
