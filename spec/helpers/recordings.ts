import { orchestrate } from '../../lib/index.js';
import { record, virtualClock, type Recording } from '../../lib/testing/index.js';

/** Returns the recording of an application in virtual time, as it is after storage. */
export function recordingOf(...[runnables, options]: Parameters<typeof orchestrate>): Recording {
  const clock = virtualClock();
  const recording = record(orchestrate(runnables, { scheduler: clock, ...options }), { clock });
  clock.advance(100_000);
  return stored(recording);
}

/** Returns a recording as it is after storage. */
export function stored(recording: Recording): Recording {
  return JSON.parse(JSON.stringify(recording)) as Recording;
}
