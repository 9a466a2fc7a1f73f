import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startPostgres, type Postgres } from './postgres.js';

const chunk = Buffer.alloc(2 ** 16);

/** A file system in memory that is small enough to be filled. */
export class SmallDisk {
  readonly path: string;
  /** The command that precedes `mount`. */
  private readonly prefix: readonly string[];

  private constructor(path: string, prefix: readonly string[]) {
    this.path = path;
    this.prefix = prefix;
  }

  /** Mounts a disk. Returns undefined if this system does not let this user mount one. */
  static async mount(megabytes: number): Promise<SmallDisk | undefined> {
    const path = await mkdtemp(join(tmpdir(), 'small-disk-'));
    for (const prefix of [[], ['sudo', '-n']]) {
      const mount = ['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path];
      const isMounted = await execute([...prefix, ...mount]).then(
        () => true,
        () => false,
      );
      if (isMounted) return new SmallDisk(path, prefix);
    }
    await rm(path, { recursive: true });
    return undefined;
  }

  /** Starts a server whose data are on this disk. */
  async startPostgres(): Promise<Postgres> {
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = this.path;
    try {
      return await startPostgres();
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  }

  /** Writes until there is no space left. */
  async fill(): Promise<void> {
    const file = await open(this.fillPath, 'w');
    try {
      for (;;) await file.write(chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  /** Deletes what `fill` has written. */
  async free(): Promise<void> {
    await rm(this.fillPath);
  }

  async unmount(): Promise<void> {
    await execute([...this.prefix, 'umount', this.path]);
    await rm(this.path, { recursive: true });
  }

  private get fillPath(): string {
    return join(this.path, 'fill');
  }
}

async function execute([program = '', ...args]: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args);
}
