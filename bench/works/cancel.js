import { setImmediate } from 'node:timers/promises';
import { nsPerPiece } from '../ns-per-piece.js';

export const title =
  'cancel: end n running tasks with initialize and finalize, join all of them; starting them is not timed';
export const unit = 'ns';
export const sizes = [100, 1000, 10_000, 100_000, 1_000_000];

const open = () => undefined;
const close = () => undefined;

/** Each starts n tasks and returns the function that ends them. */
export const contenders = {
  'rxjs-tasks': async () => {
    const { task } = await import('../../dist/index.js');
    const { NEVER } = await import('rxjs');
    return startRunners(() => task('x', { initialize: open, execute: () => NEVER, finalize: close }));
  },
  'rxjs-tasks, execute alone': async () => {
    const { task } = await import('../../dist/index.js');
    const { NEVER } = await import('rxjs');
    return startRunners(() => task('x', () => NEVER));
  },
  // At large n not the abort takes the time, but the listeners: adding one inspects all existing ones.
  AbortSignal: async () => {
    const { setMaxListeners } = await import('node:events');
    return (n) => {
      const controller = new AbortController();
      setMaxListeners(0, controller.signal);
      const run = async () => {
        open();
        try {
          await new Promise((resolve) => controller.signal.addEventListener('abort', resolve, { once: true }));
        } finally {
          close();
        }
      };
      const promises = [];
      for (let i = 0; i < n; i++) promises.push(run());
      return () => {
        controller.abort();
        return Promise.all(promises);
      };
    };
  },
  'raw RxJS': async () => {
    const { finalize, NEVER, Subject, takeUntil } = await import('rxjs');
    return (n) => {
      const stop = new Subject();
      // Counting the ends is cheaper than any joining operator.
      let left = n;
      const ended = new Promise((resolve) => {
        const complete = () => --left || resolve();
        for (let i = 0; i < n; i++) {
          open();
          NEVER.pipe(takeUntil(stop), finalize(close)).subscribe({ complete });
        }
      });
      return () => {
        stop.next();
        return ended;
      };
    };
  },
  Effect: async () => {
    const { Effect } = await import('effect');
    return startFibers(() =>
      Effect.acquireUseRelease(
        Effect.sync(open),
        () => Effect.never,
        () => Effect.sync(close),
      ),
    );
  },
  'Effect, bare fibers': async () => {
    const { Effect } = await import('effect');
    return startFibers(() => Effect.never);
  },
  effection: async () => {
    const { ensure, run, spawn, suspend } = await import('effection');
    return async (n) => {
      let started;
      const up = new Promise((resolve) => (started = resolve));
      const root = run(function* () {
        for (let i = 0; i < n; i++) {
          yield* spawn(function* () {
            open();
            yield* ensure(close);
            yield* suspend();
          });
        }
        started();
        yield* suspend();
      });
      await up;
      return () => root.halt();
    };
  },
};

async function startRunners(makeTask) {
  const { joinAll, launchRunner, taskRunner, withCancel } = await import('../../dist/index.js');
  return (n) => {
    const [ctx, cancel] = withCancel();
    const runners = [];
    for (let i = 0; i < n; i++) {
      const runner = taskRunner(makeTask());
      launchRunner(ctx, cancel, runner);
      runners.push(runner);
    }
    return () =>
      new Promise((resolve) => {
        joinAll(ctx, 1000, runners).subscribe({ complete: resolve });
        cancel();
      });
  };
}

async function startFibers(makeEffect) {
  const { Effect, Fiber } = await import('effect');
  return (n) => {
    const fibers = [];
    for (let i = 0; i < n; i++) fibers.push(Effect.runFork(makeEffect()));
    return () => Effect.runPromise(Fiber.interruptAll(fibers));
  };
}

export async function measure(contender, n) {
  const start = await contenders[contender]();
  const startAll = async () => {
    const end = await start(n);
    // By then, contenders that start on a scheduler have started.
    await setImmediate();
    return end;
  };
  return nsPerPiece(startAll, n);
}

export const targets = [
  { what: 'cancel and join a running task', n: 100_000, against: 'Effect', ratio: 0.65 },
  { what: 'cancel and join a running task', n: 100_000, against: 'raw RxJS', ratio: 0.03 },
  {
    what: 'cancel and join one without other hooks',
    n: 100_000,
    ours: 'rxjs-tasks, execute alone',
    against: 'Effect, bare fibers',
    ratio: 0.7,
  },
];
