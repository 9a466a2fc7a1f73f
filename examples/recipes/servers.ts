/**
 * Servers of web frameworks as tasks. A server stops as `httpServer` does. The plugins and providers of a framework are
 * ready before the port is open, and closed after the last answer.
 */
import { createAdaptorServer } from '@hono/node-server';
import type { INestApplication } from '@nestjs/common';
import type { Express } from 'express';
import type { FastifyInstance } from 'fastify';
import type { Hono } from 'hono';
import { createServer } from 'node:http';
import { ordered, task, type RunContext, type Task, type TaskRunner } from 'rxjs-tasks';
import { httpServer, type HttpListenOptions, type NodeHttpServer } from 'rxjs-tasks/http';

export function expressServer(listen: HttpListenOptions, app: Express): Task<string> {
  return httpServer(createServer(app), listen);
}

export function honoServer(listen: HttpListenOptions, app: Hono): Task<string> {
  return httpServer(createAdaptorServer(app), listen);
}

/**
 * Runs Fastify. An instance cannot be used again after its `close`, so each run creates one. Its `onListen` hooks are
 * not called.
 *
 * @param create Its `ctx` is cancelled when the stop begins, for handlers that would answer later than that.
 */
export function fastifyServer(
  name: string,
  listen: HttpListenOptions,
  create: (ctx: RunContext) => FastifyInstance,
): TaskRunner<string> {
  let app: FastifyInstance | undefined;
  const http = httpServer(async (ctx) => {
    app = create(ctx);
    await app.ready();
    return app.server;
  }, listen);
  return ordered(name, task<never>('fastify', { finalize: () => app?.close() }), http);
}

/**
 * Runs Nest. It leaves the signals to the tasks' application, so it needs no `enableShutdownHooks`. Its shutdown hooks
 * are called after the last answer.
 *
 * @param create Passes `abortOnError: false` to Nest, because otherwise a failure ends the process.
 */
export function nestServer(
  name: string,
  listen: HttpListenOptions,
  create: (ctx: RunContext) => Promise<INestApplication>,
): TaskRunner<string> {
  let nest: INestApplication | undefined;
  const http = httpServer(async (ctx) => {
    // Nest would call the hooks of a closed application again.
    nest = undefined;
    nest = await create(ctx);
    await nest.init();
    return nest.getHttpServer() as NodeHttpServer;
  }, listen);
  return ordered(name, task<never>('nest', { finalize: () => nest?.close() }), http);
}
