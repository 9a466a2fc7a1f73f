import { metrics, type BatchObservableResult, type Meter } from '@opentelemetry/api';
import { Subscription } from 'rxjs';
import { hasMethod } from '../util/has-members.js';
import { invalid } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import { callSafely, reportError } from './call-safely.js';
import { attribute, library, seconds } from './names.js';

/** An object that returns the state of the queues of a fleet, such as a `Fleet`. */
export interface QueueStateSource {
  /** Returns the numbers of each queue's jobs. May reject. */
  state(): Promise<{ readonly queues: readonly MeasuredQueue[] }>;
}

/** The numbers of a queue's jobs. */
export interface MeasuredQueue {
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  readonly dead: number;
  /** For how long the first of the due jobs has waited, in ms. Absent if none is due. */
  readonly oldestMs?: number;
}

/** Options of {@link fleetMetrics}. */
export interface FleetMetricsOptions {
  /** Creates the metrics. Default: the meter of the API's global provider, which must be registered before. */
  meter?: Meter | undefined;
}

/**
 * Measures the queues of a fleet with OpenTelemetry, each time the metrics are collected: the gauges
 * `rxjs_tasks.queue.waiting`, `.running`, `.dead` and, in seconds, `.oldest`, which is for how long the first of the
 * due jobs has waited. Their attribute is `messaging.destination.name`, the name of the queue.
 *
 * A collection reads the state of the fleet once, from its database. One process of a fleet is enough to measure it. An
 * error of the read is passed to the API's `diag`; the collection then has no values of queues.
 *
 * @returns a Subscription; unsubscribing ends the measuring.
 * @throws TypeError for an argument of a wrong type, and for an unknown option.
 *
 * @example
 * ```ts
 * import { connectFleet } from 'rxjs-tasks/fleet';
 * import { fleetMetrics } from 'rxjs-tasks/otel';
 *
 * const { FLEET_URL } = process.env;
 * const fleet = await connectFleet({ url: FLEET_URL });
 * const measuring = fleetMetrics(fleet);
 * console.log(measuring.closed); // → false
 * measuring.unsubscribe();
 * await fleet.close();
 * ```
 */
export function fleetMetrics(fleet: QueueStateSource, options: FleetMetricsOptions = {}): Subscription {
  if (!hasMethod(fleet, 'state')) throw new TypeError(invalid('fleet', 'a fleet, as connectFleet yields it', fleet));
  validateOptions(options, ['meter'], 'fleetMetrics');
  const { meter = metrics.getMeter(library.name, library.version) } = options;
  if (!hasMethod(meter, 'createObservableGauge'))
    throw new TypeError(invalid('meter', 'a meter, with a `createObservableGauge` function', meter));
  return callSafely(() => observe(fleet, meter)) ?? Subscription.EMPTY;
}

function observe(fleet: QueueStateSource, meter: Meter): Subscription {
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(`rxjs_tasks.queue.${name}`, { unit, description });
  const waiting = gauge('waiting', '{job}', 'Jobs that wait for a worker, those with a delay included');
  const running = gauge('running', '{job}', 'Jobs that run');
  const dead = gauge('dead', '{job}', 'Jobs whose last attempt has failed');
  const oldest = gauge('oldest', 's', 'Time for which the first of the due jobs has waited');
  const gauges = [waiting, running, dead, oldest];
  let reading: Promise<readonly MeasuredQueue[]> | undefined;

  const onCollect = async (result: BatchObservableResult) => {
    // A collection that comes while the database does not answer waits for the same answer.
    reading ??= readQueues(fleet).finally(() => (reading = undefined));
    for (const queue of await reading) {
      const attributes = { [attribute.queue]: queue.name };
      result.observe(waiting, queue.waiting, attributes);
      result.observe(running, queue.running, attributes);
      result.observe(dead, queue.dead, attributes);
      // Not absent without a due job, because then the last value would seem to last.
      result.observe(oldest, seconds(queue.oldestMs ?? 0), attributes);
    }
  };
  meter.addBatchObservableCallback(onCollect, gauges);
  return new Subscription(() => callSafely(() => meter.removeBatchObservableCallback(onCollect, gauges)));
}

async function readQueues(fleet: QueueStateSource): Promise<readonly MeasuredQueue[]> {
  try {
    const { queues } = await fleet.state();
    return queues;
  } catch (error) {
    reportError(error);
    return [];
  }
}
