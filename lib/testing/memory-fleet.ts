import { asyncScheduler } from 'rxjs';
import { validateScheduler } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { validateFaults } from './memory-faults.js';
import type { MemoryFleet, MemoryFleetOptions } from './memory-fleet-types.js';
import { MemoryProcess } from './memory-process.js';
import { MemoryStore } from './memory-store.js';

/**
 * Creates a fleet in memory, which does what `connectFleet` does with a database: queues of jobs, crons, pauses and the
 * cancel. Its `process` adds further processes, which a test simulates. Inputs and outputs are JSON, and the scheduler
 * decides all times, so a test of a day takes milliseconds.
 *
 * It differs from a database in the following: a retry has no jitter; other processes get events, pauses and cancels
 * at once; a `db` is not used, so a job is inserted at once and a rollback does not remove it; ids of jobs are
 * numbered; and a clock that is set forward ends no wait early.
 *
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { task } from 'rxjs-tasks';
 * import { memoryFleet, scenario } from 'rxjs-tasks/testing';
 *
 * await scenario({
 *   run: () => {
 *     const fleet = memoryFleet({ name: 'web' });
 *     const mails = fleet.queue<string>('mails');
 *     const send = mails.worker((to, _, { attempt }) => {
 *       console.log(new Date().toISOString(), to, attempt);
 *       if (attempt === 1) throw new Error('no answer');
 *     });
 *     return [fleet, send, task('shop', () => mails.submit('ann', { delay: 86_400_000 }))];
 *   },
 *   duration: 2 * 86_400_000,
 * });
 * // → 1970-01-02T00:00:00.000Z ann 1
 * // → 1970-01-02T00:00:01.000Z ann 2
 * ```
 */
export function memoryFleet(options: MemoryFleetOptions = {}): MemoryFleet {
  const {
    scheduler = asyncScheduler,
    name = 'memory',
    faults,
  } = readOptions(options, ['scheduler', 'name', 'faults'], 'memoryFleet');
  validateScheduler(scheduler);
  if (faults !== undefined) validateFaults(faults);
  return new MemoryProcess(new MemoryStore(scheduler, name, faults), name);
}
