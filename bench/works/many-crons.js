import { setTimeout as sleep } from 'node:timers/promises';

export const title = 'many crons: n of them made and started, and all of them cancelled and joined';
export const sizes = [10_000, 100_000];
export const parts = { start: 's', stop: 's' };

const minute = 60_000;
/** Of every minute of the day, so that crons have many expressions. */
const daily = (i) => `${i % 60} ${Math.floor(i / 60) % 24} * * *`;

/** Each returns a function that starts cron i, and one that stops all. */
export const contenders = {
  'by period': () => rxjsTasks(() => minute),
  'by expression': () => rxjsTasks(daily),
  croner: async () => {
    const { Cron } = await import('croner');
    const crons = [];
    return [(i) => crons.push(new Cron(daily(i), () => {})), () => crons.forEach((cron) => cron.stop())];
  },
};

async function rxjsTasks(scheduleOf) {
  const { cron, joinAll, launchRunner, task, withCancel } = await import('../../dist/index.js');
  const { lastValueFrom } = await import('rxjs');
  const [ctx, cancel] = withCancel();
  const runners = [];
  const start = (i) => {
    const runner = cron(
      task('x', () => {}),
      scheduleOf(i),
    );
    runners.push(runner);
    launchRunner(ctx, cancel, runner);
  };
  const stop = () => {
    const joined = lastValueFrom(joinAll(ctx, minute, runners));
    cancel();
    return joined;
  };
  return [start, stop];
}

export async function measure(contender, n) {
  const [start, stop] = await contenders[contender]();
  const from = performance.now();
  for (let i = 0; i < n; i++) start(i);
  const started = performance.now();
  await sleep(1000);
  const stopping = performance.now();
  await stop();
  return { start: (started - from) / 1000, stop: (performance.now() - stopping) / 1000 };
}

export const targets = ['by period', 'by expression'].flatMap((ours) => [
  { what: `crons are made and started, ${ours}`, n: 100_000, part: 'start', ours, figure: 1 },
  { what: `crons are cancelled and joined, ${ours}`, n: 100_000, part: 'stop', ours, figure: 1 },
]);
