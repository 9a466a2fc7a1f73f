import {
  context,
  diag,
  metrics,
  propagation,
  trace,
  type Attributes,
  type Meter,
  type Tracer,
} from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { expect } from 'chai';
import { asyncScheduler } from 'rxjs';
import { background, type RunContext } from '../../lib/index.js';

/** Returns a run as an application passes it to its instrumentation. */
export function runOf(fields: Partial<RunContext> = {}): RunContext {
  const { cancelled, cause, cancelled$, signal } = background;
  const start = { task: 'x', runId: 1, startedAt: 0, scheduler: asyncScheduler };
  return { ...start, cancelled, cause, cancelled$, signal, ...fields };
}

/** The errors that the diagnostics of the API receive. */
export class Diagnostics {
  /** The arguments of each call: the scope, and the error. */
  private readonly errors: unknown[][] = [];

  begin(): void {
    const ignore = () => undefined;
    const error = (...args: unknown[]) => this.errors.push(args);
    const logger = { error, warn: ignore, info: ignore, debug: ignore, verbose: ignore };
    diag.setLogger(logger, { suppressOverrideMessage: true });
  }

  end(): void {
    diag.disable();
  }

  /** Removes the errors so far, and returns them. */
  take(): unknown[][] {
    return this.errors.splice(0);
  }
}

/** Unregisters whatever SDK is registered globally: another one would not replace it. */
export function unregisterTelemetry(): void {
  for (const api of [context, metrics, propagation, trace]) api.disable();
}

/**
 * Registers an SDK in each spec of the suite in which it is called. A spec fails if it leaves an error in the
 * diagnostics.
 */
export function registeredSdk(): { sdk: Sdk; diagnostics: Diagnostics } {
  const sdk = new Sdk();
  const diagnostics = new Diagnostics();
  beforeEach(() => {
    sdk.register();
    diagnostics.begin();
  });
  afterEach(() => {
    unregisterTelemetry();
    diagnostics.end();
    expect(diagnostics.take()).to.deep.equal([]);
  });
  return { sdk, diagnostics };
}

/** The real SDK, which can be registered globally, and the spans and metrics that it has received. */
export class Sdk {
  private parts = createParts();

  /** Registers it globally, without what it has received before. */
  register(): void {
    this.parts = createParts();
    this.parts.tracers.register();
    metrics.setGlobalMeterProvider(this.parts.meters);
  }

  get tracer(): Tracer {
    return this.parts.tracers.getTracer('spec');
  }

  get meter(): Meter {
    return this.parts.meters.getMeter('spec');
  }

  /** The ended spans, in the order of their ends. */
  get spans(): ReadableSpan[] {
    return this.parts.exporter.getFinishedSpans();
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
    this.parts.exporter.reset();
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

  /** Returns the names of the metrics without a description. */
  async undescribed(): Promise<string[]> {
    const metrics = (await this.collect()).map(({ descriptor }) => descriptor);
    return metrics.filter(({ description }) => !description).map(({ name }) => name);
  }

  /** Returns the boundaries of the buckets of a histogram. */
  async boundaries(name: string): Promise<number[]> {
    const points = (await this.collect()).find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
    return points.flatMap(({ value }) =>
      typeof value === 'object' && 'buckets' in value ? value.buckets.boundaries : [],
    );
  }

  private async collect() {
    const { resourceMetrics, errors } = await this.parts.reader.collect();
    if (errors.length > 0) throw new AggregateError(errors);
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  }
}

function createParts() {
  const exporter = new InMemorySpanExporter();
  const reader = new ReaderOnDemand();
  return {
    exporter,
    reader,
    meters: new MeterProvider({ readers: [reader] }),
    tracers: new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  };
}

export function idOf(span: ReadableSpan): string {
  return span.spanContext().spanId;
}

export function traceOf(span: ReadableSpan): string {
  return span.spanContext().traceId;
}

/** Returns the id of the parent of a span. */
export function parentOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}

/** Returns the ids of the spans to which a span is linked. */
export function linksOf(span: ReadableSpan): string[] {
  return span.links.map((link) => link.context.spanId);
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
