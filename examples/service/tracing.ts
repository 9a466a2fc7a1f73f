import { BasicTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { appendFileSync, writeFileSync } from 'node:fs';
import type { Instrumentation } from 'rxjs-tasks';
import { telemetry } from 'rxjs-tasks/otel';

/** Writes the spans of all runs to a file, one line each. A real service has an exporter that sends them. */
export function tracing(file: string): Instrumentation {
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

function lineOf(span: ReadableSpan): string {
  const { name, parentSpanContext, startTime, duration, status, attributes } = span;
  const { traceId, spanId } = span.spanContext();
  return JSON.stringify({
    name,
    traceId,
    spanId,
    parentId: parentSpanContext?.spanId,
    start: new Date(toMs(startTime)).toISOString(),
    ms: toMs(duration),
    error: status.message,
    ...attributes,
  });
}

function toMs([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + nanoseconds / 1e6;
}
