import { invalid } from '../util/validate.js';

/** A claim of a job by a process. */
export interface MemoryClaim {
  readonly queue: string;
  readonly job: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The name of the process. */
  readonly process: string;
}

/** Decides which claims are lost: those of a function, or each in one of the orders that `explore` tries. */
export type MemoryFaults = 'explore' | ((claim: MemoryClaim) => boolean);

/** The time without a heartbeat after which a process has lost its jobs, in ms: the default of a real fleet. */
export const heartbeatMs = 10_000;

export function validateFaults(faults: unknown): void {
  if (faults !== 'explore' && typeof faults !== 'function')
    throw new TypeError(invalid('faults', "a function or `'explore'`", faults));
}
