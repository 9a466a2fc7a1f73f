import { invalid } from '../util/validate.js';
import { validateJsonb } from './jsonb.js';
import type { JobEvent } from './queue-types.js';

/** The maximum length of a progress, and of an output in an event, as JSON in bytes. */
const [maxProgressBytes, maxOutputBytes] = [7500, 7900];

/** Returns an event as JSON. An output that is too long for a message is left out. */
export function toEventText(event: JobEvent): string {
  const text = JSON.stringify(event);
  return event.type === 'completed' && Buffer.byteLength(text) > maxOutputBytes
    ? JSON.stringify({ ...event, output: undefined })
    : text;
}

/** @throws RangeError for a progress that is too long for a message; TypeError for one that JSON cannot represent. */
export function validateProgress(progress: unknown): void {
  if (Buffer.byteLength(validateJsonb('progress', { progress })) > maxProgressBytes)
    throw new RangeError(invalid('progress', `JSON of up to ${maxProgressBytes} bytes`, progress));
}
