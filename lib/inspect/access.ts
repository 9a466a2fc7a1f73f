import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Who may look. */
export interface Access {
  /** Whether the `Host` of a request is one of this server's: a page elsewhere may have its own name lead here. */
  readonly isOurHost: (request: IncomingMessage) => boolean;
  /** Whether it has the token, if there is one. */
  readonly isAllowed: (request: IncomingMessage) => boolean;
  /** What a browser keeps once the token was in the address. */
  readonly cookieFor: (request: IncomingMessage, query: URLSearchParams) => string | undefined;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @param hosts further names by which it is reached. */
export function access(host: string, hosts: readonly string[], token: string | undefined): Access {
  const names = new Set([host, ...hosts].map((name) => name.toLowerCase()));
  const isOurs = (name: string) =>
    names.has(name) || isLoopback(name) || name.endsWith('.localhost') || (!isLoopback(host) && isIP(name) > 0);
  const isToken = token === undefined ? () => true : (given: string | null | undefined) => same(token, given);
  return {
    isOurHost: ({ headers }) => isOurs(nameOf(headers.host)),
    isAllowed: (request) => isToken(bearerOf(request)) || isToken(cookieOf(request)),
    cookieFor(request, query) {
      const given = query.get('token');
      if (token === undefined || !isToken(given)) return undefined;
      // Not strict: a browser that came by a link from elsewhere would not send it to where it is redirected.
      return `${cookieName(request)}=${encodeURIComponent(token)}; HttpOnly; SameSite=Lax; Path=/`;
    },
  };
}

/** Without the port. */
function nameOf(host = ''): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

/** In a time that does not tell how much of it is right. */
function same(token: string, given: string | null | undefined): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(token), digest(given));
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** Cookies do not go by the port: each of several servers on one machine has its own. */
function cookieName({ socket }: IncomingMessage): string {
  return `rxjs-tasks-${socket.localPort}`;
}

function cookieOf(request: IncomingMessage): string | undefined {
  const name = cookieName(request);
  const given = (request.headers.cookie ?? '').split('; ').find((one) => one.startsWith(`${name}=`));
  try {
    return given && decodeURIComponent(given.slice(name.length + 1));
  } catch {
    // What is no text is no token.
    return undefined;
  }
}
