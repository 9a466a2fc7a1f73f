import type { SchedulerLike } from 'rxjs';
import type { Fleet } from '../fleet/types.js';
import type { MemoryFaults } from './memory-faults.js';

/** Options of {@link memoryFleet}. */
export interface MemoryFleetOptions {
  /**
   * The scheduler that all times of the fleet follow: that of the contexts of its tasks, such as a `virtualClock`.
   * Default: RxJS's `asyncScheduler`, which is virtual in a `scenario` and in `TestScheduler.run`.
   */
  scheduler?: SchedulerLike | undefined;
  /** The name of the process. Default: `memory`. */
  name?: string | undefined;
  /**
   * Decides whether a claim is lost, as by a process that hangs or has no connection. The handler goes on, but its
   * result is not stored, and its worker claims no other job. After 10 s its context is cancelled with a
   * `JobLostError`, and the job runs again. With `'explore'`, no claim is lost in the usual order, and each is in one
   * of the orders that `explore` tries. Default: no claim is lost.
   */
  faults?: MemoryFaults | undefined;
}

/** A fleet in memory, as one of its processes is connected to it. */
export interface MemoryFleet extends Fleet {
  /**
   * Connects another process to the fleet. It shares queues, crons and the cancel with all others.
   *
   * @param name the name of the process in events, up to 200 characters.
   */
  process(name: string): MemoryFleet;
}
