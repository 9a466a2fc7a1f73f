import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, type Observable } from 'rxjs';
import { connectFleet, type Fleet, type FleetOptions, type JobEvent } from 'rxjs-tasks/fleet';
import type { FleetServices } from '../../lib/fleet/fleet-services.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { startPostgres, type Postgres } from './postgres.js';
import type { TestFleets } from './test-fleets.js';
import { pause, waitUntil } from './wait.js';

let server: Promise<Postgres> | undefined;

/**
 * Returns the URL of the PostgreSQL that all specs of this process share: FLEET_URL, or a server that is started for
 * them. It ends with the process.
 */
export async function sharedUrl(): Promise<string> {
  return process.env['FLEET_URL'] ?? (await (server ??= startPostgres())).url;
}

/** Returns the name of a schema that no other spec uses. */
export function newSchema(): string {
  return `spec_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
}

/** Connections to one fleet, which are closed together. */
export class Fleets implements TestFleets {
  readonly scheduler = undefined;
  readonly schema: string = newSchema();
  private readonly open: Fleet[] = [];

  async connect(options: Partial<FleetOptions> = {}): Promise<Fleet> {
    const fleet = await connectFleet({ url: await sharedUrl(), schema: this.schema, ...options });
    this.open.push(fleet);
    return fleet;
  }

  now(): number {
    return Date.now();
  }

  pause(ms: number): Promise<void> {
    return pause(ms);
  }

  waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
    return waitUntil(holds);
  }

  async close(): Promise<void> {
    for (const fleet of this.open.splice(0).reverse()) await fleet.close();
  }
}

/** Returns the error that connecting is refused with. */
export async function connectError(options: FleetOptions): Promise<Error> {
  const fleet = await connectFleet(options).catch((error: unknown) => error as Error);
  if (fleet instanceof Error) return fleet;
  await fleet.close();
  throw new Error('The connection was not refused');
}

/** Returns what the queues and workers of a fleet share. */
export function servicesOf(fleet: Fleet): FleetServices {
  return (fleet.queue('any') as unknown as QueueHandle).services;
}

/** Waits for the next event of a type. */
export function nextEvent<Type extends JobEvent['type']>(
  events$: Observable<JobEvent>,
  type: Type,
): Promise<Extract<JobEvent, { type: Type }>> {
  return firstValueFrom(
    events$.pipe(filter((event): event is Extract<JobEvent, { type: Type }> => event.type === type)),
  );
}

/** Passes a new directory for an embedded database, and deletes it afterwards. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
