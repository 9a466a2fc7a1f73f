import type { FleetDatabase } from './fleet-database.js';
import { toPolicy, type QueuePolicy } from './queue-policy.js';
import type { QueueOptions } from './queue-types.js';

/** The options of a queue as they are stored: those that any process has given. */
export interface StoredOptions {
  readonly retries?: number;
  readonly initial?: number;
  readonly max?: number;
  readonly timeout?: number;
  readonly retention?: number;
  /** 0 for `Infinity`, which JSON does not have. */
  readonly maxWaiting?: number;
}

/**
 * Stores the options that are given, and leaves the others as they are. Returns the policy that holds for all
 * processes.
 */
export async function storeOptions(
  database: FleetDatabase,
  queue: string,
  options: StoredOptions,
): Promise<QueuePolicy> {
  const [row] = await database.queryWithRetry<{ options: StoredOptions }>(
    `insert into "${database.schema}".queue as known (name, options) values ($1, $2)
     on conflict (name) do update set options = known.options || excluded.options
     returning options`,
    [queue, JSON.stringify(options)],
  );
  return toPolicy(fromStored(row?.options ?? options));
}

/** Reads the options that are given, also inherited ones. A later change of the object has no effect. */
export function toStored({ retries, backoff, timeout, retention, maxWaiting }: QueueOptions): StoredOptions {
  const read = {
    retries,
    initial: backoff?.initial,
    max: backoff?.max,
    timeout,
    retention,
    maxWaiting: maxWaiting === Infinity ? 0 : maxWaiting,
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
}

/** Returns stored options as those of a queue. */
export function fromStored({ retries, initial, max, timeout, retention, maxWaiting }: StoredOptions): QueueOptions {
  return {
    retries,
    // One process may have given the first value, and another the second.
    backoff: { initial, max: max === undefined || initial === undefined ? max : Math.max(initial, max) },
    timeout,
    retention,
    maxWaiting: maxWaiting === 0 ? Infinity : maxWaiting,
  };
}
