import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { ApplicationInfo } from '../../app/application-info.js';
import { logError } from '../../util/log-error.js';
import { printableName } from '../../util/printable.js';
import * as page from '../page.js';
import type { AppState } from './app-state.js';
import { hostName, type Auth } from './auth.js';
import { fleetFailure, type FleetAnswer } from './fleet-state-source.js';
import { queuesPath, type QueueRoute } from './queue-route.js';
import { send, sendError, sendJson } from './respond.js';
import type { SseClients } from './sse-clients.js';
import type { TaskDetails } from './task-details.js';

/** The most tasks that a probe names. */
const maxNamed = 100;

type FleetQuery = (() => Promise<FleetAnswer>) | undefined;

/** The parts of an inspector that answer requests. */
export interface RouteParts {
  readonly application: ApplicationInfo;
  readonly auth: Auth;
  readonly clients: SseClients;
  /** The path of the page on a proxy that does not take it off, without a slash at its end. */
  readonly basePath: string;
  readonly state: () => AppState;
  /** Returns the details of the task at a path, or `undefined` if there is no such task. */
  readonly details: (path: string) => TaskDetails | undefined;
  readonly fleet: FleetQuery;
  readonly queues: QueueRoute;
  /** Answers requests for actions, whose access has been checked; `undefined` if the inspector only shows. */
  readonly performAction: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined;
}

/** Creates the listener for all requests. */
export function routes(parts: RouteParts): RequestListener {
  const { application, auth, clients, basePath, state, details, fleet, queues, performAction } = parts;
  const headers = protections();
  const html = page.html
    .replace('<style></style>', () => `<style>${page.style}</style>`)
    .replace('<script></script>', () => `<script>${page.script}</script>`);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const { method } = request;
    const { path, query } = targetOf(request, basePath);
    const isAction = path === '/actions' && performAction !== undefined;
    if (isAction ? method !== 'POST' : method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', isAction ? 'POST' : 'GET, HEAD');
      const others = performAction ? 'Expected GET or HEAD' : 'The inspector is read-only: expected GET or HEAD';
      return sendError(response, 405, isAction ? 'Expected POST' : others);
    }
    // Probes have no token and use any name of the server, so they get no more than names of tasks.
    if (path === '/livez') return sendJson(response, 200, { live: true });
    if (path === '/readyz') return sendReadiness(response, application);
    if (!auth.isOwnHost(request)) return sendError(response, 403, foreignHost(request));
    if (!auth.isOwnOrigin(request)) return sendError(response, 403, 'The Origin header names another site');
    // Everybody can read the page, which is the same everywhere. It asks for the token.
    if (path === '/') return send(response, 200, 'text/html; charset=utf-8', html);
    if (!auth.isOwnSite(request)) return sendError(response, 403, 'The Sec-Fetch-Site header names another site');
    if (!auth.isAllowed(request)) {
      response.setHeader('www-authenticate', 'Bearer');
      return sendError(response, 401, 'Expected the token in an Authorization header with Bearer …');
    }
    if (path.startsWith(queuesPath)) return sendQueue(response, queues(path, query));
    switch (path) {
      case '/snapshot':
        return sendJson(response, 200, state());
      case '/task':
        return sendDetails(response, details, new URLSearchParams(query).get('path'));
      case '/fleet':
        return sendFleet(response, fleet);
      case '/events':
        return addClient(request, response, clients, query);
      case '/actions':
        if (performAction) return void performAction(request, response);
    }
    const ofActions = performAction ? ', /actions' : '';
    sendError(response, 404, `Expected /, /events, /snapshot, /task, /fleet${ofActions}, /livez or /readyz`);
  };
  return (request, response) => {
    try {
      answer(request, response);
    } catch (error) {
      // A custom runner may throw, which would be an uncaught error of the application.
      logError(error);
      if (!response.headersSent) sendError(response, 500, 'The inspector has failed: its process has logged the error');
    }
  };
}

/** Names the tasks that are waited for, because a probe's failure is read by those who ask why. */
function sendReadiness(response: ServerResponse, { ready, notReady }: ApplicationInfo): void {
  const waitingFor = notReady.slice(0, maxNamed).map(({ path }) => printableName(path));
  sendJson(response, ready ? 200 : 503, { ready, ...(!ready && { waitingFor }) });
}

/** Splits the target of a request. A proxy may send a full URL; `new URL` would throw for an invalid one. */
function targetOf({ url = '/' }: IncomingMessage, basePath: string): { readonly path: string; readonly query: string } {
  // A query may contain a `?`, too.
  const [beforeQuery = '', ...query] = url.split('?');
  const path = beforeQuery.replace(/^https?:\/\/[^/]*/i, '');
  // A proxy may have taken the base path off.
  const isBelow = path === basePath || path.startsWith(`${basePath}/`);
  return { path: (isBelow ? path.slice(basePath.length) : path) || '/', query: query.join('?') };
}

function foreignHost({ headers }: IncomingMessage): string {
  const name = printableName(hostName(headers.host)) || 'nothing';
  return `The Host header names ${name}, not this server: if both are the same, add it to the option hosts`;
}

function sendDetails(response: ServerResponse, details: RouteParts['details'], path: string | null): void {
  if (path === null) return sendError(response, 400, 'Expected the path of a task, as in /task?path=app/report');
  const found = details(path);
  if (found) sendJson(response, 200, found);
  else sendError(response, 404, `There is no task ${printableName(path)}`);
}

function addClient(request: IncomingMessage, response: ServerResponse, clients: SseClients, query: string): void {
  if (clients.isFull) return sendError(response, 503, 'Too many clients read /events');
  // A response that waits behind another on its connection has no socket, and would emit no `close`.
  if (!response.socket) return sendError(response, 503, '/events needs a connection of its own');
  // The server waits for kept connections when it is closed.
  const headers = {
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
    connection: 'close',
  };
  response.writeHead(200, headers);
  if (request.method === 'HEAD') return void response.end();
  const lastId = request.headers['last-event-id'] ?? new URLSearchParams(query).get('lastEventId') ?? undefined;
  clients.add(response, String(lastId ?? '') || undefined);
}

function sendFleet(response: ServerResponse, fleet: FleetQuery): void {
  if (!fleet) return sendError(response, 404, 'The inspector has no fleet: pass it as inspector({ fleet })');
  void fleet()
    .then((state) => sendJson(response, 200, state))
    .catch((error: unknown) => sendError(response, 503, fleetFailure(error)));
}

function sendQueue(response: ServerResponse, answer: ReturnType<QueueRoute>): void {
  void answer.then(({ status, body }) => sendJson(response, status, body));
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Returns headers that let the page run only its own script, and keep other sites from embedding or reading it. */
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
