// Type tests: each option of each public function accepts `undefined`, as if it were left out.
import { expectTypeOf } from 'expect-type';
import type {
  ByWhom,
  CriticalOptions,
  CronOptions,
  DynamicOptions,
  Instrumentation,
  LaunchOptions,
  nextRuns,
  OrchestrateOptions,
  NextRunsOptions,
  RescheduleOptions,
  RunMainOptions,
  SignalListenerOptions,
  SuperviseOptions,
  TaskDefinition,
  withCancel,
} from 'rxjs-tasks';
import type { connectFleet, Queue } from 'rxjs-tasks/fleet';
import type { HttpServerOptions } from 'rxjs-tasks/http';
import type { InspectorOptions, RecordOptions, SvgOptions, TerminalOptions, TextOptions } from 'rxjs-tasks/inspect';
import type { TelemetryOptions } from 'rxjs-tasks/otel';
import type { ExploreOptions, Scenario, ScriptOptions } from 'rxjs-tasks/testing';
import type { ThreadPoolOptions, ThreadRunOptions } from 'rxjs-tasks/threads';

/** The optional members of a type, each of them undefined. */
type Undefined<O> = { [K in keyof O as object extends Pick<O, K> ? K : never]-?: undefined };
/** A type's members, of which the optional ones accept undefined. */
type Optional<O> = Pick<O, keyof Undefined<O>>;
type Options<F extends (...args: never) => unknown, N extends number> = NonNullable<Parameters<F>[N]>;

expectTypeOf<Undefined<CronOptions>>().toExtend<CronOptions>();
expectTypeOf<Undefined<NextRunsOptions>>().toExtend<NextRunsOptions>();
expectTypeOf<Undefined<RescheduleOptions>>().toExtend<RescheduleOptions>();
expectTypeOf<Undefined<ByWhom>>().toExtend<ByWhom>();
expectTypeOf<Undefined<CriticalOptions>>().toExtend<CriticalOptions>();
expectTypeOf<Undefined<DynamicOptions>>().toExtend<DynamicOptions>();
expectTypeOf<Undefined<Options<typeof nextRuns, 2>>>().toExtend<Options<typeof nextRuns, 2>>();
expectTypeOf<Undefined<SuperviseOptions>>().toExtend<SuperviseOptions>();
type Backoff = NonNullable<SuperviseOptions['backoff']>;
expectTypeOf<Undefined<Backoff>>().toExtend<Backoff>();
expectTypeOf<Undefined<OrchestrateOptions>>().toExtend<OrchestrateOptions>();
expectTypeOf<Undefined<LaunchOptions>>().toExtend<LaunchOptions>();
expectTypeOf<Undefined<RunMainOptions>>().toExtend<RunMainOptions>();
expectTypeOf<Undefined<SignalListenerOptions>>().toExtend<SignalListenerOptions>();
expectTypeOf<Undefined<Instrumentation>>().toExtend<Instrumentation>();
expectTypeOf<Undefined<TaskDefinition<number>>>().toExtend<TaskDefinition<number>>();
expectTypeOf<Undefined<Options<typeof withCancel, 1>>>().toExtend<Options<typeof withCancel, 1>>();

expectTypeOf<Undefined<Options<typeof connectFleet, 0>>>().toExtend<Options<typeof connectFleet, 0>>();
type SubmitOptions = Options<Queue<number, number>['submit'], 1>;
expectTypeOf<Undefined<SubmitOptions>>().toExtend<SubmitOptions>();
type WorkerOptions = Options<Queue<number, number>['worker'], 1>;
expectTypeOf<Undefined<WorkerOptions>>().toExtend<WorkerOptions>();

expectTypeOf<Undefined<HttpServerOptions>>().toExtend<HttpServerOptions>();
expectTypeOf<Undefined<InspectorOptions>>().toExtend<Optional<InspectorOptions>>();
expectTypeOf<Undefined<RecordOptions>>().toExtend<RecordOptions>();
expectTypeOf<Undefined<SvgOptions>>().toExtend<SvgOptions>();
expectTypeOf<Undefined<TerminalOptions>>().toExtend<TerminalOptions>();
expectTypeOf<Undefined<TextOptions>>().toExtend<TextOptions>();
expectTypeOf<Undefined<TelemetryOptions>>().toExtend<TelemetryOptions>();
expectTypeOf<Undefined<ExploreOptions>>().toExtend<ExploreOptions>();
expectTypeOf<Undefined<Scenario>>().toExtend<Optional<Scenario>>();
expectTypeOf<Undefined<ScriptOptions<string>>>().toExtend<ScriptOptions<string>>();
expectTypeOf<Undefined<ThreadPoolOptions>>().toExtend<ThreadPoolOptions>();
expectTypeOf<Undefined<ThreadRunOptions>>().toExtend<ThreadRunOptions>();

// A canary: an option that does not accept undefined is found.
expectTypeOf<Undefined<{ a?: number }>>().not.toExtend<{ a?: number }>();
