import { hostname } from 'node:os';
import {
  invalid,
  validateInteger,
  validateMs,
  validateNumber,
  validateOptions,
  validateString,
} from '../util/validate.js';
import { isControlMessage, type ControlMessage } from './control-message.js';
import { CronPauses } from './cron-pauses.js';
import { FleetHandle } from './fleet-handle.js';
import { Heartbeats } from './heartbeats.js';
import { JobEventChannel } from './job-event-channel.js';
import { JobResults } from './job-results.js';
import { MasterCancel } from './master-cancel.js';
import { NotifyChannel } from './notify-channel.js';
import { openDirectory, openServer, type DatabaseOptions } from './open-database.js';
import { openTables } from './schema.js';
import { StatusPoller } from './status-poller.js';
import type { Fleet } from './types.js';
import { validateName } from './validate-name.js';

/** Options of {@link connectFleet}: the database of the fleet, and the use that this process makes of it. */
export interface FleetOptions {
  /** The URL of a PostgreSQL server, such as `postgres://user:password@host:5432/database`. */
  url?: string | undefined;
  /** Instead of a `url`: the directory of an embedded database, for this process alone. */
  directory?: string | undefined;
  /** The schema of the fleet's tables. pg-boss's tables are in `<schema>_jobs`. Default: `rxjs_tasks`. */
  schema?: string | undefined;
  /** The name of this process in events and on the inspector's page. Default: `<host>:<pid>`. */
  name?: string | undefined;
  /** Time limit for the first connection, in ms. Default: 10,000. */
  connectTimeout?: number | undefined;
  /** Maximum number of connections of this process, besides the one that listens. Default: 4. */
  connections?: number | undefined;
  /** The time without a heartbeat after which a process has lost its jobs, in ms. Default and minimum: 10,000. */
  heartbeat?: number | undefined;
}

const optionNames = ['url', 'directory', 'schema', 'name', 'connectTimeout', 'connections', 'heartbeat'];

/**
 * Connects this process to all others that use the same database. They share crons (each slot runs once), queues of
 * jobs, and one cancel. With a `directory`, the same code runs on an embedded database for one process.
 *
 * @throws TypeError, RangeError for invalid options; {@link FleetConnectionError} if no database answers within
 * `connectTimeout`; {@link FleetVersionError} if a later version of the library has created the tables;
 * {@link DirectoryInUseError} if another process uses the directory. All of them reject the promise.
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
    name = `${hostname()}:${process.pid}`,
    connectTimeout = 10_000,
    connections = 4,
    heartbeat = 10_000,
  } = options;
  if ((url === undefined) === (directory === undefined))
    throw new TypeError(invalid('options', 'an object with either a `url` or a `directory`', Object.keys(options)));
  validateName('name', name);
  validateString('schema', schema);
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema))
    throw new RangeError(invalid('schema', 'up to 40 lower-case letters, digits and `_`', schema));
  validateMs('connectTimeout', connectTimeout);
  validateInteger('connections', 1, 100, connections);
  validateNumber('heartbeat', 10_000, 3_600_000, heartbeat);
  const databaseOptions: DatabaseOptions = { schema, name, connections, connectTimeout };
  if (directory !== undefined) validateString('directory', directory);
  const database =
    directory === undefined
      ? await openServer(toUrl(url), databaseOptions)
      : await openDirectory(directory, databaseOptions);
  const control = new NotifyChannel<ControlMessage>(database, schema, isControlMessage);
  const poller = new StatusPoller(database, control);
  const events = new JobEventChannel(database, control, poller, name);
  const master = new MasterCancel(database, poller);
  const pauses = new CronPauses(database, poller);
  try {
    const jobs = await openTables(database);
    await database.withTimeout(control.listen(), connectTimeout);
    await poller.poll();
    poller.start();
    const heartbeats = new Heartbeats(database, jobs, heartbeat);
    const results = new JobResults(database, events);
    return new FleetHandle({
      name,
      database,
      jobs,
      heartbeats,
      control,
      poller,
      events,
      results,
      master,
      pauses,
      heartbeatTimeoutMs: heartbeat,
    });
  } catch (error) {
    poller.stop();
    await database.close();
    throw error;
  }
}

/** Parses a URL. Its errors quote nothing of it, because it may contain a password. */
function toUrl(url: unknown): URL {
  validateUrl(typeof url === 'string' && URL.canParse(url));
  const parsed = new URL(url as string);
  validateUrl(parsed.protocol === 'postgres:' || parsed.protocol === 'postgresql:');
  return parsed;
}

function validateUrl(valid: boolean): void {
  if (!valid)
    throw new TypeError('Expected `url` to be the URL of a PostgreSQL server, such as `postgres://host:5432/database`');
}
