// What the types infer, proved by the compiler: `npm run check:types` fails when one of these is not so.
import { expectTypeOf } from 'expect-type';
import { of, Subject, type Observable, type ReadableStreamLike } from 'rxjs';
import {
  critical,
  cron,
  future,
  isSimpleTask,
  isTask,
  isTaskRunner,
  joinAll,
  launchRunner,
  orchestrate,
  ordered,
  parallel,
  runMain,
  signalListener,
  supervise,
  task,
  taskRunner,
  untilCancelled,
  withCancel,
  type AppEvent,
  type Application,
  type CancelFunc,
  type Context,
  type Future,
  type Outcome,
  type RunContext,
  type ShutdownReport,
  type SimpleTask,
  type Task,
  type TaskEvent,
  type TaskRunner,
} from 'rxjs-tasks';
import {
  at,
  explore,
  fakeSignals,
  memoryCoordinator,
  record,
  replay,
  scenario,
  script,
  toMarbles,
  type Explored,
  type FakeSignals,
  type MemoryCoordinator,
  type Played,
  type Recorder,
  type Recording,
  type Scenario,
  type Script,
  type VirtualClock,
  type World,
} from 'rxjs-tasks/testing';
import { threadPool } from 'rxjs-tasks/threads';

// A runner yields what its task yields, flattened.
expectTypeOf(taskRunner(task('n', async () => 1)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(taskRunner(task('n', () => 1)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(taskRunner(task('n', () => of('a'))).start()).toEqualTypeOf<Observable<string>>();
expectTypeOf(taskRunner(task('n', () => Promise.resolve(of(true)))).start()).toEqualTypeOf<Observable<boolean>>();
expectTypeOf(taskRunner(task('n', () => [1, 2])).start()).toEqualTypeOf<Observable<number[]>>();
expectTypeOf(taskRunner(task('n', () => undefined)).start()).toEqualTypeOf<Observable<undefined>>();
expectTypeOf(
  taskRunner(
    task('n', async function* () {
      yield 1;
    }),
  ).start(),
).toEqualTypeOf<Observable<number>>();
expectTypeOf(taskRunner(task('n', () => null as unknown as ReadableStreamLike<string>)).start()).toEqualTypeOf<
  Observable<string>
>();
expectTypeOf(taskRunner(task('n', () => future(() => 1))).start()).toEqualTypeOf<Observable<number>>();

// With hooks it is a Task, and the hooks' parameters are known.
const full = task('n', {
  initialize(ctx) {
    expectTypeOf(ctx).toEqualTypeOf<RunContext>();
  },
  execute(ctx, cancel) {
    expectTypeOf(ctx).toEqualTypeOf<RunContext>();
    expectTypeOf(cancel).toEqualTypeOf<CancelFunc>();
    return of({ rows: ctx.slot });
  },
  finalize: async () => undefined,
  grace: 100,
});
expectTypeOf(full).toEqualTypeOf<Task<{ rows: number | undefined }>>();
expectTypeOf(taskRunner(full).results$).toEqualTypeOf<Observable<{ rows: number | undefined }>>();
expectTypeOf(task('n', () => 1)).toEqualTypeOf<SimpleTask<number>>();

// A class is a task by its methods.
class Poller implements Task<number> {
  initialize(): void {
    // Nothing to do.
  }
  execute(ctx: Context): Observable<number> {
    return of(1).pipe(untilCancelled(ctx));
  }
  finalize(): Promise<void> {
    return Promise.resolve();
  }
}
expectTypeOf(taskRunner(new Poller())).toEqualTypeOf<TaskRunner<number>>();

// Futures.
expectTypeOf(future(async () => 1)).toEqualTypeOf<Future<number>>();
expectTypeOf(future(() => of('a'))).toExtend<Observable<string> & PromiseLike<string>>();
expectTypeOf(future(() => 1).await()).toEqualTypeOf<Promise<number>>();
expectTypeOf(Promise.all([future(() => 1), future(() => 'a')])).resolves.toEqualTypeOf<[number, string]>();
expectTypeOf<Awaited<Future<number>>>().toEqualTypeOf<number>();

// Crons and signals.
expectTypeOf(cron(full, 1000)).toEqualTypeOf<TaskRunner<{ rows: number | undefined }>>();
expectTypeOf(taskRunner(signalListener('SIGTERM')).start()).toEqualTypeOf<Observable<NodeJS.Signals>>();

// Runners of different tasks go together, and narrow to what they are.
const [ctx, cancel] = withCancel();
expectTypeOf(
  joinAll(ctx, 1, [
    taskRunner(full),
    cron(
      task('n', () => 'a'),
      1,
    ),
  ]),
).toEqualTypeOf<Observable<Outcome>>();
expectTypeOf(orchestrate([full, taskRunner(full), new Poller(), signalListener()])).toEqualTypeOf<
  Observable<AppEvent>
>();
expectTypeOf(runMain([full])).toEqualTypeOf<Application>();
expectTypeOf<Awaited<Application>>().toEqualTypeOf<ShutdownReport>();

// What a task is part of yields what the task yields.
const numbers = task('n', () => 1);
expectTypeOf(supervise(full).start()).toEqualTypeOf<Observable<{ rows: number | undefined }>>();
expectTypeOf(critical(taskRunner(numbers)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(ordered('g', full, taskRunner(numbers)).start()).toEqualTypeOf<
  Observable<number | { rows: number | undefined }>
>();
expectTypeOf(parallel('g', new Poller(), parallel('h', numbers)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(ordered('g').start()).toEqualTypeOf<Observable<never>>();

launchRunner(ctx, cancel, taskRunner(full), ({ rows }) => expectTypeOf(rows).toEqualTypeOf<number | undefined>());
taskRunner(full).start(new AbortController().signal);

// Events are a union discriminated by their type.
taskRunner(full).events$.subscribe((event: TaskEvent) => {
  if (event.type === 'done') expectTypeOf(event.outcome).toEqualTypeOf<Outcome>();
  if (event.type === 'skipped') expectTypeOf(event.slot).toEqualTypeOf<number>();
});

// Guards.
const anything: unknown = full;
if (isTask(anything)) expectTypeOf(anything).toEqualTypeOf<Task>();
if (isSimpleTask(anything)) expectTypeOf(anything).toEqualTypeOf<SimpleTask>();
if (isTaskRunner(anything)) expectTypeOf(anything).toEqualTypeOf<TaskRunner>();

// untilCancelled keeps the type of its source.
expectTypeOf(new Subject<string>().pipe(untilCancelled(ctx))).toEqualTypeOf<Observable<string>>();

// The kit for tests.
expectTypeOf(script('n')).toEqualTypeOf<Script>();
expectTypeOf<Script<number>['next']>().parameters.toEqualTypeOf<[number]>();
expectTypeOf(script('n', '-a|')).toEqualTypeOf<SimpleTask<string>>();
expectTypeOf(script('n', ['-a|', '#'], { values: { a: { rows: 1 } } })).toEqualTypeOf<SimpleTask<{ rows: number }>>();
expectTypeOf(taskRunner(script<number>('n')).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(supervise(script('n', '|')).start()).toEqualTypeOf<Observable<string>>();
expectTypeOf(scenario({ run: () => [full, taskRunner(full)] })).toEqualTypeOf<Promise<Played>>();
const scene: Scenario = {
  run(world) {
    expectTypeOf(world).toEqualTypeOf<World>();
    expectTypeOf(world.clock).toEqualTypeOf<VirtualClock>();
    return [signalListener({ target: world.signals })];
  },
  during: ({ app }) => expectTypeOf(app).toEqualTypeOf<Application>(),
  check: ({ report }) => expectTypeOf(report).toEqualTypeOf<ShutdownReport | undefined>(),
};
expectTypeOf(explore(scene, { runs: 1 })).toEqualTypeOf<Promise<Explored>>();
expectTypeOf(record(new Subject<AppEvent>())).toEqualTypeOf<Recorder>();
expectTypeOf(record(taskRunner(full).events$)).toExtend<Recording>();
expectTypeOf(replay(record(orchestrate([full])), { run: (path) => [path('n')] })).toEqualTypeOf<Scenario>();
expectTypeOf(toMarbles(record(orchestrate([full])))).toEqualTypeOf<string>();
expectTypeOf(at('2026-03-29')).toEqualTypeOf<VirtualClock>();
expectTypeOf(fakeSignals()).toEqualTypeOf<FakeSignals>();
cron(full, 10, { coordinator: memoryCoordinator() });
expectTypeOf(memoryCoordinator().held).toEqualTypeOf<readonly string[]>();
expectTypeOf<MemoryCoordinator['takeBack']>().parameters.toEqualTypeOf<[string, number]>();

// Threads.
const pool = threadPool();
expectTypeOf(pool).toExtend<TaskRunner<never>>();
expectTypeOf(pool.run('/work.js')).toEqualTypeOf<Observable<unknown>>();
expectTypeOf(pool.run<number>(new URL('file:///work.js'), 1)).toEqualTypeOf<Observable<number>>();
expectTypeOf(future(() => pool.run<string>('/work.js'))).toEqualTypeOf<Future<string>>();
expectTypeOf(ordered('g', pool, numbers).start()).toEqualTypeOf<Observable<number>>();

// What is wrong does not compile.
// @ts-expect-error a script with marbles is played, not told
expectTypeOf(script('n', '|').settle);
// @ts-expect-error a value is of the script's type
script<number>('n').next('a');
// @ts-expect-error a scenario has a clock of its own
void scenario({ run: () => [], scheduler: at() });
// @ts-expect-error a name comes first
task(() => 1);
// @ts-expect-error a runner is no task
taskRunner(taskRunner(full));
// @ts-expect-error a context has no way to cancel itself
expectTypeOf(ctx.cancel);
// @ts-expect-error a schedule is a period, an expression or has a `next`
cron(full, new Date());
// @ts-expect-error there is no such option
cron(full, 10, { every: 1 });
// @ts-expect-error a state is read only
ctx.cancelled = true;
