/**
 * What an application does, as spans and metrics of OpenTelemetry.
 *
 * @module rxjs-tasks/otel
 */

export { telemetry, type TelemetryOptions } from './telemetry.js';
