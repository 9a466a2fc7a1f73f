// An HTTP server as one contender of ./works/otel.js has it: `node otel-server.js <contender>` writes its port.
import { context, metrics, SpanStatusCode } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createServer } from 'node:http';
import { contenders } from './works/otel.js';

/** Exports nothing: an exporter sends its batches in the background, whatever has made the spans. */
const exporter = {
  export: (_, done) => done({ code: 0 }),
  forceFlush: async () => undefined,
  shutdown: async () => undefined,
};

/** A handler that is as short as an asynchronous one can be, so that the cost of its span is not hidden. */
async function answer(_, response) {
  await Promise.resolve();
  response.end('{"ok":true}');
}

/** Creates the providers of a service. */
function start({ metered }) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  if (metered)
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] }));
  return new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).getTracer('bench');
}

const servers = {
  nothing: () => listen(createServer(answer)),
  span: (options) => {
    const tracer = start(options);
    const handle = options.described ? describedSpan(tracer) : bareSpan(tracer);
    listen(createServer(options.metered ? measured(handle) : handle));
  },
  run: async (options) => {
    const tracer = start(options);
    const { NEVER } = await import('rxjs');
    const { launch, task, taskRunner } = await import('../dist/index.js');
    const { telemetry } = await import('../dist/otel/index.js');
    const http = task('http', (ctx) => {
      listen(
        createServer((request, response) => {
          taskRunner(task('request', () => answer(request, response)))
            .start(ctx)
            .subscribe();
        }),
      );
      return NEVER;
    });
    void launch([http], { instrumentation: [telemetry({ tracer })] });
  },
};

/** The least that a span by hand can be. */
function bareSpan(tracer) {
  return (request, response) =>
    tracer.startActiveSpan('request', async (span) => {
      try {
        await answer(request, response);
      } finally {
        span.end();
      }
    });
}

/** A span by hand with the attributes and the status that `telemetry()` gives to that of a run. */
function describedSpan(tracer) {
  let runs = 0;
  return (request, response) => {
    const attributes = {
      'rxjs_tasks.task': 'http/request',
      'rxjs_tasks.run.kind': 'task',
      'rxjs_tasks.run.id': ++runs,
    };
    return tracer.startActiveSpan('http/request', { attributes }, async (span) => {
      try {
        await answer(request, response);
        span.setAttribute('rxjs_tasks.run.outcome', 'completed');
      } catch (error) {
        span.setAttributes({ 'rxjs_tasks.run.outcome': 'failed', 'error.type': error.name });
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
        span.recordException(error);
        throw error;
      } finally {
        span.end();
      }
    });
  };
}

/** Counts and measures requests by hand, as `telemetry()` does with runs. */
function measured(handle) {
  const meter = metrics.getMeter('bench');
  const runs = meter.createCounter('runs');
  const duration = meter.createHistogram('duration', { unit: 's' });
  return async (request, response) => {
    const from = Date.now();
    runs.add(1, { task: 'request', kind: 'task' });
    await handle(request, response);
    duration.record((Date.now() - from) / 1000, { task: 'request', kind: 'task', outcome: 'completed' });
  };
}

function listen(server) {
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
}

const { server, ...options } = contenders[process.argv[2]];
await servers[server](options);
