import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Snapshot, Task } from 'rxjs-tasks';
import { jsonServer } from '../shared/json-server.js';
import type { Database, Order } from './database.js';

export interface Status {
  readonly ready: boolean;
  readonly live: boolean;
  readonly tree: Snapshot;
}

/** Serves the shop's HTTP API, and the probes of its orchestrator. */
export function api(
  listen: { readonly host: string; readonly port: number },
  database: Database,
  status: () => Status,
): Task<string> {
  return jsonServer('http', listen, ({ request, reply }) => {
    switch (`${request.method} ${request.url}`) {
      case 'POST /orders':
        return void placeOrder(request, database).then(
          (order) => reply(201, order),
          (error: unknown) => reply(error instanceof BadRequest ? 400 : 500, { error: String(error) }),
        );
      case 'GET /livez':
        return reply(status().live ? 200 : 503, { live: status().live });
      case 'GET /readyz':
        return reply(status().ready ? 200 : 503, { ready: status().ready });
      case 'GET /status':
        return reply(200, status());
      default:
        return reply(404, { error: 'Expected POST /orders, or GET /livez, /readyz or /status' });
    }
  });
}

class BadRequest extends Error {}

async function placeOrder(request: IncomingMessage, database: Database): Promise<Order> {
  const body: unknown = await json(request).catch(() => undefined);
  if (typeof body !== 'object' || body === null || !('item' in body) || typeof body.item !== 'string')
    throw new BadRequest('Expected an order like {"item":"tea"}');
  return database.insert(body.item);
}
