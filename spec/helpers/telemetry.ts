import { context, metrics, propagation, trace, type Attributes } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

/** The real SDK, which can be registered globally, and the spans and metrics that it has received. */
export class Sdk {
  private readonly exporter = new InMemorySpanExporter();
  private readonly reader = new ReaderOnDemand();
  private readonly meters = new MeterProvider({ readers: [this.reader] });

  register(): void {
    new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.exporter)] }).register();
    metrics.setGlobalMeterProvider(this.meters);
  }

  unregister(): void {
    for (const api of [context, metrics, propagation, trace]) api.disable();
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
    const metric = await this.metric(name);
    return (metric?.dataPoints ?? []).map(({ attributes, value }) => [
      attributes,
      typeof value === 'number' ? value : (value.sum ?? NaN),
    ]);
  }

  async unit(name: string): Promise<string | undefined> {
    return (await this.metric(name))?.descriptor.unit;
  }

  private async metric(name: string) {
    const { resourceMetrics, errors } = await this.reader.collect();
    if (errors.length > 0) throw new AggregateError(errors);
    return resourceMetrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .find(({ descriptor }) => descriptor.name === name);
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
