import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Server, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BehaviorSubject, filter, firstValueFrom, fromEvent, NEVER, startWith, take, type Observable } from 'rxjs';
import { task, type Context, type Task } from 'rxjs-tasks';

/** The time in which requests sent before the cancel may still arrive, in ms. */
const arrivalMs = 200;

/** A request, and how to answer it. */
export interface Exchange {
  readonly ctx: Context;
  readonly request: IncomingMessage;
  /** Completes when the request has been answered, or the client is gone. */
  readonly closed$: Observable<unknown>;
  /** Answers with JSON. */
  readonly reply: (status: number, body: unknown) => void;
}

/** Serves requests, and yields the URL of its path on loopback. It loses no request when it ends. */
export function httpServer(
  name: string,
  { host, port, path = '' }: { readonly host: string; readonly port: number; readonly path?: string },
  answer: (exchange: Exchange) => void,
): Task<string> {
  let server = createServer();
  const inFlight$ = new BehaviorSubject(0);

  return task(name, {
    initialize(ctx) {
      // A new server for each run, so that the task can be started again.
      server = createServer((request, response) => {
        const closed$ = fromEvent(response, 'close').pipe(take(1));
        inFlight$.next(inFlight$.value + 1);
        closed$.subscribe(() => inFlight$.next(inFlight$.value - 1));
        const reply = (status: number, body: unknown) => {
          response.statusCode = status;
          response.setHeader('content-type', 'application/json');
          if (ctx.cancelled) response.setHeader('connection', 'close');
          response.end(`${JSON.stringify(body, null, 2)}\n`);
        };
        answer({ ctx, request, closed$, reply });
      });
      return once(server.listen(port, host), 'listening');
    },
    execute: () => NEVER.pipe(startWith(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)),
    async finalize() {
      if (!server.listening) return;
      // A kept-alive connection that looks idle may have a request in transit. Since the cancel, each answer closes its
      // connection.
      await delay(arrivalMs);
      const closed = once(server, 'close');
      // Only stops accepting: HTTP's own `close` cuts answers that a slow reader has not read yet.
      Server.prototype.close.call(server);
      await firstValueFrom(inFlight$.pipe(filter((count) => count === 0)));
      server.closeAllConnections();
      await closed;
    },
  });
}
