import { Socket } from 'node:net';
import type pg from 'pg';
import type { Client, ClientConfig, PoolConfig } from 'pg';
import type { Db } from 'pg-boss';
import { messageOf } from '../util/describe-error.js';
import { stateOf } from './connection-errors.js';
import { calledFunction } from './database-function.js';
import { loadDriver } from './driver.js';
import type { FleetPlace, ResolvedFleetOptions } from './fleet-options.js';
import type { PgConnectionOptions, PgPool } from './pg-types.js';
import { addressOfUrl } from './server-url.js';
import { minTryMs } from './start-server.js';

type Options = Pick<ResolvedFleetOptions, 'listenUrl' | 'name' | 'connections' | 'connectTimeout'>;

/** The connections of a process to a server: those of a pool, and clients that listen. */
export interface ServerPool extends Pick<Db, 'poolCounts'> {
  /** @param direct whether no connection pooler is in between, so that connections keep the statements they prepare. */
  executeSql(text: string, values: unknown[] | undefined, direct: boolean): Promise<{ rows: unknown[] }>;
  /** The address of the server, without credentials. */
  readonly address: string;
  /** Creates a client of its own that listens. */
  createClient(): Client;
  /** Ends the connections when their statements are answered. A pool of the application stays as it is. */
  end(): Promise<void>;
  /** Cuts all connections of this process that are not the application's. */
  destroy(): void;
}

/** The parts of a pool of node-postgres that its type does not have. */
interface PoolParts extends PgPool {
  readonly options: PoolConfig;
  readonly Client: typeof pg.Client;
}

/** The time without a packet after which the system checks a connection, in ms. */
const keepAliveMs = 10_000;
/** The longest time limit for a try to connect, in ms. */
const maxTryMs = 10_000;
/** The SQLSTATEs of a prepared statement that does not exist, or that another client of the session has prepared. */
const lostStates: ReadonlySet<string> = new Set(['26000', '42P05']);
/** The maximum length of an application's name in PostgreSQL. */
const maxApplicationName = 63;

/**
 * Opens a pool for a server, or uses the application's pool.
 *
 * @param onError called with the errors of connections that have nothing to do.
 */
export async function openPool(
  place: Exclude<FleetPlace, { directory: string }>,
  options: Options,
  onError: (error: Error) => void,
): Promise<ServerPool> {
  // The driver's error may hold the connection with its password.
  const onIdleError = (error: Error) =>
    onError(Object.assign(new Error(messageOf(error)), { code: (error as { code?: unknown }).code }));
  if ('pool' in place) return foreignPool(place.pool, options, onIdleError);

  const { Pool, Client } = await loadDriver();
  const sockets = new Set<Socket>();
  const config: PoolConfig = {
    ...commonConfig(options),
    ...('url' in place ? { connectionString: place.url.href } : (place.connection as PoolConfig)),
    stream: trackedStream(sockets, 'url' in place ? undefined : place.connection.stream),
    max: options.connections,
  };
  const pool = new Pool(config);
  let keepsStatements = true;
  pool.on('error', onIdleError);
  return {
    address: addressOf(place),
    executeSql: async (text, values, direct) => {
      // Each connection parses it once. The plans of other statements depend on the sizes of tables.
      const name = direct && keepsStatements ? calledFunction(text) : undefined;
      if (name === undefined) return pool.query(text, values);
      try {
        return await pool.query({ name, text }, values);
      } catch (error) {
        // The retry has no name.
        if (lostStates.has(stateOf(error))) keepsStatements = false;
        throw error;
      }
    },
    poolCounts: () => countsOf(pool, options.connections),
    createClient: () => new Client(listenConfig(config, options.listenUrl)),
    end: () => pool.end(),
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function foreignPool(pool: PgPool, options: Options, onError: (error: Error) => void): Promise<ServerPool> {
  const sockets = new Set<Socket>();
  // Every pool of node-postgres has both, although its type does not.
  const { options: config = {}, Client = (await loadDriver()).Client } = pool as Partial<PoolParts>;
  const { password, ssl } = config;
  pool.on('error', onError);
  return {
    address: addressOf({ connection: config }),
    // The application may deallocate what is prepared.
    executeSql: (text, values) => pool.query(text, values),
    poolCounts: () => countsOf(pool, config.max ?? 10),
    createClient: () => {
      const stream = trackedStream(sockets, config.stream);
      // The pool hides its password from a copy.
      const own: ClientConfig = { ...commonConfig(options), ...config, password, ssl, stream };
      return new Client(listenConfig(own, options.listenUrl));
    },
    end: () => {
      pool.off('error', onError);
      return Promise.resolve();
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function commonConfig({ name, connectTimeout }: Options): PoolConfig {
  return {
    application_name: name.slice(0, maxApplicationName),
    connectionTimeoutMillis: Math.max(minTryMs, Math.min(connectTimeout, maxTryMs)),
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
  };
}

/** Returns a function that creates the sockets of connections, so that they can be cut. */
function trackedStream(sockets: Set<Socket>, create: PgConnectionOptions['stream']): () => Socket {
  return () => {
    const socket = (create?.() as Socket | undefined) ?? new Socket();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
}

/** Returns the options of a client that listens at `url`. The credentials may be those of the pool. */
function listenConfig(config: ClientConfig, url: URL | undefined): ClientConfig {
  if (!url) return config;
  if (url.username !== '' || config.connectionString !== undefined) return { ...config, connectionString: url.href };
  const database = decodeURIComponent(url.pathname.slice(1)) || config.database;
  return { ...config, host: url.hostname, port: Number(url.port || 5432), database };
}

function addressOf(place: { url: URL } | { connection: PgConnectionOptions }): string {
  if ('url' in place) return addressOfUrl(place.url);
  const { connectionString, host = 'localhost', port = 5432, database = '' } = place.connection;
  if (connectionString !== undefined && URL.canParse(connectionString)) return addressOfUrl(new URL(connectionString));
  return `${host}:${port}/${database}`;
}

function countsOf(pool: PgPool, max: number): ReturnType<NonNullable<Db['poolCounts']>> {
  return { max, total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
}
