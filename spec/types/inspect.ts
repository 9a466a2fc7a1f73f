import { expectTypeOf } from 'expect-type';
import { orchestrate, runMain, task, type Instrumentation, type Task } from 'rxjs-tasks';
import { inspector, record, renderSvg, renderText, terminal, type Recorder } from 'rxjs-tasks/inspect';
import { telemetry } from 'rxjs-tasks/otel';

const full = task('n', () => 1);
expectTypeOf(inspector({ port: 0 })).toEqualTypeOf<Task<string>>();
expectTypeOf(terminal()).toEqualTypeOf<Instrumentation>();
const recorder = record(orchestrate([full]));
expectTypeOf(recorder).toEqualTypeOf<Recorder>();
expectTypeOf(renderSvg(recorder)).toEqualTypeOf<string>();
expectTypeOf(renderText(recorder, { width: 80 })).toEqualTypeOf<string>();
expectTypeOf(telemetry()).toEqualTypeOf<Instrumentation>();
void runMain([full, inspector({ port: 0 })], { instrumentation: [terminal(), telemetry()], ui: 'lines' });

// @ts-expect-error `port` is required
inspector({});
