import { setTimeout as delay } from 'node:timers/promises';
import { getConstructionPlans, type PgBoss } from 'pg-boss';
import { invalid, validateArray } from '../util/validate.js';
import { readKnown } from '../util/validate-options.js';
import { defaultSchema, readFleetOptions, validateKeys, validateSchema, type FleetOptions } from './fleet-options.js';
import { openDatabase } from './open-database.js';
import { deadLetterOptions, toBossOptions, toPolicy, validateQueueName } from './queue-policy.js';
import { jobsSchema, toDeadQueue } from './schema-names.js';
import { openTables, setupOf } from './schema.js';

/** Options of {@link installFleet}: the database, by a role that may create schemas, and what is created in it. */
export interface InstallOptions extends Pick<
  FleetOptions,
  'url' | 'pool' | 'connection' | 'schema' | 'connectTimeout'
> {
  /** The names of queues that are created with default options. A process with few rights may create others later. */
  queues?: readonly string[] | undefined;
}

/** Options of {@link fleetSql}. */
export type FleetSqlOptions = Pick<InstallOptions, 'schema' | 'queues'>;

const optionNames = ['url', 'pool', 'connection', 'schema', 'connectTimeout', 'queues'] as const;
/** The interval between looks whether pg-boss has built its indexes, in ms. */
const buildPollMs = 100;
/** The default time without a heartbeat. Each worker's process sets its own. */
const heartbeatMs = 10_000;

/**
 * Creates the tables of a fleet, or updates them to this version of the library, and waits until new indexes are built.
 * Afterwards a role that may only use the tables connects. May be called again at any time.
 *
 * @throws the errors of `connectFleet`.
 *
 * @example
 * ```ts
 * import { connectFleet, installFleet } from 'rxjs-tasks/fleet';
 *
 * const { FLEET_URL = 'postgres://localhost/shop' } = process.env;
 * await installFleet({ url: FLEET_URL, queues: ['mails'] }); // in a deployment, by the owner of the schema
 * const fleet = await connectFleet({ url: FLEET_URL, migrate: false });
 * console.log((await fleet.state()).queues.some(({ name }) => name === 'mails')); // → true
 * await fleet.close();
 * ```
 */
export async function installFleet(options: InstallOptions): Promise<void> {
  validateKeys(options, optionNames, 'installFleet');
  const { queues = [], ...fleetOptions } = readKnown(options, optionNames);
  validateQueues(queues);
  const resolved = readFleetOptions({ name: 'installFleet', ...fleetOptions });
  const database = await openDatabase(resolved.place, { ...resolved, install: true });
  try {
    await openTables(database, true);
    await untilBuilt(database.boss);
    if (queues.length > 0) await database.query(createQueues(resolved.schema, queues));
  } finally {
    await database.close();
  }
}

/**
 * Returns the SQL that creates all tables and functions of a fleet, for a tool that runs migrations. It is for a
 * database without them. {@link installFleet} updates existing ones.
 *
 * @example
 * ```ts
 * import { fleetSql } from 'rxjs-tasks/fleet';
 *
 * console.log(fleetSql({ schema: 'shop' }).includes('CREATE SCHEMA IF NOT EXISTS shop_jobs')); // → true
 * ```
 */
export function fleetSql(options: FleetSqlOptions = {}): string {
  validateKeys(options, ['schema', 'queues'], 'fleetSql');
  const { schema = defaultSchema, queues = [] } = options;
  validateSchema(schema);
  validateQueues(queues);
  return [getConstructionPlans(jobsSchema(schema)), setupOf(schema), createQueues(schema, queues)].join('\n');
}

function validateQueues(queues: readonly string[]): void {
  validateArray('queues', queues);
  for (const queue of queues) validateQueueName(queue);
  if (new Set(queues).size < queues.length) throw new TypeError(invalid('queues', 'distinct names', queues));
}

/** Returns the statements that create queues, unless they exist. */
function createQueues(schema: string, queues: readonly string[]): string {
  const jobs = jobsSchema(schema);
  const create = (name: string, options: object) =>
    `select ${jobs}.create_queue('${name}', '${JSON.stringify({ policy: 'standard', ...options })}');`;
  return queues
    .flatMap((queue) => [
      create(toDeadQueue(queue), deadLetterOptions),
      create(queue, { ...toBossOptions(toPolicy({}), heartbeatMs), deadLetter: toDeadQueue(queue) }),
    ])
    .join('\n');
}

/** Waits until pg-boss has built the indexes of a migration, which it does in the background. */
async function untilBuilt(boss: PgBoss): Promise<void> {
  for (;;) {
    const states = await boss.getBamStatus();
    if (!states.some(({ status }) => status === 'pending' || status === 'in_progress')) return;
    await delay(buildPollMs);
  }
}
