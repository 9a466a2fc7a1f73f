import { context, metrics, propagation, trace, type Attributes, type Meter, type Tracer } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

/** Unregisters whatever SDK is registered globally: another one would not replace it. */
export function unregisterTelemetry(): void {
  for (const api of [context, metrics, propagation, trace]) api.disable();
}

/** The real SDK, which can be registered globally, and the spans and metrics that it has received. */
export class Sdk {
  private readonly exporter = new InMemorySpanExporter();
  private readonly reader = new ReaderOnDemand();
  private readonly meters = new MeterProvider({ readers: [this.reader] });
  private readonly tracers = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.exporter)] });

  register(): void {
    this.tracers.register();
    metrics.setGlobalMeterProvider(this.meters);
  }

  unregister(): void {
    unregisterTelemetry();
  }

  get tracer(): Tracer {
    return this.tracers.getTracer('spec');
  }

  get meter(): Meter {
    return this.meters.getMeter('spec');
  }

  /** The ended spans, in the order of their ends. */
  get spans(): ReadableSpan[] {
    return this.exporter.getFinishedSpans();
  }

  /** Returns the only span of a name. */
  span(name: string): ReadableSpan {
    const named = this.spans.filter((span) => span.name === name);
    const [span] = named;
    if (!span || named.length > 1)
      throw new Error(`${named.length} spans ${name} among ${this.spans.map(({ name }) => name).join(', ')}`);
    return span;
  }

  reset(): void {
    this.exporter.reset();
  }

  /** Returns the data points of a metric: the attributes and the sum of each. */
  async points(name: string): Promise<[Attributes, number][]> {
    return (await this.allPoints())[name] ?? [];
  }

  /** Returns the data points of all metrics, by name. */
  async allPoints(): Promise<Record<string, [Attributes, number][]>> {
    const points = (await this.collect()).map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => [attributes, typeof value === 'number' ? value : (value.sum ?? NaN)]),
    ]);
    return Object.fromEntries(points) as Record<string, [Attributes, number][]>;
  }

  async unit(name: string): Promise<string | undefined> {
    return (await this.collect()).find(({ descriptor }) => descriptor.name === name)?.descriptor.unit;
  }

  private async collect() {
    const { resourceMetrics, errors } = await this.reader.collect();
    if (errors.length > 0) throw new AggregateError(errors);
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  }
}

/** Returns the start and the end of a span, in ms. */
export function times({ startTime, endTime }: ReadableSpan): [number, number] {
  const ms = ([seconds, nanos]: [number, number]) => seconds * 1000 + nanos / 1e6;
  return [ms(startTime), ms(endTime)];
}

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {
    // There is no buffer.
  }

  protected override async onShutdown(): Promise<void> {
    // There are no resources to release.
  }
}
