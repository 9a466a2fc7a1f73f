import { expectTypeOf } from 'expect-type';
import { createServer } from 'node:http';
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { RunContext, Task } from 'rxjs-tasks';
import { httpServer, type HttpListenOptions, type HttpServerOptions, type NodeHttpServer } from 'rxjs-tasks/http';

expectTypeOf(httpServer(createServer(), 3000)).toEqualTypeOf<Task<string>>();
httpServer(createHttpsServer(), '/run/shop.sock', { name: 'api', grace: 1000 });
httpServer(createHttp2Server(), { port: 0, host: '::1', ipv6Only: true });
httpServer(createSecureServer(), { fd: 3 });
httpServer(
  async (ctx) => {
    expectTypeOf(ctx).toEqualTypeOf<RunContext>();
    return createServer();
  },
  { port: 3000, reusePort: true },
);
expectTypeOf<Parameters<typeof httpServer>[1]>().toEqualTypeOf<HttpListenOptions>();
expectTypeOf<ReturnType<typeof createServer>>().toExtend<NodeHttpServer>();
expectTypeOf<HttpServerOptions>().toEqualTypeOf<{ name?: string | undefined; grace?: number | undefined }>();

// @ts-expect-error a server of node:net has no requests
httpServer(createTcpServer(), 3000);
// @ts-expect-error a server needs a port, a path or options
httpServer(createServer());
// @ts-expect-error the option does not exist
httpServer(createServer(), 3000, { timeout: 5 });
