import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { nextRuns, NotRunningError, type CronRunner, type Task } from 'rxjs-tasks';
import { jsonServer } from '../shared/json-server.js';
import type { Database } from './database.js';
import type { TenantRow } from './table.js';

/** Returns the cron of a tenant's imports, while the tenant runs. */
export type FindImports = (tenant: string) => CronRunner | undefined;

/** Serves the table of tenants for edits, and runs imports on request. A real one asks who is calling. */
export function api(
  listen: { readonly host: string; readonly port: number },
  database: Database,
  importsOf: FindImports,
): Task<string> {
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const [, collection, id, action] = (request.url ?? '').split('/').map(decodeURIComponent);
    if (collection !== 'tenants') return undefined;
    switch (`${request.method} ${id ? '/id' : ''}${action ? `/${action}` : ''}`) {
      case 'GET ':
        return (await database.rows()).map((row) => ({ ...row, ...stateOf(importsOf(row.id)) }));
      case 'PUT /id':
        return database.put(id ?? '', await readRow(request));
      case 'DELETE /id':
        return (await database.delete(id ?? '')) || undefined;
      case 'POST /id/import':
        return importsOf(id ?? '')?.trigger({ by: 'api' });
      default:
        return undefined;
    }
  };
  return jsonServer('http', listen, ({ request, reply }) => {
    answer(request).then(
      (body) => (body === undefined ? reply(404, { error: 'not found' }) : reply(200, body)),
      (error: unknown) => reply(statusOf(error), { error: String(error) }),
    );
  });
}

class BadRequest extends Error {}

function statusOf(error: unknown): number {
  // Values that the table refuses have the class 22 or 23 of SQLSTATE.
  const { code = '' } = error as { readonly code?: string };
  if (error instanceof BadRequest || error instanceof URIError || /^2[23]/.test(code)) return 400;
  // The tenant starts or stops.
  return error instanceof NotRunningError ? 409 : 500;
}

function stateOf(imports: CronRunner | undefined): object {
  return imports ? { nextRun: imports.nextRuns()[0], running: imports.running, history: imports.history } : {};
}

/** The types of the columns that can be changed. */
const columns = { region: 'string', schedule: 'string', timezone: 'string', paused: 'boolean' } as const;

/** Reads the columns to change. A schedule is checked here already, so that a person sees what is wrong with it. */
async function readRow(request: IncomingMessage): Promise<Partial<TenantRow>> {
  const body: unknown = await json(request).catch(() => undefined);
  if (typeof body !== 'object' || body === null) throw new BadRequest('Expected columns like {"region":"us"}');
  const row: Partial<TenantRow> = body;
  for (const [column, type] of Object.entries(columns)) {
    const value: unknown = row[column as keyof typeof columns];
    if (value !== undefined && typeof value !== type) throw new BadRequest(`Expected \`${column}\` to be a ${type}`);
  }
  const { schedule = '@daily', timezone = 'UTC' } = row;
  try {
    nextRuns(schedule, 1, { timezone });
  } catch (error) {
    throw new BadRequest((error as Error).message, { cause: error });
  }
  return row;
}
