import { roundTrips } from '../fleet/round-trips.js';

export { skip } from '../fleet/servers.js';

export const title = 'fleet-submitters: a job whose result n concurrent submitters wait for, worked by one process';
export const unit = 'µs';
export const sizes = [50];
export const label = (n) => `${n} submitters`;
export const repetitions = 3;
export const limit = 120_000;

/** graphile-worker has no results: it is measured to the start of the task, in the process that adds the job. */
export const contenders = { 'rxjs-tasks': {}, 'graphile-worker, to the start': {}, BullMQ: {} };

/** Measures µs a job, the inverse of the throughput. */
export async function measure(contender, submitters) {
  const { usPerJob } = await roundTrips(contender, submitters);
  return usPerJob;
}

export const targets = [
  { what: 'a job that is submitted and awaited', n: 50, against: 'BullMQ' },
  { what: 'a job that is submitted and awaited', n: 50, against: 'graphile-worker, to the start' },
];
