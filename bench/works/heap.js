export const title = 'heap: bytes of one of n running tasks';
export const unit = 'B';
export const sizes = [100_000];

/** Each returns the function that starts one task; that function returns the objects that its owner holds. */
export const contenders = {
  // A runner, its launch, and its subscription to the shared cancel.
  'rxjs-tasks': async () => {
    const { launchRunner, task, taskRunner, withCancel } = await import('../../dist/index.js');
    const { NEVER } = await import('rxjs');
    const [ctx, cancel] = withCancel();
    const idle = task('x', () => NEVER);
    return () => {
      const runner = taskRunner(idle);
      launchRunner(ctx, cancel, runner);
      return runner;
    };
  },
  'raw RxJS': async () => {
    const { NEVER, Subject, takeUntil } = await import('rxjs');
    const stop = new Subject();
    return () => NEVER.pipe(takeUntil(stop)).subscribe();
  },
  Effect: async () => {
    const { Effect } = await import('effect');
    return () => Effect.runFork(Effect.never);
  },
  AbortSignal: async () => {
    const { setMaxListeners } = await import('node:events');
    const controllers = [];
    let started = 0;
    return () => {
      // Adding a listener inspects all existing ones: 100,000 on one signal would take too long.
      if (started++ % 1000 === 0) {
        controllers.unshift(new AbortController());
        setMaxListeners(0, controllers[0].signal);
      }
      const { signal } = controllers[0];
      return new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    };
  },
};

/** At module level, so that nothing is collected before it is measured. */
const kept = [];

export async function measure(contender, n) {
  const start = await contenders[contender]();
  const tasks = new Array(n).fill(undefined);
  // After the first one, because objects made once belong to no task.
  kept.push(start, start(), tasks);
  const before = await heapUsed();
  for (let i = 0; i < n; i++) tasks[i] = start();
  return ((await heapUsed()) - before) / n;
}

/** Resolves when contenders that start on a scheduler have started. */
async function heapUsed() {
  await new Promise((resolve) => setTimeout(resolve, 50));
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

export const targets = [
  { what: 'heap of a running task', n: 100_000, against: 'Effect', figure: 450 },
  { what: 'heap of a running task', n: 100_000, against: 'raw RxJS' },
];
