// Type tests of the public API. `npm run check:types` fails when one of them does not hold.
import { expectTypeOf } from 'expect-type';
import { of, Subject, type Observable, type ReadableStreamLike } from 'rxjs';
import {
  background,
  CancelledError,
  critical,
  cron,
  dynamic,
  future,
  isSimpleTask,
  isTask,
  isTaskRunner,
  joinAll,
  launch,
  launchRunner,
  nextRuns,
  optional,
  orchestrate,
  ordered,
  parallel,
  runMain,
  signalListener,
  snapshot,
  supervise,
  task,
  taskRunner,
  untilCancelled,
  withCancel,
  withTimeout,
  type AlreadyRunningError,
  type AppEvent,
  type Application,
  type CancelFunc,
  type CronRunner,
  type Context,
  type DeadlineError,
  type DynamicGroup,
  type Future,
  type NotRunningError,
  type Outcome,
  type Phase,
  type RestartLimitError,
  type RunContext,
  type Runnable,
  type Schedule,
  type ShutdownReport,
  type SignalError,
  type SimpleTask,
  type SlotHistory,
  type SlotOutcome,
  type Snapshot,
  type SupervisedRunner,
  type Task,
  type TaskError,
  type TaskEvent,
  type TaskRunner,
} from 'rxjs-tasks';
// A runner emits the values of its task, flattened.
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

// A definition with hooks is a Task, and the parameters of its hooks are inferred.
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

// A class with the methods of a task is a task.
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
expectTypeOf(cron(full, 1000)).toEqualTypeOf<CronRunner<{ rows: number | undefined }>>();
const fullCron = cron(full, 1000);
expectTypeOf(fullCron.trigger({ by: 'ann' })).toEqualTypeOf<Promise<SlotOutcome>>();
expectTypeOf(fullCron.history).toEqualTypeOf<SlotHistory>();
expectTypeOf(fullCron.nextRuns(2)).toEqualTypeOf<Date[]>();
expectTypeOf<CronRunner['reschedule']>().parameter(0).toEqualTypeOf<number | string | Schedule>();
expectTypeOf(taskRunner(signalListener('SIGTERM')).start()).toEqualTypeOf<Observable<NodeJS.Signals>>();

// Runners of different value types can be combined.
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

// A composed runner emits the values of its tasks.
const numbers = task('n', () => 1);
expectTypeOf(supervise(full)).toEqualTypeOf<SupervisedRunner<{ rows: number | undefined }>>();
expectTypeOf(supervise(full).restart()).toEqualTypeOf<Promise<Outcome>>();
expectTypeOf(supervise(full).start()).toEqualTypeOf<Observable<{ rows: number | undefined }>>();
expectTypeOf(critical(taskRunner(numbers)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(ordered('g', full, taskRunner(numbers)).start()).toEqualTypeOf<
  Observable<number | { rows: number | undefined }>
>();
expectTypeOf(parallel('g', new Poller(), parallel('h', numbers)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(ordered('g').start()).toEqualTypeOf<Observable<never>>();
expectTypeOf(optional(supervise(numbers)).start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(critical(numbers, { of: 'group' })).toEqualTypeOf<TaskRunner<number>>();

// The keys and the values of a dynamic group may be narrowed.
const tenants = dynamic<'acme' | 'bolt', number>('tenants', { readiness: 'members' });
expectTypeOf(tenants).toEqualTypeOf<DynamicGroup<'acme' | 'bolt', number>>();
expectTypeOf(tenants.add('acme', numbers)).toEqualTypeOf<TaskRunner<number>>();
expectTypeOf(tenants.replace('acme', numbers)).toEqualTypeOf<Promise<Outcome | undefined>>();
expectTypeOf(tenants.keys).toEqualTypeOf<readonly ('acme' | 'bolt')[]>();
expectTypeOf(tenants.start()).toEqualTypeOf<Observable<number>>();
expectTypeOf(dynamic('any')).toEqualTypeOf<DynamicGroup>();

launchRunner(ctx, cancel, taskRunner(full), ({ rows }) => expectTypeOf(rows).toEqualTypeOf<number | undefined>());
taskRunner(full).start(new AbortController().signal);

// Events are a union discriminated by `type`.
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

// Contexts.
expectTypeOf(background).toEqualTypeOf<Context>();
expectTypeOf(withCancel(new AbortController().signal)).toEqualTypeOf<[Context, CancelFunc]>();
expectTypeOf(withTimeout(1, ctx)).toEqualTypeOf<[Context, CancelFunc]>();
expectTypeOf(ctx.cancelled$).toEqualTypeOf<Observable<unknown>>();

// Schedules.
expectTypeOf(nextRuns('@daily', 3, { timezone: 'UTC' })).toEqualTypeOf<Date[]>();
expectTypeOf<Schedule['next']>().toEqualTypeOf<(after: number) => number | undefined>();

// An application takes tasks and runners, and resolves to its report.
const app = launch([full, taskRunner(full)] satisfies Runnable[], { onFailure: 'continue', drainDelay: 1 });
expectTypeOf(app).toEqualTypeOf<Application>();
expectTypeOf(app.stop()).toEqualTypeOf<Promise<ShutdownReport>>();
expectTypeOf(app.runner('app/n')).toEqualTypeOf<TaskRunner | undefined>();
expectTypeOf(app.runners).toEqualTypeOf<readonly TaskRunner[]>();
expectTypeOf<ShutdownReport['outcomes']>().toEqualTypeOf<readonly Outcome[]>();
expectTypeOf(snapshot(taskRunner(full))).toEqualTypeOf<Snapshot>();

// Errors.
expectTypeOf<TaskError['phase']>().toEqualTypeOf<Phase>();
expectTypeOf<TaskError['suppressed']>().toEqualTypeOf<TaskError[]>();
expectTypeOf<SignalError['signal']>().toEqualTypeOf<NodeJS.Signals>();
expectTypeOf<DeadlineError['ms']>().toEqualTypeOf<number>();
expectTypeOf<RestartLimitError>().toExtend<TaskError>();
expectTypeOf<AlreadyRunningError['task']>().toEqualTypeOf<string>();
expectTypeOf<NotRunningError['task']>().toEqualTypeOf<string>();
expectTypeOf(new CancelledError()).toExtend<Error>();

// Invalid uses do not compile.
// @ts-expect-error the name is the first argument
task(() => 1);
// @ts-expect-error a runner is not a task
taskRunner(taskRunner(full));
// @ts-expect-error a context cannot cancel itself
expectTypeOf(ctx.cancel);
// @ts-expect-error a schedule is a period, an expression or an object with `next`
cron(full, new Date());
// @ts-expect-error the option does not exist
cron(full, 10, { every: 1 });
// @ts-expect-error the key is none of the group's
tenants.add('cozy', numbers);
// @ts-expect-error the member has values of another type
tenants.add('bolt', full);
// @ts-expect-error the state is read-only
ctx.cancelled = true;

// With an explicit type argument the result is a Task. An unfit function does not compile: see
// task-type.system.spec.ts.
expectTypeOf(task<string>('n', { execute: async () => 'a' })).toEqualTypeOf<Task<string>>();
expectTypeOf(task<string>('n', async () => 'a')).toExtend<SimpleTask<string>>();
// @ts-expect-error the function yields numbers
task<string>('n', async () => 1);
// @ts-expect-error the member does not exist
task('n', { initialise: () => 1 });
