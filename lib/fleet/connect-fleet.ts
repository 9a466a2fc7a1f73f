import { hostname } from 'node:os';
import {
  invalid,
  validateMs,
  validateNumber,
  validateOptions,
  validateString,
  validateInteger,
} from '../util/validate.js';
import { isCall, type Call } from './call.js';
import { Channel } from './channel.js';
import { openDirectory, openServer, type Access } from './database.js';
import { ConnectedFleet } from './connected-fleet.js';
import type { Fleet } from './fleet.js';
import { FleetRow } from './fleet-row.js';
import { JobEvents } from './job-events.js';
import { MasterCancel } from './master-cancel.js';
import { Results } from './results.js';
import { setUp } from './schema.js';

/** Where the database of a fleet is, and how this process uses it. */
export interface FleetOptions {
  /** A PostgreSQL, as `postgres://user:password@host:5432/database`. */
  url?: string;
  /** Without a `url`: where an embedded database, for this process alone, keeps its files. */
  directory?: string;
  /** The schema that holds the fleet's tables, `rxjs_tasks` unless said; pg-boss's are in one whose name ends in `_jobs`. */
  schema?: string;
  /** The name of this process in events and on the inspector's page; its host and pid unless said. */
  name?: string;
  /** How long it is tried to reach the database, in ms; 10,000 unless said. */
  connectTimeout?: number;
  /** How many connections this process may have, beside the one it listens on; 4 unless said. */
  connections?: number;
  /** Without a sign of life for so long, in ms, a process has lost its jobs; 10,000 unless said, and at least. */
  heartbeat?: number;
}

const optionNames = ['url', 'directory', 'schema', 'name', 'connectTimeout', 'connections', 'heartbeat'];

/**
 * Connects this process with all others that use the same database: crons whose slots are run once, queues of jobs, one cancel for
 * all. Without a `url` it embeds a database for one process, and the same code runs on that.
 *
 * @throws TypeError, RangeError for bad options; {@link FleetConnectionError} when there is no database within `connectTimeout`;
 * {@link FleetVersionError} when a later version of the library has set it up; {@link DirectoryInUseError} when another process has
 * the directory; all of them by rejection.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { launch } from 'rxjs-tasks';
 * import { connectFleet } from 'rxjs-tasks/fleet';
 *
 * const { FLEET_URL = 'postgres://localhost/shop' } = process.env;
 * const fleet = await connectFleet({ url: FLEET_URL });
 * const squares = fleet.queue<number, number>('squares');
 * const app = launch([squares.worker((n) => n * n)]);
 * console.log(await lastValueFrom(squares.submit(7))); // → 49
 * await app.stop();
 * await fleet.close();
 * ```
 */
export async function connectFleet(options: FleetOptions): Promise<Fleet> {
  validateOptions(options, optionNames);
  const {
    url,
    directory,
    schema = 'rxjs_tasks',
    connectTimeout = 10_000,
    connections = 4,
    heartbeat = 10_000,
  } = options;
  const { name = `${hostname()}:${process.pid}` } = options;
  if ((url === undefined) === (directory === undefined))
    throw new TypeError(invalid('options', 'a `url`, or else a `directory`', Object.keys(options)));
  validateString('name', name);
  // It is in every message.
  if (name.length > 200) throw new RangeError(invalid('name', 'up to 200 characters', name));
  validateString('schema', schema);
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema))
    throw new RangeError(invalid('schema', 'up to 40 small letters, digits and `_`', schema));
  validateMs('connectTimeout', connectTimeout);
  validateInteger('connections', 1, 100, connections);
  validateNumber('heartbeat', 10_000, 3_600_000, heartbeat);
  const access: Access = { schema, name, connections, connectTimeout };
  if (directory !== undefined) validateString('directory', directory);
  const connection =
    directory === undefined ? await openServer(toUrl(url), access) : await openDirectory(directory, access);
  const calls = new Channel<Call>(connection, schema, isCall);
  const row = new FleetRow(connection, calls);
  const events = new JobEvents(connection, calls, row, name);
  const master = new MasterCancel(connection, row);
  try {
    await setUp(connection);
    await connection.promptly(calls.listen(), connectTimeout);
    await row.look();
    row.start();
    const results = new Results(connection, events);
    return new ConnectedFleet({ name, connection, calls, row, events, results, master, heartbeat });
  } catch (error) {
    row.stop();
    await connection.close();
    throw error;
  }
}

/** Nothing of what was given is shown: there may be a password in it. */
function toUrl(url: unknown): URL {
  expectUrl(typeof url === 'string' && URL.canParse(url));
  const parsed = new URL(url as string);
  expectUrl(parsed.protocol === 'postgres:' || parsed.protocol === 'postgresql:');
  return parsed;
}

function expectUrl(is: boolean): void {
  if (!is) throw new TypeError('Expected `url` to be that of a PostgreSQL, as `postgres://host:5432/database`');
}
