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
  /** Whether the request has no `Origin`, or the one of this server's own page: scheme, host and port. */
  readonly isOwnOrigin: (request: IncomingMessage) => boolean;
  /** Whether a browser sends the request for this server's own page, for its user, or does not say. */
  readonly isOwnSite: (request: IncomingMessage) => boolean;
  /**
   * Whether the request has the token, if there is one. A cookie would not do: browsers send it to all ports of the
   * host, and with the requests of other sites.
   */
  readonly isAllowed: (request: IncomingMessage) => boolean;
}

/** The values of `Sec-Fetch-Site` that are not of another site. Programs send none. */
const ownSites: ReadonlySet<unknown> = new Set([undefined, 'same-origin', 'none']);

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** @param hosts further names of the server. */
export function createAuth(host: string, hosts: readonly string[], token: string | undefined): Auth {
  const furtherNames = new Set(hosts.map((name) => name.toLowerCase()));
  const names = new Set([host.toLowerCase(), ...furtherNames]);
  const isOwn = (name: string) =>
    names.has(name) || isLoopback(name) || name.endsWith('.localhost') || (!isLoopback(host) && isIP(name) > 0);
  return {
    isOwnHost: ({ headers }) => isOwn(hostName(headers.host)),
    isOwnOrigin({ headers: { origin, host: ownHost = '' } }) {
      // A proxy that serves another name may do so by https.
      const schemes = furtherNames.has(hostName(ownHost)) ? ['http', 'https'] : ['http'];
      return origin === undefined || schemes.some((scheme) => originOf(`${scheme}://${ownHost}`) === origin);
    },
    isOwnSite: ({ headers }) => ownSites.has(headers['sec-fetch-site']),
    isAllowed: (request) => token === undefined || isEqual(token, bearerOf(request)),
  };
}

/** Returns the host without its port. */
export function hostName(host = ''): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1');
}

/** Compares in constant time. */
function isEqual(token: string, given: string | undefined): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(token), digest(given));
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (.+)/i.exec(headers.authorization ?? '')?.[1];
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}
