/**
 * OpenTelemetry spans and metrics of an application.
 *
 * @module rxjs-tasks/otel
 */

export { telemetry, type TelemetryOptions } from './telemetry.js';
