import { trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { background, orchestrate, withCancel, type OrchestrateOptions, type Runnable } from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { virtually } from '../helpers/virtual-time.js';

/** Keeps expected failures from being written to the console. */
export const observer = (): undefined => undefined;

/** Runs an application in virtual time, and cancels it from outside at `until`. */
export function run(runnables: Runnable[], until: number, options: OrchestrateOptions = {}): void {
  virtually((_, scheduler) => {
    const [parent, cancel] = withCancel(background, { scheduler });
    orchestrate(runnables, { instrumentation: [telemetry()], parent, ...options }).subscribe();
    scheduler.schedule(() => cancel(new Error('enough')), until);
    scheduler.flush();
  });
}

/** Returns the id of the active span. */
export function activeId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().spanId;
}

/** Returns the events of a span in order: their times, names and attributes. */
export function eventsOf(span: ReadableSpan): string[] {
  return span.events.map(({ name, time: [whole, nanos], attributes = {} }) =>
    [whole * 1000 + nanos / 1e6, name, ...Object.values(attributes)].join(' '),
  );
}

/** Throws an error of its own. */
export function fails(): never {
  throw new RangeError('no disk');
}

export function fail(error: string | Error): never {
  throw typeof error === 'string' ? new Error(error) : error;
}
