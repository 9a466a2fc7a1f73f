import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { task, type Task } from 'rxjs-tasks';

/** The addresses of the exporters. */
export interface ExporterOptions {
  /** The port that Prometheus scrapes, at `/metrics`. */
  metricsPort: number;
  /** The URL of a collector that takes OTLP, such as `http://localhost:4318/v1/traces`. */
  tracesUrl: string;
}

/**
 * Registers the SDK of OpenTelemetry, and returns the task that serves the metrics and sends the spans. As the first
 * member of an `ordered` group it ends last, and sends what is left.
 */
export function exporters({ metricsPort, tracesUrl }: ExporterOptions): Task {
  const prometheus = new PrometheusExporter({ port: metricsPort, preventServerStart: true });
  const meters = new MeterProvider({ readers: [prometheus] });
  const spans = new BatchSpanProcessor(new OTLPTraceExporter({ url: tracesUrl }));
  const tracers = new NodeTracerProvider({ spanProcessors: [spans] });
  metrics.setGlobalMeterProvider(meters);
  // With an AsyncLocalStorage for the active span, and the propagators of the W3C.
  tracers.register();
  return task('exporters', {
    initialize: () => prometheus.startServer(),
    finalize: () => Promise.all([meters.shutdown(), tracers.shutdown()]),
  });
}
