import { expectTypeOf } from 'expect-type';
import { Subject, type Observable } from 'rxjs';
import {
  cron,
  orchestrate,
  signalListener,
  supervise,
  task,
  taskRunner,
  type AppEvent,
  type Application,
  type ShutdownReport,
  type SimpleTask,
} from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import {
  virtualClock,
  explore,
  fakeSignals,
  marks,
  memoryCoordinator,
  memoryFleet,
  record,
  replay,
  scenario,
  ScenarioError,
  script,
  toMarbles,
  type ExploreResult,
  type FakeSignals,
  type Mark,
  type MemoryClaim,
  type MemoryCoordinator,
  type MemoryFleet,
  type ScenarioResult,
  type Recorder,
  type Recording,
  type ReplayOptions,
  type Scenario,
  type ManualTask,
  type VirtualClock,
  type ScenarioContext,
} from 'rxjs-tasks/testing';

const full = task('n', { execute: () => 1 });

expectTypeOf(script('n')).toEqualTypeOf<ManualTask>();
expectTypeOf<ManualTask<number>['next']>().parameters.toEqualTypeOf<[number]>();
expectTypeOf(script('n', '-a|')).toEqualTypeOf<SimpleTask<string>>();
expectTypeOf(script('n', ['-a|', '#'], { values: { a: { rows: 1 } } })).toEqualTypeOf<SimpleTask<{ rows: number }>>();
expectTypeOf(taskRunner(script<number>('n')).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(supervise(script('n', '|')).start()).toEqualTypeOf<Observable<string>>();
expectTypeOf(scenario({ run: () => [full, taskRunner(full)] })).toEqualTypeOf<Promise<ScenarioResult>>();
const definition: Scenario = {
  run(context) {
    expectTypeOf(context).toEqualTypeOf<ScenarioContext>();
    expectTypeOf(context.clock).toEqualTypeOf<VirtualClock>();
    return [signalListener({ target: context.signals })];
  },
  during: ({ app }) => expectTypeOf(app).toEqualTypeOf<Application>(),
  check: ({ report }) => expectTypeOf(report).toEqualTypeOf<ShutdownReport | undefined>(),
};
expectTypeOf(explore(definition, { runs: 1 })).toEqualTypeOf<Promise<ExploreResult>>();
expectTypeOf(record(new Subject<AppEvent>())).toEqualTypeOf<Recorder>();
expectTypeOf(record(taskRunner(full).events$)).toExtend<Recording>();
expectTypeOf(replay(record(orchestrate([full])), { run: (path) => [path('n')] })).toEqualTypeOf<Scenario>();
expectTypeOf(replay).parameters.toEqualTypeOf<[Recording, ReplayOptions]>();
expectTypeOf(toMarbles(record(orchestrate([full])))).toEqualTypeOf<string>();
expectTypeOf(virtualClock('2026-03-29')).toEqualTypeOf<VirtualClock>();
expectTypeOf(fakeSignals()).toEqualTypeOf<FakeSignals>();
cron(full, 10, { coordinator: memoryCoordinator() });
expectTypeOf(memoryCoordinator().held).toEqualTypeOf<readonly string[]>();
expectTypeOf<MemoryCoordinator['revoke']>().parameters.toEqualTypeOf<[string, number]>();
expectTypeOf(memoryFleet({ scheduler: virtualClock(), name: 'a' })).toEqualTypeOf<MemoryFleet>();
expectTypeOf(memoryFleet().process('b')).toExtend<Fleet>();
memoryFleet({ faults: 'explore' });
memoryFleet({
  faults(claim) {
    expectTypeOf(claim).toEqualTypeOf<MemoryClaim>();
    return false;
  },
});
expectTypeOf(marks).toExtend<Record<Mark, string>>();
expectTypeOf<ScenarioError>().toExtend<Error>();

// @ts-expect-error a script with marbles has no methods to control it
expectTypeOf(script('n', '|').settle);
// @ts-expect-error a value must have the type of the script
script<number>('n').next('a');
// @ts-expect-error a scenario uses its own clock
void scenario({ run: () => [], scheduler: virtualClock() });
// @ts-expect-error a fleet in memory has no database
memoryFleet({ url: 'postgres://localhost' });
