import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BehaviorSubject, filter, firstValueFrom, fromEvent, NEVER, skip, startWith, take, takeUntil } from 'rxjs';
import { task, untilCancelled, type Context, type Task } from 'rxjs-tasks';
import type { Summary } from './statistics.js';

/** For how long, in ms, a request that was on its way at the cancel may still come in. */
const lastCall = 200;

/** Serves the status on loopback, and yields its URL. It loses no request when it ends. */
export function statusServer(port: number, status$: BehaviorSubject<readonly Summary[]>): Task<string> {
  const server = createServer();
  const inFlight$ = new BehaviorSubject(0);

  const answer = (ctx: Context, { method = '', url = '' }: IncomingMessage, response: ServerResponse): void => {
    const closed$ = fromEvent(response, 'close').pipe(take(1));
    inFlight$.next(inFlight$.value + 1);
    closed$.subscribe(() => inFlight$.next(inFlight$.value - 1));

    const reply = (status: number, body: unknown) => {
      response.statusCode = status;
      response.setHeader('content-type', 'application/json');
      if (ctx.cancelled) response.setHeader('connection', 'close');
      response.end(`${JSON.stringify(body, null, 2)}\n`);
    };
    const replyStatus = () => reply(200, { targets: status$.value });

    switch (`${method} ${url}`) {
      case 'GET /status':
        return replyStatus();
      case 'GET /status?wait=next':
        // After a cancel there is no next round, and the last one is the answer.
        status$.pipe(skip(1), take(1), untilCancelled(ctx), takeUntil(closed$)).subscribe({ complete: replyStatus });
        return;
      default:
        return reply(404, { error: 'Expected /status or /status?wait=next' });
    }
  };

  return task('status server', {
    initialize(ctx) {
      server.on('request', (request, response) => answer(ctx, request, response));
      return once(server.listen(port, '127.0.0.1'), 'listening');
    },
    execute: () => NEVER.pipe(startWith(`http://127.0.0.1:${(server.address() as AddressInfo).port}/status`)),
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
