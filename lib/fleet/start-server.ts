import { setTimeout as delay } from 'node:timers/promises';
import { getConstructionPlans, type PgBoss } from 'pg-boss';
import { messageOf } from '../util/describe-error.js';
import { answerWithin } from './answer-within.js';
import { isConnectionError, isPermissionError } from './connection-errors.js';
import { FleetConnectionError, FleetSchemaError, FleetVersionError } from './errors.js';
import { jobsSchema } from './schema-names.js';

interface Options {
  readonly schema: string;
  /** Time limit for the first connection, in ms. */
  readonly connectTimeout: number;
  readonly migrate: boolean;
}

/** The shortest time limit for a try to connect, in ms. */
export const minTryMs = 1000;
/** The wait between two tries to connect, in ms. */
const retryMs = 200;
/** SQLSTATEs of a refused user, role or password, and of a missing database. No waiting helps. */
const refusedStates = /^(28|3D)/;
/** Texts of connection poolers for the same, with the SQLSTATE of a broken connection. */
const refusedMessages = /no such (user|database)|authentication failed/i;

/**
 * Starts pg-boss on a server, as soon as the server answers.
 *
 * @throws FleetConnectionError, FleetSchemaError, FleetVersionError
 */
export async function startServer(boss: PgBoss, address: string, options: Options): Promise<void> {
  const { schema, connectTimeout } = options;
  const deadline = performance.now() + connectTimeout;
  for (;;) {
    try {
      // A pool of the application may have no time limit of its own.
      await answerWithin(checkVersion(boss, options), Math.max(minTryMs, deadline - performance.now()));
      await boss.start();
      return;
    } catch (error) {
      const { code } = Object(error) as { code?: unknown };
      if (error instanceof FleetSchemaError || error instanceof FleetVersionError) throw error;
      if (isPermissionError(error)) throw new FleetSchemaError(schema, messageOf(error), { cause: error });
      const isRefused = refusedStates.test(String(code)) || refusedMessages.test(messageOf(error));
      if (isRefused || !isConnectionError(error))
        throw new FleetConnectionError(`The database at ${address} refuses the connection: ${reasonOf(error)}`, {
          cause: error,
        });
      if (performance.now() >= deadline) {
        const reason = `No database at ${address} within ${connectTimeout} ms: ${reasonOf(error)}`;
        throw new FleetConnectionError(reason, { cause: error });
      }
      await delay(retryMs);
    }
  }
}

async function checkVersion(boss: PgBoss, { schema, migrate }: Options): Promise<void> {
  const known = latestVersion();
  const version = (await boss.isInstalled()) ? ((await boss.schemaVersion()) ?? 0) : 0;
  if (version > known) throw new FleetVersionError(jobsSchema(schema), version, known);
  if (migrate || version === known) return;
  throw new FleetSchemaError(
    schema,
    version === 0 ? 'they are missing' : "pg-boss's tables are those of an older version",
  );
}

/** Returns the version of the tables that pg-boss creates. A bundle has no `package.json` to read it from. */
function latestVersion(): number {
  const [, version] = /version\(version\) VALUES \('(\d+)'\)/i.exec(getConstructionPlans('any')) ?? [];
  return Number(version);
}

function reasonOf(error: unknown): string {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' && /^E[A-Z_]+$/.test(code) ? code : messageOf(error);
}
