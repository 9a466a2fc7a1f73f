import { context, metrics, propagation, trace, type Attributes } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

/** The real SDK, registered globally, and what it was told. */
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

  /** In the order in which they have ended. */
  get spans(): ReadableSpan[] {
    return this.exporter.getFinishedSpans();
  }

  /** The one span of a name. */
  span(name: string): ReadableSpan {
    const named = this.spans.filter((one) => one.name === name);
    const [span] = named;
    if (!span || named.length > 1)
      throw new Error(`${named.length} spans ${name} among ${this.spans.map((one) => one.name).join(', ')}`);
    return span;
  }

  forget(): void {
    this.exporter.reset();
  }

  /** The points of a metric: what each is of, and its sum. */
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
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics).find((one) => one.descriptor.name === name);
  }
}

/** What a span says of when it was, in ms. */
export function times({ startTime, endTime }: ReadableSpan): [number, number] {
  const ms = ([whole, nanos]: [number, number]) => whole * 1000 + nanos / 1e6;
  return [ms(startTime), ms(endTime)];
}

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {
    // It keeps nothing.
  }

  protected override async onShutdown(): Promise<void> {
    // It holds nothing.
  }
}
