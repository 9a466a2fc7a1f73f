import { spawn } from 'node:child_process';

export const title = 'inspect: a unit of other work, while ten crons make 10,000 events a second';
export const unit = 'µs';
/** In s. */
export const sizes = [4];
export const label = (n) => `${n} s`;
export const repetitions = 5;
export const limit = 30_000;

/** Each starts the application with the given tasks, and observes it. */
export const contenders = {
  unseen: async () => {
    const { launch } = await import('../../dist/index.js');
    return (tasks) => launch(tasks, { observer: () => undefined });
  },
  inspector: async () => start(),
  'inspector, a page': async () => start((url) => read(`${url}events`)),
};

async function start(look = () => undefined) {
  const { launch } = await import('../../dist/index.js');
  const { inspector } = await import('../../dist/inspect/index.js');
  return (tasks) => {
    const runner = inspector({ port: 0 });
    runner.results$.subscribe(look);
    return launch([runner, ...tasks], { observer: () => undefined });
  };
}

/** Reads the events in a separate process, as a browser does. */
function read(url) {
  const address = JSON.stringify(url);
  const program = `fetch(${address}).then(async ({ body }) => { for await (const _ of body); }).catch(() => undefined)`;
  spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
}

export async function measure(contender, seconds) {
  const { cron, task } = await import('../../dist/index.js');
  const startApp = await contenders[contender]();
  let events = 0;
  const run = () => void events++;
  const app = startApp(
    Array.from({ length: 10 }, (_, index) => cron(task(`cron ${index}`, run), 1, { missed: 'runAll' })),
  );
  // Warms up, because a long-lived process runs compiled code.
  await work(3);
  events = 0;
  const perUnit = await work(seconds);
  if (events < 9000 * seconds) throw new Error(`Only ${events} events in ${seconds} s`);
  await app.stop();
  return perUnit;
}

/** Measures µs a unit. */
async function work(seconds) {
  const from = performance.now();
  let units = 0;
  let request = JSON.stringify({
    id: 0,
    items: Array.from({ length: 10 }, (_, i) => ({ name: `item ${i}`, price: i / 7 })),
  });
  while (performance.now() - from < seconds * 1000) {
    for (let i = 0; i < 20; i++) {
      const order = JSON.parse(request);
      order.id++;
      request = JSON.stringify(order);
    }
    units += 20;
    await new Promise(setImmediate);
  }
  return ((performance.now() - from) / units) * 1000;
}

export const targets = [
  {
    what: 'work beside 10,000 events a second, with the inspector',
    n: 4,
    against: 'unseen',
    ours: 'inspector',
    ratio: 1.05,
  },
  {
    what: 'work beside 10,000 events a second, with a page',
    n: 4,
    against: 'unseen',
    ours: 'inspector, a page',
    ratio: 1.05,
  },
];
