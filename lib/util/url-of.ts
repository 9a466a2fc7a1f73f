import type { Server } from 'node:net';

/** Returns the URL of a server that listens, or the path of its socket. */
export function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return address ?? '';
  const { address: host, port } = address;
  return `${'setSecureContext' in server ? 'https' : 'http'}://${hostOf(host)}:${port}`;
}

function hostOf(address: string): string {
  // These stand for all addresses of the machine, and are none that every client can connect to.
  if (address === '::' || address === '0.0.0.0') return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}
