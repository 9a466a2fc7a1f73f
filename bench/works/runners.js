import { nsPerPiece } from '../ns-per-piece.js';

export const title = 'runners: launch n tasks with initialize, execute and finalize, join all of them';
export const unit = 'ns';
export const sizes = [100, 1000, 10_000, 100_000, 1_000_000];

const open = () => undefined;
const use = (i) => i;
const close = () => undefined;

/** Like the contenders of the futures. */
export const contenders = {
  'rxjs-tasks': async () => {
    const { joinAll, launchRunner, task, taskRunner, withCancel } = await import('../../dist/index.js');
    return (n) => () => {
      const [ctx, cancel] = withCancel();
      const runners = [];
      for (let i = 0; i < n; i++) {
        const runner = taskRunner(task('x', { initialize: open, execute: () => use(i), finalize: close }));
        launchRunner(ctx, cancel, runner);
        runners.push(runner);
      }
      return new Promise((resolve) => joinAll(ctx, 1000, runners).subscribe({ complete: resolve }));
    };
  },
  'Promise.all': () => {
    const run = async (i) => {
      await open();
      try {
        return await use(i);
      } finally {
        await close();
      }
    };
    return (n) => () => {
      const promises = [];
      for (let i = 0; i < n; i++) promises.push(run(i));
      return Promise.all(promises);
    };
  },
  'raw RxJS': async () => {
    const { defer, finalize, forkJoin, lastValueFrom, of, Subject, switchMap, takeUntil } = await import('rxjs');
    return (n) => () => {
      const stop = new Subject();
      const streams = [];
      for (let i = 0; i < n; i++) {
        streams.push(
          defer(() => of(open())).pipe(
            switchMap(() => of(use(i))),
            takeUntil(stop),
            finalize(close),
          ),
        );
      }
      return lastValueFrom(forkJoin(streams));
    };
  },
  Effect: async () => {
    const { Effect, Fiber } = await import('effect');
    return (n) => () =>
      Effect.runPromise(
        Effect.gen(function* () {
          const fibers = [];
          for (let i = 0; i < n; i++) {
            const run = Effect.acquireUseRelease(
              Effect.sync(open),
              () => Effect.sync(() => use(i)),
              () => Effect.sync(close),
            );
            fibers.push(yield* Effect.forkChild(run));
          }
          yield* Fiber.joinAll(fibers);
        }),
      );
  },
  'Effect, runFork': async () => {
    const { Effect, Fiber } = await import('effect');
    return (n) => () => {
      const fibers = [];
      for (let i = 0; i < n; i++) {
        const run = Effect.acquireUseRelease(
          Effect.sync(open),
          () => Effect.sync(() => use(i)),
          () => Effect.sync(close),
        );
        fibers.push(Effect.runFork(run));
      }
      return Effect.runPromise(Fiber.joinAll(fibers));
    };
  },
  effection: async () => {
    const { all, ensure, run, spawn } = await import('effection');
    return (n) => () =>
      run(function* () {
        const tasks = [];
        for (let i = 0; i < n; i++) {
          const task = yield* spawn(function* () {
            open();
            yield* ensure(close);
            return use(i);
          });
          tasks.push(task);
        }
        yield* all(tasks);
      });
  },
};

export const measure = async (contender, n) => nsPerPiece(await contenders[contender](), n);

export const targets = [
  { what: 'a runner with three hooks, in waves', n: 1000, against: 'Effect', ratio: 0.24 },
  { what: 'a runner with three hooks', n: 100_000, against: 'Effect', ratio: 0.8 },
  { what: 'a runner with three hooks', n: 1_000_000, against: 'Effect', ratio: 0.8 },
];
