import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { invalid } from '../util/validate.js';
import { DirectoryInUseError } from './errors.js';

/** What the path of a socket may have, in bytes. */
const longestPath = 100;

/**
 * Holds a directory for this process alone, until what it gives is called, or the process ends in whichever way: it is held by a socket,
 * which the kernel lets go of. A file with a number in it would outlive a process that is killed.
 *
 * @throws DirectoryInUseError
 */
export async function holdDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true });
  const whole = join(resolve(directory), 'in-use');
  const short = relative(process.cwd(), whole);
  const place = short.length < whole.length ? short : whole;
  if (Buffer.byteLength(besides(place)) > longestPath)
    throw new RangeError(invalid('directory', `a path of up to ${longestPath - 16} bytes`, directory));
  const mine = besides(place);
  const server = await listen(mine);
  try {
    while (!(await linked(mine, place))) {
      if (await answers(place)) throw new DirectoryInUseError(directory);
      // Nobody is there any more: it goes out of the way, unless someone has taken its place in this moment.
      const old = besides(place);
      if (!(await done(rename(place, old)))) continue;
      const taken = await answers(old);
      if (taken) await linked(old, place);
      await done(unlink(old));
      if (taken) throw new DirectoryInUseError(directory);
    }
    await unlink(mine);
  } catch (error) {
    server.close();
    throw error;
  }
  return async () => {
    await done(unlink(place));
    server.close();
  };
}

function besides(place: string): string {
  return `${place}.${randomUUID().slice(0, 8)}`;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject).listen(path, () => resolve(server.unref()));
  });
}

/** Whether a process listens there: one of another user, who is not to be spoken to, is one. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (there: boolean) => {
      socket.destroy();
      resolve(there);
    };
    socket
      .once('connect', () => end(true))
      .once('error', ({ code }: NodeJS.ErrnoException) => end(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}

/** Whether a second name for a socket could be made: there was none of that name. */
function linked(path: string, name: string): Promise<boolean> {
  return unless('EEXIST', link(path, name));
}

/** Whether something could be done to a file that another process may have removed meanwhile. */
function done(work: Promise<void>): Promise<boolean> {
  return unless('ENOENT', work);
}

async function unless(code: string, work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false;
    throw error;
  }
}
