import { join } from 'node:path';
import { fromPglite, PgBoss, type ConstructorOptions } from 'pg-boss';
import { isConnectionError } from './connection-errors.js';
import { lockDirectory } from './directory-lock.js';
import { FleetConnectionError } from './errors.js';
import { FleetDatabase } from './fleet-database.js';
import { jobsSchema } from './schema-names.js';

/** Options of a connection to the database. */
export interface DatabaseOptions {
  readonly schema: string;
  /** The name of this process. */
  readonly name: string;
  /** Maximum number of connections, besides the one that listens. */
  readonly connections: number;
  /** Time limit for the first connection, in ms. */
  readonly connectTimeout: number;
}

/** The interval at which pg-boss maintains its tables by itself, in s. */
const maintenanceSeconds = 60;
/** The time within which a further request to maintain a queue has no effect, in s. */
const minMaintenanceSeconds = 2;
const instanceHeartbeatSeconds = 10;
/** The wait between two tries to connect, in ms. */
const retryMs = 200;
/** The range for the timeout of a single try to connect, in ms. */
const [minTryMs, maxTryMs] = [1000, 10_000];
/** The maximum length of an application's name in PostgreSQL. */
const maxApplicationName = 63;

/**
 * Connects to a PostgreSQL server.
 *
 * @throws FleetConnectionError
 */
export async function openServer(url: URL, options: DatabaseOptions): Promise<FleetDatabase> {
  const { schema, name, connections, connectTimeout } = options;
  const boss = new PgBoss({
    ...toBossOptions(options),
    connectionString: url.href,
    max: connections,
    application_name: name.slice(0, maxApplicationName),
    connectionTimeoutMillis: Math.max(minTryMs, Math.min(connectTimeout, maxTryMs)),
  });
  const stop = () => boss.stop({ graceful: false });
  // Before `start` has succeeded, it rejects with the same errors.
  const ignoreError = () => undefined;
  boss.on('error', ignoreError);
  const deadline = performance.now() + connectTimeout;
  for (;;) {
    try {
      await boss.start();
      break;
    } catch (error) {
      if (!isConnectionError(error) || performance.now() >= deadline) {
        await stop();
        const reason = `No database at ${addressOf(url)} within ${connectTimeout} ms: ${reasonOf(error)}`;
        throw new FleetConnectionError(reason, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
  const database = new FleetDatabase(boss, schema, stop);
  boss.off('error', ignoreError);
  return database;
}

/**
 * Opens an embedded database in a directory, for this process alone.
 *
 * @throws DirectoryInUseError
 */
export async function openDirectory(directory: string, options: DatabaseOptions): Promise<FleetDatabase> {
  const unlock = await lockDirectory(directory);
  try {
    const { PGlite } = await import('@electric-sql/pglite');
    const pglite = await PGlite.create(join(directory, 'db'));
    const boss = new PgBoss({ ...toBossOptions(options), db: fromPglite(pglite), backend: 'pglite' });
    try {
      await boss.start();
    } catch (error) {
      await pglite.close();
      throw error;
    }
    return new FleetDatabase(boss, options.schema, async () => {
      await boss.stop({ graceful: false });
      await pglite.close();
      await unlock();
    });
  } catch (error) {
    await unlock();
    throw error;
  }
}

function toBossOptions({ schema, name }: DatabaseOptions): ConstructorOptions {
  return {
    schema: jobsSchema(schema),
    // This library has crons of its own.
    schedule: false,
    superviseIntervalSeconds: maintenanceSeconds,
    monitorIntervalSeconds: minMaintenanceSeconds,
    // There are no flows.
    flowIntervalSeconds: maintenanceSeconds,
    instanceName: name,
    instanceHeartbeatSeconds,
  };
}

/** Returns the address of a server, without credentials. */
function addressOf(url: URL): string {
  return `${url.hostname || (url.searchParams.get('host') ?? 'localhost')}:${url.port || 5432}${url.pathname}`;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' && /^E[A-Z_]+$/.test(code) ? code : String(message);
}
