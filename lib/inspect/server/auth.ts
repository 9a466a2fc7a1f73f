import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** The access checks of a server. */
export interface Auth {
  /**
   * Whether the `Host` header names this server. Without this check, a page elsewhere could reach this server under a
   * name of its own (DNS rebinding).
   */
  readonly isOwnHost: (request: IncomingMessage) => boolean;
  /** Whether the request contains the token, if there is one. */
  readonly isAllowed: (request: IncomingMessage) => boolean;
  /** Returns the cookie for a browser whose address contains the token. */
  readonly cookieFor: (request: IncomingMessage, query: URLSearchParams) => string | undefined;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @param hosts further names of the server. */
export function createAuth(host: string, hosts: readonly string[], token: string | undefined): Auth {
  const names = new Set([host, ...hosts].map((name) => name.toLowerCase()));
  const isOwn = (name: string) =>
    names.has(name) || isLoopback(name) || name.endsWith('.localhost') || (!isLoopback(host) && isIP(name) > 0);
  const isToken = (given: string | null | undefined) => token === undefined || isEqual(token, given);
  return {
    isOwnHost: ({ headers }) => isOwn(hostName(headers.host)),
    isAllowed: (request) => isToken(bearerOf(request)) || isToken(cookieOf(request)),
    cookieFor(request, query) {
      const given = query.get('token');
      if (token === undefined || !isToken(given)) return undefined;
      // Not `Strict`: a browser that follows a link from elsewhere would not send the cookie after the redirect.
      return `${cookieName(request)}=${encodeURIComponent(token)}; HttpOnly; SameSite=Lax; Path=/`;
    },
  };
}

/** Returns the host without its port. */
function hostName(host = ''): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

/** Compares in constant time. */
function isEqual(token: string, given: string | null | undefined): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(token), digest(given));
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
}

/** Returns a name with the port, because browsers share cookies between all ports of a host. */
function cookieName({ socket }: IncomingMessage): string {
  return `rxjs-tasks-${socket.localPort}`;
}

function cookieOf(request: IncomingMessage): string | undefined {
  const name = cookieName(request);
  const cookie = (request.headers.cookie ?? '').split('; ').find((pair) => pair.startsWith(`${name}=`));
  try {
    return cookie && decodeURIComponent(cookie.slice(name.length + 1));
  } catch {
    // The value is not valid percent-encoding.
    return undefined;
  }
}
