import { roundTrips } from '../fleet/round-trips.js';
import { median } from '../ns-per-piece.js';

export { skip } from '../fleet/servers.js';

export const title = 'fleet-round-trip: from submit to the result from another process, for n concurrent submitters';
export const unit = 'ms';
export const sizes = [1, 50];
export const label = (n) => `${n} ${n === 1 ? 'submitter' : 'submitters'}`;
export const repetitions = 3;
export const limit = 120_000;

/** graphile-worker has no results: it is measured to the start of the task, in the process that adds the job. */
export const contenders = { 'rxjs-tasks': {}, 'graphile-worker, to the start': {}, BullMQ: {} };

/** Measures the median of one job. */
export async function measure(contender, submitters) {
  const { latencies } = await roundTrips(contender, submitters);
  return median(latencies);
}

export const targets = [
  { what: 'submit to result', n: 1, against: 'BullMQ', ratio: 3.5 },
  { what: 'submit to result', n: 1, against: 'graphile-worker, to the start', ratio: 1.2 },
  { what: 'submit to result', n: 50, against: 'BullMQ', ratio: 0.7 },
  { what: 'submit to result', n: 50, against: 'graphile-worker, to the start' },
];
