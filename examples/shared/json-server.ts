import { createServer, type IncomingMessage } from 'node:http';
import { fromEvent, take, type Observable } from 'rxjs';
import type { Context, Task } from 'rxjs-tasks';
import { httpServer, type HttpListenOptions } from 'rxjs-tasks/http';

/** A request, and how to answer it. */
export interface Exchange {
  readonly ctx: Context;
  readonly request: IncomingMessage;
  /** Completes when the request has been answered, or the client is gone. */
  readonly closed$: Observable<unknown>;
  /** Answers with JSON. */
  readonly reply: (status: number, body: unknown) => void;
}

/** Serves requests with JSON, and yields the URL of the server. */
export function jsonServer(
  name: string,
  listen: HttpListenOptions,
  answer: (exchange: Exchange) => void,
): Task<string> {
  return httpServer(
    (ctx) =>
      createServer((request, response) => {
        const closed$ = fromEvent(response, 'close').pipe(take(1));
        const reply = (status: number, body: unknown) => {
          response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`);
        };
        answer({ ctx, request, closed$, reply });
      }),
    listen,
    { name },
  );
}
