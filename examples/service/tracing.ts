import { BasicTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { appendFileSync, writeFileSync } from 'node:fs';
import type { Instrument } from 'rxjs-tasks';
import { telemetry } from 'rxjs-tasks/otel';

/** Spans of all runs, each a line of a file: where a service of yours has an exporter that sends them. */
export function tracing(file: string): Instrument {
  writeFileSync(file, '');
  const exporter = {
    export(spans: readonly ReadableSpan[], done: (result: { code: number }) => void) {
      for (const span of spans) appendFileSync(file, `${lineOf(span)}\n`);
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  };
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return telemetry({ tracer: provider.getTracer('shop') });
}

function lineOf({
  name,
  spanContext,
  parentSpanContext,
  startTime,
  duration,
  status,
  attributes,
}: ReadableSpan): string {
  const { traceId, spanId } = spanContext();
  const [seconds, nanos] = duration;
  return JSON.stringify({
    name,
    traceId,
    spanId,
    parentId: parentSpanContext?.spanId,
    start: new Date(startTime[0] * 1000 + startTime[1] / 1e6).toISOString(),
    ms: seconds * 1000 + nanos / 1e6,
    error: status.message,
    ...attributes,
  });
}
