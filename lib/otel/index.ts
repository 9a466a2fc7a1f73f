/**
 * OpenTelemetry spans and metrics of an application.
 *
 * @module rxjs-tasks/otel
 */

export { fleetMetrics, type FleetMetricsOptions, type MeasuredQueue, type QueueStateSource } from './fleet-metrics.js';
export { telemetry, type TelemetryOptions } from './telemetry.js';
