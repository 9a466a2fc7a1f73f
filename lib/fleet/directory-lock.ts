import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { invalid } from '../util/validate.js';
import { DirectoryInUseError } from './errors.js';

/** The maximum length of a socket's path, in bytes. */
const maxPathBytes = 100;
/** Bytes that the name of the lock adds to the path of the directory. */
const lockNameBytes = 16;

/**
 * Locks a directory for this process, until the returned function is called or the process ends. The lock is a Unix
 * socket that this process listens on. The kernel closes it even if the process is killed; a file with a process id
 * would remain.
 *
 * @throws DirectoryInUseError
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true });
  const absolutePath = join(resolve(directory), 'in-use');
  const relativePath = relative(process.cwd(), absolutePath);
  const lockPath = relativePath.length < absolutePath.length ? relativePath : absolutePath;
  const ownPath = tempPath(lockPath);
  if (Buffer.byteLength(ownPath) > maxPathBytes)
    throw new RangeError(invalid('directory', `a path of up to ${maxPathBytes - lockNameBytes} bytes`, directory));
  const server = await listen(ownPath);
  try {
    while (!(await tryLink(ownPath, lockPath))) {
      if (await isHeld(lockPath)) throw new DirectoryInUseError(directory);
      // The holder has ended: move its socket away. Another process may have replaced the socket in the meantime.
      const oldPath = tempPath(lockPath);
      if (!(await succeeded(rename(lockPath, oldPath)))) continue;
      const replaced = await isHeld(oldPath);
      if (replaced) await tryLink(oldPath, lockPath);
      await succeeded(unlink(oldPath));
      if (replaced) throw new DirectoryInUseError(directory);
    }
    await unlink(ownPath);
  } catch (error) {
    server.close();
    throw error;
  }
  return async () => {
    await succeeded(unlink(lockPath));
    server.close();
  };
}

/** Returns an unused path next to another. */
function tempPath(path: string): string {
  return `${path}.${randomUUID().slice(0, 8)}`;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject).listen(path, () => resolve(server.unref()));
  });
}

/** Whether a process listens on a socket. A socket that this user must not connect to counts as held. */
function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (held: boolean) => {
      socket.destroy();
      resolve(held);
    };
    socket
      .once('connect', () => end(true))
      .once('error', ({ code }: NodeJS.ErrnoException) => end(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}

/** Gives a socket a second path. Returns false if the path exists. */
function tryLink(path: string, newPath: string): Promise<boolean> {
  return isFulfilledUnless('EEXIST', link(path, newPath));
}

/** Whether an operation on a file succeeded. Another process may have removed the file. */
function succeeded(operation: Promise<void>): Promise<boolean> {
  return isFulfilledUnless('ENOENT', operation);
}

async function isFulfilledUnless(code: string, operation: Promise<void>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}
