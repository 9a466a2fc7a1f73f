import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Server, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BehaviorSubject, filter, firstValueFrom, fromEvent, NEVER, startWith, take, type Observable } from 'rxjs';
import { task, type Context, type Task } from 'rxjs-tasks';

/** For how long, in ms, a request that was on its way at the cancel may still come in. */
const lastCall = 200;

/** A request, and how to answer it. */
export interface Exchange {
  readonly ctx: Context;
  readonly request: IncomingMessage;
  /** Completes when it has been answered, or the client has gone. */
  readonly closed$: Observable<unknown>;
  /** Answers with JSON. */
  readonly reply: (status: number, body: unknown) => void;
}

/** Serves, and yields the URL of its path on loopback. It loses no request when it ends. */
export function httpServer(
  name: string,
  { host, port, path = '' }: { readonly host: string; readonly port: number; readonly path?: string },
  answer: (exchange: Exchange) => void,
): Task<string> {
  let server = createServer();
  const inFlight$ = new BehaviorSubject(0);

  return task(name, {
    initialize(ctx) {
      // Anew each time, so that it can be started again.
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
      // A kept connection that looks idle may have a request on its way. From the cancel on each answer is its connection's last.
      await delay(lastCall);
      const closed = once(server, 'close');
      // Stops accepting and no more: HTTP's own `close` cuts answers that a slow reader has not taken yet.
      Server.prototype.close.call(server);
      await firstValueFrom(inFlight$.pipe(filter((count) => count === 0)));
      server.closeAllConnections();
      await closed;
    },
  });
}
