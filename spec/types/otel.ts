import type { Meter } from '@opentelemetry/api';
import { expectTypeOf } from 'expect-type';
import type { Subscription } from 'rxjs';
import { task, type RunJob } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import { fleetMetrics } from 'rxjs-tasks/otel';

declare const fleet: Fleet;
declare const meter: Meter;

// A fleet has the state that the gauges read.
expectTypeOf(fleetMetrics(fleet)).toEqualTypeOf<Subscription>();
fleetMetrics(fleet, { meter });
// @ts-expect-error: a queue is no fleet
fleetMetrics(fleet.queue('mail'));
// @ts-expect-error: an unknown option
fleetMetrics(fleet, { tracer: meter });

// The context of a run has the job, if it is one.
task('x', (ctx) => {
  expectTypeOf(ctx.job).toEqualTypeOf<RunJob | undefined>();
  expectTypeOf<RunJob['trace']>().toEqualTypeOf<Readonly<Record<string, string>> | undefined>();
});
