/**
 * An HTTP server as a task, which stops with every request answered and no connection left.
 *
 * @module rxjs-tasks/http
 */

export { httpServer, type HttpServerOptions, type NodeHttpServer } from './http-server.js';
export type { HttpListenOptions } from './listen-options.js';
