import { NEVER, Observable, of, throwError } from 'rxjs';
import {
  cron,
  future,
  launch,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  type RunContext,
  type Task,
  type TaskRunner,
} from '../../lib/index.js';
import { customRunner } from '../helpers/custom-runners.js';

/** Counts the calls of a task's hooks. */
export class HookCount {
  calls = 0;
  finalized = 0;
}

type CreateRunner = (thrown: unknown, hooks: HookCount) => TaskRunner;
type Hooks = { readonly [Name in 'initialize' | 'execute' | 'finalize']?: Task[Name] };

/** Creates a function of a place: a runner of a task with these hooks, whose calls are counted. */
function inTask(createHooks: (thrown: unknown) => Hooks, wrap: (task: Task) => TaskRunner = taskRunner): CreateRunner {
  return (thrown, count) => {
    const { initialize, execute, finalize } = createHooks(thrown);
    return wrap(
      task('t', {
        initialize: (ctx) => {
          count.calls = 1;
          return initialize?.(ctx);
        },
        execute: (ctx, cancel) => execute?.(ctx, cancel),
        finalize: () => {
          count.finalized++;
          return finalize?.();
        },
      }),
    );
  };
}

export const throws =
  (thrown: unknown): (() => never) =>
  () => {
    throw thrown;
  };
const rejects = (thrown: unknown) => () => Promise.reject(thrown);
const errors = (thrown: unknown) => () => throwError(() => thrown);
const iterates = (thrown: unknown) =>
  async function* () {
    yield await Promise.resolve(1);
    throw thrown;
  };
const forms = {
  synchronously: throws,
  'in a promise': rejects,
  'in an Observable': errors,
  'in an iterable': iterates,
};

/** Creates an Observable whose teardown throws. */
const withTeardown = (thrown: unknown, source: Observable<unknown>) =>
  new Observable((subscriber) => {
    subscriber.add(source.subscribe(subscriber));
    subscriber.add(throws(thrown));
  });

/** Rejects when the context is cancelled. */
const whenCancelled = (ctx: RunContext, thrown: unknown) =>
  new Promise((_, reject) => ctx.cancelled$.subscribe(() => reject(thrown)));

/** Every place in which a task may fail, of an application that goes on after failures. */
export const throwingPlaces: Readonly<Record<string, CreateRunner>> = {
  ...Object.fromEntries(
    Object.entries(forms).flatMap(([form, fails]) =>
      (['initialize', 'execute', 'finalize'] as const).map((hook) => [
        `${hook}, ${form}`,
        inTask((thrown) => ({ [hook]: fails(thrown) })),
      ]),
    ),
  ),
  'all hooks': inTask((thrown) => ({ execute: errors(thrown), finalize: rejects(thrown) })),
  'a teardown at the end': inTask((thrown) => ({ execute: () => withTeardown(thrown, of(1)) })),
  'a teardown at a failure': inTask((thrown) => ({
    execute: () =>
      withTeardown(
        thrown,
        throwError(() => thrown),
      ),
  })),
  'a teardown at a cancel': inTask((thrown) => ({ execute: () => withTeardown(thrown, NEVER) })),
  'two teardowns at a cancel': inTask((thrown) => ({
    execute: () => withTeardown(thrown, withTeardown(thrown, NEVER)),
  })),
  'a teardown of finalize': inTask((thrown) => ({ finalize: () => withTeardown(thrown, of(1)) })),
  'the return of an iterator': inTask((thrown) => ({
    execute: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: rejects(thrown) }),
    }),
  })),
  'a promise after a cancel': inTask((thrown) => ({ execute: (ctx) => whenCancelled(ctx, thrown) })),
  'a thenable': inTask((thrown) => ({ execute: () => ({ then: throws(thrown) }) })),
  'a getter of a result': inTask((thrown) => ({
    execute: () => Object.defineProperty({}, 'then', { get: throws(thrown) }),
  })),
  'a cancel by a task': inTask((thrown) => ({ execute: () => launch([task('inner', (_, cancel) => cancel(thrown))]) })),
  'a cron': inTask(
    (thrown) => ({ execute: throws(thrown) }),
    (each) => cron(each, 1e6, { maxRuns: 1 }),
  ),
  'a cron that stops': inTask(
    (thrown) => ({ execute: rejects(thrown) }),
    (each) => cron(each, 1e6, { onError: 'stop' }),
  ),
  'a schedule': (thrown, count) =>
    inTask(
      () => ({}),
      (each) => cron(each, { next: throws(thrown) }),
    )(thrown, count),
  'a coordinator': (thrown, count) =>
    inTask(
      () => ({}),
      (each) => cron(each, 1e6, { maxRuns: 1, coordinator: { lease: throws(thrown) } }),
    )(thrown, count),
  'a lease': (thrown, count) =>
    inTask(
      () => ({ execute: () => NEVER }),
      (each) => cron(each, 1e6, { coordinator: { lease: () => throwError(() => thrown) } }),
    )(thrown, count),
  'the teardown of a lease': (thrown, count) =>
    inTask(
      () => ({}),
      (each) =>
        cron(each, 1e6, { coordinator: { lease: () => withTeardown(thrown, of(true)) as Observable<boolean> } }),
    )(thrown, count),
  'a jitter': (thrown, count) =>
    inTask(
      () => ({}),
      (each) => cron(each, 1e6, { immediate: false, jitter: 10, random: throws(thrown) }),
    )(thrown, count),
  'a supervised task': inTask(
    (thrown) => ({ execute: errors(thrown) }),
    (each) => supervise(each, { maxRestarts: 0 }),
  ),
  'a backoff': (thrown, count) =>
    inTask(
      () => ({ execute: throws(thrown) }),
      (each) => supervise(each, { maxRestarts: 1, backoff: { initial: 1e6, max: 1e6, random: throws(thrown) } }),
    )(thrown, count),
  'an ordered group': inTask(
    (thrown) => ({ execute: rejects(thrown) }),
    (each) => ordered('group', task('before', { execute: () => NEVER, finalize: () => undefined }), each),
  ),
  'two members of a group': (thrown, count) =>
    inTask(
      () => ({ execute: rejects(thrown), finalize: rejects(thrown) }),
      (each) => parallel('group', task('other', rejects(thrown)), each),
    )(thrown, count),
  'a custom runner': inTask(
    (thrown) => ({ execute: rejects(thrown) }),
    (each) => customRunner(taskRunner(each)),
  ),
  'a lost future': inTask((thrown) => ({ execute: (ctx) => void future(rejects(thrown), ctx) })),
  'a future': inTask((thrown) => ({ execute: (ctx) => future(errors(thrown), ctx) })),
  'a cancelled future': inTask((thrown) => ({
    execute: (ctx) => {
      future((inner) => whenCancelled(inner as RunContext, thrown), ctx).cancel(thrown);
    },
  })),
  'a child': inTask((thrown) => ({ execute: (ctx) => taskRunner(task('child', rejects(thrown))).start(ctx) })),
  'an inner application': inTask((thrown) => ({
    execute: (ctx) => launch([task('inner', rejects(thrown))], { parent: ctx }),
  })),
  'a subscriber of the cause': inTask((thrown) => ({
    execute: (ctx) => {
      ctx.cancelled$.subscribe(throws(thrown));
      return NEVER;
    },
  })),
};
