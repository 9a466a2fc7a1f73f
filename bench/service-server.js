// A server of works/service.js: `node service-server.js <contender>` writes its port.
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { future, launch, task, taskRunner } from '../dist/index.js';
import { httpServer } from '../dist/http/index.js';
import { contenders } from './works/service.js';

/** A handler as that of `examples/service`: reads an order, stores it, answers with it. The same for all. */
async function answer(request, response) {
  const { item } = await json(request);
  // The answer of a database arrives in a later turn of the event loop.
  await turn();
  response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify({ id: 7, item }));
}

/** Each returns the listener of requests, for the context of the server's task if there is one. */
const listeners = {
  bare: () => answer,
  task: () => answer,
  futures: (ctx) => (request, response) => future(() => answer(request, response), ctx),
  runs: (ctx) => (request, response) =>
    taskRunner(task('request', () => answer(request, response)))
      .start(ctx)
      .subscribe(),
  spans() {
    const tracer = createTracer();
    return (request, response) =>
      tracer.startActiveSpan('request', async (span) => {
        try {
          await answer(request, response);
        } finally {
          span.end();
        }
      });
  },
};

/** Each returns the tasks and the options by which an application is observed. */
const observers = {
  events: () => ({ options: { observer: () => undefined } }),
  async inspector() {
    const { inspector } = await import('../dist/inspect/index.js');
    return { tasks: [inspector({ port: 0 })] };
  },
  async telemetry() {
    const { telemetry } = await import('../dist/otel/index.js');
    return { options: { instrumentation: [telemetry({ tracer: createTracer() })] } };
  },
};

/** Creates a tracer whose spans are not sent: an exporter does that in the background, whatever has made them. */
function createTracer() {
  const exporter = { export: (_, done) => done({ code: 0 }), shutdown: async () => undefined };
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  return new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).getTracer('bench');
}

process.on('message', () => process.send(process.cpuUsage()));
const { server, observed } = contenders[process.argv[2]];
const create = (ctx) => createServer(listeners[server](ctx));
if (server === 'bare' || server === 'spans') {
  const bare = create().listen(0, '127.0.0.1', () => console.log(bare.address().port));
} else {
  const { tasks = [], options = {} } = (await observers[observed]?.()) ?? {};
  const http = taskRunner(httpServer(create, { port: 0, host: '127.0.0.1' }));
  http.results$.subscribe((url) => console.log(new URL(url).port));
  void launch([...tasks, http], options);
}
