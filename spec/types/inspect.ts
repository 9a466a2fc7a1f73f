import { expectTypeOf } from 'expect-type';
import { orchestrate, runMain, task, type Instrumentation, type TaskRunner } from 'rxjs-tasks';
import { connectFleet } from 'rxjs-tasks/fleet';
import {
  inspector,
  record,
  renderSvg,
  renderText,
  terminal,
  type AppState,
  type InspectorAction,
  type Recorder,
  type TaskAction,
  type TaskState,
} from 'rxjs-tasks/inspect';
import { telemetry } from 'rxjs-tasks/otel';

const full = task('n', () => 1);
expectTypeOf(inspector({ port: 0 })).toEqualTypeOf<TaskRunner<string>>();
expectTypeOf(terminal()).toEqualTypeOf<Instrumentation>();
const recorder = record(orchestrate([full]));
expectTypeOf(recorder).toEqualTypeOf<Recorder>();
expectTypeOf(renderSvg(recorder)).toEqualTypeOf<string>();
expectTypeOf(renderText(recorder, { width: 80 })).toEqualTypeOf<string>();
expectTypeOf(telemetry()).toEqualTypeOf<Instrumentation>();
void runMain([full, inspector({ port: 0 })], { instrumentation: [terminal(), telemetry()], ui: 'lines' });

inspector({ port: 0, token: 'a token, a token', actions: true });
void connectFleet({ url: 'postgres://localhost' }).then((fleet) => inspector({ port: 0, fleet }));
expectTypeOf<NonNullable<AppState['actions']>[number]>().toEqualTypeOf<InspectorAction>();
expectTypeOf<NonNullable<TaskState['actions']>[number]>().toEqualTypeOf<TaskAction>();
expectTypeOf<TaskAction>().toExtend<InspectorAction>();

// @ts-expect-error `port` is required
inspector({});
// @ts-expect-error `actions` is a boolean
inspector({ port: 0, token: 'a token, a token', actions: ['pause'] });
