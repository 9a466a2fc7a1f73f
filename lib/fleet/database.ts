import { join } from 'node:path';
import { fromPglite, PgBoss, type ConstructorOptions } from 'pg-boss';
import { Connection, isLost } from './connection.js';
import { holdDirectory } from './directory.js';
import { FleetConnectionError } from './errors.js';
import { jobsSchema } from './schema.js';

/** How a database is reached. */
export interface Access {
  readonly schema: string;
  /** Of this process. */
  readonly name: string;
  /** How many connections it may have, beside the one it listens on. */
  readonly connections: number;
  /** For how long, in ms, it is tried to reach it. */
  readonly connectTimeout: number;
}

/** How soon, in s, a process that gives no sign of life any more is noticed, beyond its heartbeat. */
const watch = 2;

/** @throws FleetConnectionError */
export async function openServer(url: URL, access: Access): Promise<Connection> {
  const { connectTimeout } = access;
  const boss = new PgBoss({
    ...bossOptions(access),
    connectionString: url.href,
    max: access.connections,
    application_name: access.name.slice(0, 63),
    connectionTimeoutMillis: Math.max(1000, Math.min(connectTimeout, 10_000)),
  });
  const stop = () => boss.stop({ graceful: false });
  // While it starts, its errors are those of `start`.
  const early = () => undefined;
  boss.on('error', early);
  const until = performance.now() + connectTimeout;
  for (;;) {
    try {
      await boss.start();
      break;
    } catch (error) {
      if (!isLost(error) || performance.now() >= until) {
        await stop();
        throw new FleetConnectionError(`No database at ${addressOf(url)} within ${connectTimeout} ms: ${why(error)}`, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const connection = new Connection(boss, access.schema, stop);
  boss.off('error', early);
  return connection;
}

/** @throws DirectoryInUseError */
export async function openDirectory(directory: string, access: Access): Promise<Connection> {
  const release = await holdDirectory(directory);
  try {
    const { PGlite } = await import('@electric-sql/pglite');
    const database = await PGlite.create(join(directory, 'db'));
    const boss = new PgBoss({ ...bossOptions(access), db: fromPglite(database), backend: 'pglite' });
    try {
      await boss.start();
    } catch (error) {
      await database.close();
      throw error;
    }
    return new Connection(boss, access.schema, async () => {
      await boss.stop({ graceful: false });
      await database.close();
      await release();
    });
  } catch (error) {
    await release();
    throw error;
  }
}

function bossOptions({ schema, name }: Access): ConstructorOptions {
  return {
    schema: jobsSchema(schema),
    // Crons are this library's.
    schedule: false,
    superviseIntervalSeconds: watch,
    monitorIntervalSeconds: watch,
    instanceName: name,
    instanceHeartbeatSeconds: 10,
  };
}

/** Where it is, without who may enter. */
function addressOf(url: URL): string {
  return `${url.hostname || (url.searchParams.get('host') ?? 'localhost')}:${url.port || 5432}${url.pathname}`;
}

function why(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' && /^E[A-Z_]+$/.test(code) ? code : String(message);
}
