import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../examples/shared/free-port.js';
import { waitUntil } from './wait.js';

/** A PgBouncer in front of a server. */
export interface Bouncer {
  readonly url: string;
  stop(): Promise<void>;
}

const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find((path) =>
  existsSync(path),
);

/** Starts a PgBouncer in front of a server. */
export async function startBouncer(serverUrl: string, mode: 'transaction' | 'session'): Promise<Bouncer> {
  if (program === undefined) throw new Error('There is no PgBouncer on this machine: apt-get install pgbouncer');
  const { hostname, port, username, password, pathname } = new URL(serverUrl);
  const listenPort = await freePort();
  const home = await mkdtemp(join(tmpdir(), 'pgbouncer-'));
  const config = join(home, 'pgbouncer.ini');
  await writeFile(
    config,
    `[databases]
     * = host=${hostname} port=${port} user=${username} password=${password}
     [pgbouncer]
     listen_addr = 127.0.0.1
     listen_port = ${listenPort}
     unix_socket_dir =
     auth_type = any
     pool_mode = ${mode}
     default_pool_size = 10
     `.replaceAll(/^ +/gm, ''),
  );
  await chmod(home, 0o755);
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(program, ['-q', ...user, config], { stdio: 'ignore' });
  const exit = once(child, 'exit');
  await waitUntil(() => accepts(listenPort));
  return {
    url: `postgres://${username}@127.0.0.1:${listenPort}${pathname}`,
    stop: async () => {
      child.kill('SIGKILL');
      await exit;
      await rm(home, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
