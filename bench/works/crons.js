import { setTimeout as sleep } from 'node:timers/promises';

export const title = 'crons: CPU of one tick, of n crons that run every second';
export const unit = 'µs';
export const sizes = [10_000];

/** Each starts one cron. */
export const contenders = {
  'rxjs-tasks': async (tick) => {
    const { cron, launchRunner, task, withCancel } = await import('../../dist/index.js');
    const [ctx, cancel] = withCancel();
    return () => launchRunner(ctx, cancel, cron(task('x', tick), 1000));
  },
  'rxjs-tasks, by expression': async (tick) => {
    const { cron, launchRunner, task, withCancel } = await import('../../dist/index.js');
    const [ctx, cancel] = withCancel();
    return () => launchRunner(ctx, cancel, cron(task('x', tick), '* * * * * *'));
  },
  setInterval: (tick) => () => setInterval(tick, 1000),
  'RxJS interval': async (tick) => {
    const { interval } = await import('rxjs');
    return () => interval(1000).subscribe(tick);
  },
  croner: async (tick) => {
    const { Cron } = await import('croner');
    return () => new Cron('* * * * * *', tick);
  },
  'node-cron': async (tick) => {
    const { schedule } = await import('node-cron');
    return () => schedule('* * * * * *', tick);
  },
  'toad-scheduler': async (tick) => {
    const { SimpleIntervalJob, Task, ToadScheduler } = await import('toad-scheduler');
    const scheduler = new ToadScheduler();
    return () => scheduler.addSimpleIntervalJob(new SimpleIntervalJob({ seconds: 1 }, new Task('x', tick)));
  },
};

export async function measure(contender, n) {
  let ticks = 0;
  const startOne = await contenders[contender](() => ticks++);
  for (let i = 0; i < n; i++) startOne();
  await sleep(1500);
  const cpu = process.cpuUsage();
  const before = ticks;
  await sleep(3500);
  const { user, system } = process.cpuUsage(cpu);
  // A contender that calls its tasks too rarely must not look cheap.
  if (ticks - before < 2 * n) throw new Error(`${ticks - before} ticks in 3.5 s, of ${n} crons`);
  return (user + system) / (ticks - before);
}

export const targets = [
  { what: 'CPU of one tick, crons of 1 s', n: 10_000, against: 'RxJS interval', ratio: 4 },
  { what: 'CPU of one tick, crons of 1 s', n: 10_000, against: 'croner', ratio: 0.15 },
];
