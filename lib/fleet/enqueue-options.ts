import { hasMethod } from '../util/has-members.js';
import { invalid, validateBoolean, validateOptions } from '../util/validate.js';
import { submitOptionNames, validateSubmitOptions } from './queue-policy.js';
import type { EnqueueOptions, QueryClient, SubmitOptions } from './queue-types.js';

/** Options of `enqueue`, divided into those of the insertion and those of the job. */
export interface Insertion {
  readonly db: QueryClient | undefined;
  readonly notify: boolean;
  readonly jobOptions: SubmitOptions;
}

const enqueueOptionNames: readonly string[] = [...submitOptionNames, 'db', 'notify'];

/**
 * Reads and validates the options of `enqueue`.
 *
 * @param now the current time, in ms since 1970.
 */
export function readInsertion(options: EnqueueOptions, now?: number): Insertion {
  validateOptions(options, enqueueOptionNames);
  const { db, notify = true, ...jobOptions } = options;
  validateBoolean('notify', notify);
  if (db === undefined && options.notify !== undefined)
    throw new TypeError('Expected `notify` to be used together with `db`');
  if (db !== undefined && !hasMethod(db, 'query'))
    throw new TypeError(invalid('db', 'a client with a `query` function', db));
  validateSubmitOptions(jobOptions, now);
  return { db, notify, jobOptions };
}
