import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { FleetState } from '../fleet/fleet-state.js';
import type { ApplicationInfo } from '../app/application-info.js';
import type { Access } from './access.js';
import * as page from './page.js';
import type { Readers } from './readers.js';
import type { AppState } from './state.js';

/** Answers all requests. */
export function routes(
  application: ApplicationInfo,
  { isOurHost, isAllowed, cookieFor }: Access,
  readers: Readers,
  state: () => AppState,
  fleet: (() => Promise<FleetState>) | undefined,
): RequestListener {
  const headers = protections();
  const html = page.html
    .replace('<style></style>', () => `<style>${page.style}</style>`)
    .replace('<script></script>', () => `<script>${page.script}</script>`);
  return (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { method, url = '/' } = request;
    // Not by a constructor that throws at what is no address. A proxy may send it in full.
    const [before = '', query = ''] = url.split('?', 2);
    const path = before.replace(/^https?:\/\/[^/]*/i, '') || '/';
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return json(response, 405, { error: 'It is read-only: expected GET or HEAD' });
    }
    // Whoever probes has no token and calls it by any address; it is told no more than that.
    if (path === '/livez') return json(response, 200, { live: true });
    if (path === '/readyz') return json(response, application.ready ? 200 : 503, { ready: application.ready });
    if (!isOurHost(request))
      return json(response, 403, { error: 'The Host of this request is none of the names of this server' });
    const cookie = path === '/' ? cookieFor(request, new URLSearchParams(query)) : undefined;
    if (cookie !== undefined) {
      // The token does not stay in the address.
      response.writeHead(303, { 'set-cookie': cookie, location: './', 'content-length': 0 }).end();
      return;
    }
    if (!isAllowed(request)) {
      response.setHeader('www-authenticate', 'Bearer');
      return json(response, 401, { error: 'Expected the token: /?token=…, or an Authorization header with Bearer …' });
    }
    switch (path) {
      case '/':
        return send(response, 200, 'text/html; charset=utf-8', html);
      case '/snapshot':
        return json(response, 200, state());
      case '/fleet':
        return tellFleet(response, fleet);
      case '/events':
        return listen(request, response, readers, query);
      default:
        return json(response, 404, { error: 'Expected /, /events, /snapshot, /fleet, /livez or /readyz' });
    }
  };
}

function listen(request: IncomingMessage, response: ServerResponse, readers: Readers, query: string): void {
  if (readers.full) return json(response, 503, { error: 'Too many are listening already' });
  // Behind another answer on its connection it would not be told of the end of that.
  if (!response.socket) return json(response, 503, { error: 'It is for a connection of its own' });
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  if (request.method === 'HEAD') return void response.end();
  const lastId = request.headers['last-event-id'] ?? new URLSearchParams(query).get('lastEventId') ?? undefined;
  readers.add(response, String(lastId ?? '') || undefined);
}

function tellFleet(response: ServerResponse, fleet: (() => Promise<FleetState>) | undefined): void {
  if (!fleet) return json(response, 404, { error: 'There is no fleet here: it is given as inspector({ fleet })' });
  void fleet()
    .then((state) => json(response, 200, state))
    .catch((error: unknown) => json(response, 503, { error: refusal(error) }));
}

/** A message and nothing else of an error: of what it consists is nobody's business here. */
function refusal(error: unknown): string {
  const why = error instanceof Error ? error.message.slice(0, 200) : '';
  return `The fleet does not answer${why && `: ${why}`}`;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Nothing but what the page itself consists of may run in it, and nobody else may show or read it. */
function protections(): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      `default-src 'none'`,
      `script-src '${hashOf(page.script)}'`,
      `style-src '${hashOf(page.style)}'`,
      `connect-src 'self'`,
      `img-src data:`,
      `base-uri 'none'`,
      `form-action 'none'`,
      `frame-ancestors 'none'`,
    ].join('; '),
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
}
