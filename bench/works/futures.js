import { nsPerPiece } from '../ns-per-piece.js';

export const title = 'futures: call n async functions at once, await all of them';
export const unit = 'ns';
export const sizes = [100, 1000, 10_000, 100_000, 1_000_000];

const work = async (i) => i;

/** Each loads only what it measures, and returns the function that makes a run of n; the run is timed. */
export const contenders = {
  'rxjs-tasks': async () => {
    const { future } = await import('../../dist/index.js');
    return (n) => async () => {
      const futures = [];
      for (let i = 0; i < n; i++) futures.push(future(() => work(i)));
      for (const one of futures) await one.await();
    };
  },
  'rxjs-tasks, Promise.all': async () => {
    const { future } = await import('../../dist/index.js');
    return (n) => async () => {
      const futures = [];
      for (let i = 0; i < n; i++) futures.push(future(() => work(i)));
      await Promise.all(futures);
    };
  },
  'the least future': () => (n) => async () => {
    const futures = [];
    for (let i = 0; i < n; i++) futures.push(new LeastFuture(work(i)));
    for (const one of futures) await one.await();
  },
  'Promise.all': () => (n) => async () => {
    const promises = [];
    for (let i = 0; i < n; i++) promises.push(work(i));
    await Promise.all(promises);
  },
  'raw RxJS': async () => {
    const { forkJoin, from, lastValueFrom } = await import('rxjs');
    return (n) => () => {
      const streams = [];
      for (let i = 0; i < n; i++) streams.push(from(work(i)));
      return lastValueFrom(forkJoin(streams));
    };
  },
  Effect: async () => {
    const { Effect, Fiber } = await import('effect');
    return (n) => () =>
      Effect.runPromise(
        Effect.gen(function* () {
          const fibers = [];
          for (let i = 0; i < n; i++) fibers.push(yield* Effect.forkChild(Effect.promise(() => work(i))));
          yield* Fiber.joinAll(fibers);
        }),
      );
  },
  'Effect, runFork': async () => {
    const { Effect, Fiber } = await import('effect');
    return (n) => () => {
      const fibers = [];
      for (let i = 0; i < n; i++) fibers.push(Effect.runFork(Effect.promise(() => work(i))));
      return Effect.runPromise(Fiber.joinAll(fibers));
    };
  },
  effection: async () => {
    const { all, call, run, spawn } = await import('effection');
    return (n) => () =>
      run(function* () {
        const tasks = [];
        for (let i = 0; i < n; i++) tasks.push(yield* spawn(() => call(() => work(i))));
        yield* all(tasks);
      });
  },
  'p-limit': async () => {
    const { default: pLimit } = await import('p-limit');
    return (n) => () => {
      const limit = pLimit(Infinity);
      const promises = [];
      for (let i = 0; i < n; i++) promises.push(limit(work, i));
      return Promise.all(promises);
    };
  },
  'p-map': async () => {
    const { default: pMap } = await import('p-map');
    return (n) => () => pMap(Array(n).keys(), work);
  },
  'p-queue': async () => {
    const { default: PQueue } = await import('p-queue');
    return (n) => () => {
      const queue = new PQueue();
      const promises = [];
      for (let i = 0; i < n; i++) promises.push(queue.add(() => work(i)));
      return Promise.all(promises);
    };
  },
};

export const measure = async (contender, n) => nsPerPiece(await contenders[contender](), n);

export const targets = [
  { what: 'a future, in waves', n: 1000, against: 'Effect', ratio: 0.2 },
  { what: 'a future, in waves', n: 1000, against: 'Promise.all', ratio: 4 },
  { what: 'a future', n: 100_000, against: 'Effect', ratio: 0.8 },
  { what: 'a future', n: 1_000_000, against: 'Effect', ratio: 0.8 },
  { what: 'a future', n: 1_000_000, against: 'Promise.all' },
];

/** The minimum that a future on promises needs: it keeps a result for early and late waiters. */
class LeastFuture {
  constructor(promise) {
    this.value = undefined;
    this.settled = false;
    this.resolve = undefined;
    promise.then(this.fulfilled.bind(this), this.rejected.bind(this));
  }

  fulfilled(value) {
    this.value = value;
    this.settled = true;
    this.resolve?.(value);
  }

  rejected(error) {
    this.value = Promise.reject(error);
    this.settled = true;
    this.resolve?.(this.value);
  }

  await() {
    return this.settled ? Promise.resolve(this.value) : new Promise((resolve) => (this.resolve = resolve));
  }
}
