import { join } from 'node:path';
import { fromPglite, PgBoss, type ConstructorOptions } from 'pg-boss';
import { closable } from './closable-db.js';
import { lockDirectory } from './directory-lock.js';
import { FleetDatabase } from './fleet-database.js';
import type { FleetPlace, ResolvedFleetOptions } from './fleet-options.js';
import { Listener } from './listener.js';
import { jobsSchema } from './schema-names.js';
import { openPool } from './server-pool.js';
import { startServer } from './start-server.js';

interface Options extends Omit<ResolvedFleetOptions, 'place' | 'heartbeat'> {
  /** Whether only the tables are set up. The process does not become a member of the fleet. */
  readonly install?: boolean;
}

/** The interval at which pg-boss by itself fails jobs that are lost, in s. */
const superviseSeconds = 60;
/** The time within which a further request to do that for a queue has no effect, in s. */
const minSuperviseSeconds = 2;
/** The interval at which pg-boss records that this process is alive, in s. */
const instanceHeartbeatSeconds = 10;
/** The shortest interval at which pg-boss looks for indexes to build, in s. */
const minBamSeconds = 10;

/** Connects to the database at a place, and sets up pg-boss's tables. */
export function openDatabase(place: FleetPlace, options: Options): Promise<FleetDatabase> {
  return 'directory' in place ? openDirectory(place.directory, options) : openServer(place, options);
}

/**
 * Connects to a PostgreSQL server.
 *
 * @throws FleetConnectionError, FleetSchemaError, FleetVersionError
 */
async function openServer(place: Exclude<FleetPlace, { directory: string }>, options: Options): Promise<FleetDatabase> {
  // Before the database exists, `startServer` fails with the same errors.
  let onError: (error: Error) => void = () => undefined;
  let onDeaf = (): void => undefined;
  const pool = await openPool(place, options, (error) => onError(error));
  const listener = new Listener({
    createClient: () => pool.createClient(),
    notify: (channel, text) => pool.executeSql('select pg_notify($1, $2)', [channel, text], false),
    onError: (error) => onError(error),
    onSilence: () => {
      // The server may have vanished. On the other connections to it, no statement would ever be answered.
      if (options.listenUrl === undefined) pool.destroy();
    },
    onDeaf: () => onDeaf(),
  });
  const db = closable({
    // The pool has the address of the connection that listens, unless that has a URL of its own.
    executeSql: (text, values) => pool.executeSql(text, values, listener.direct && options.listenUrl === undefined),
    poolCounts: () => pool.poolCounts?.() ?? null,
    listen: async (channel, onMessage, onMissed) => {
      await listener.listen(channel, onMessage, onMissed);
      // The listener is closed as a whole.
      return { close: () => Promise.resolve() };
    },
  });
  const boss = new PgBoss({ ...toBossOptions(options), db });
  const abandon = (cause?: unknown) => {
    db.abandon(cause);
    pool.destroy();
  };
  boss.on('error', (error) => onError(error));
  try {
    await startServer(boss, pool.address, options);
  } catch (error) {
    await boss.stop({ graceful: false });
    abandon();
    await pool.end();
    throw error;
  }
  const database = new FleetDatabase(
    boss,
    options.schema,
    {
      get deaf() {
        return listener.deaf;
      },
      close: async (cause) => {
        await boss.stop({ graceful: false });
        await db.close(cause);
        await Promise.all([listener.close(), pool.end()]);
      },
      abandon,
    },
    options.connectTimeout,
  );
  onError = (error) => database.report(error);
  onDeaf = () => database.onDeaf();
  return database;
}

/**
 * Opens an embedded database in a directory, for this process alone.
 *
 * @throws DirectoryInUseError
 */
async function openDirectory(directory: string, options: Options): Promise<FleetDatabase> {
  const unlock = await lockDirectory(directory);
  try {
    const { PGlite } = await import('@electric-sql/pglite');
    const pglite = await PGlite.create(join(directory, 'db'));
    const db = closable(fromPglite(pglite));
    const boss = new PgBoss({ ...toBossOptions(options), db, backend: 'pglite' });
    try {
      await boss.start();
    } catch (error) {
      await pglite.close();
      throw error;
    }
    const close = async (cause: unknown) => {
      await boss.stop({ graceful: false });
      await db.close(cause);
      await pglite.close();
      await unlock();
    };
    return new FleetDatabase(
      boss,
      options.schema,
      { deaf: false, close, abandon: (cause) => db.abandon(cause) },
      options.connectTimeout,
    );
  } catch (error) {
    await unlock();
    throw error;
  }
}

function toBossOptions({ schema, name, migrate, install = false }: Options): ConstructorOptions {
  return {
    schema: jobsSchema(schema),
    migrate,
    // This library has crons of its own.
    schedule: false,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: minSuperviseSeconds,
    // The dependencies of jobs are its own, too.
    flowIntervalSeconds: superviseSeconds,
    instanceName: name,
    instanceHeartbeatSeconds,
    ...(install && { registerInstance: false, supervise: false, bamIntervalSeconds: minBamSeconds }),
  };
}
