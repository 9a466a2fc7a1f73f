import { once } from 'node:events';
import * as http from 'node:http';

/** The most connections. More of them would take the file descriptors of the application. */
const maxConnections = 256;
/** The limit for a request to arrive. A connection that has sent nothing is closed after it, too. */
const requestTimeoutMs = 5000;
const checkIntervalMs = 1000;
/** After this time without progress, a connection is destroyed, such as that of a client that reads no response. */
const idleTimeoutMs = 30_000;
/** After this time, `closeServer` destroys the connections that are still open. */
const closeTimeoutMs = 500;

/** Creates a server on which clients that send nothing, or half of a request, cannot keep the others out. */
export function createServer(listener: http.RequestListener): http.Server {
  const options = {
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkIntervalMs,
  };
  const server = http.createServer(options, listener);
  server.maxConnections = maxConnections;
  server.timeout = idleTimeoutMs;
  return server;
}

/** Closes a server. Its current responses are small, so they get a moment to end. */
export async function closeServer(server: http.Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const timeout = setTimeout(() => server.closeAllConnections(), closeTimeoutMs);
  await closed;
  clearTimeout(timeout);
}
