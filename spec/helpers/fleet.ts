import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'mocha';
import { connectFleet, type Fleet, type FleetOptions } from 'rxjs-tasks/fleet';
import { startPostgres, type Postgres } from './postgres.js';

let server: Promise<Postgres> | undefined;

/** The URL of the PostgreSQL that all specs share: that of FLEET_URL, or one that is started for them. */
export async function sharedUrl(): Promise<string> {
  return process.env['FLEET_URL'] ?? (await (server ??= startPostgres())).url;
}

after('the shared PostgreSQL', async () => {
  await (await server)?.remove();
});

/** A schema of its own. */
export function newSchema(): string {
  return `spec_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
}

/** Connects to one fleet, any number of times, and closes all of that in the end. */
export class Fleets {
  readonly schema: string = newSchema();
  private readonly open: Fleet[] = [];

  async connect(options: Partial<FleetOptions> = {}): Promise<Fleet> {
    const fleet = await connectFleet({ url: await sharedUrl(), schema: this.schema, ...options });
    this.open.push(fleet);
    return fleet;
  }

  async close(): Promise<void> {
    for (const fleet of this.open.splice(0).reverse()) await fleet.close();
  }
}

/** A directory of its own for an embedded database, for as long as `use` takes. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
