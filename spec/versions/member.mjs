// A member of a fleet, on whatever version of the library is installed beside it. Prints what it does.
import { cron, launch, task } from 'rxjs-tasks';
import { connectFleet, every } from 'rxjs-tasks/fleet';
import { lastValueFrom } from 'rxjs';

const { url, schema, name, other } = JSON.parse(process.argv[2]);
const fleet = await connectFleet({ url, schema, name }).catch((error) => {
  console.log(`refused ${error.name}`);
  process.exit(0);
});
fleet.events$.subscribe(({ type, what }) => type === 'degraded' && console.log(`degraded ${what}`));
const queueOf = (version) => fleet.queue(`of-${version}`, { retries: 100, backoff: { initial: 0 } });
const workerOf = (queue) => queue.worker((n, _, { attempt }) => ({ n: 2 * n, by: name, attempt }), { concurrency: 5 });
const tick = task('tick', ({ slot }) => console.log(`slot ${slot}`));
const app = launch(
  [
    workerOf(queueOf(name)),
    workerOf(queueOf('all')),
    cron(tick, every(100), { coordinator: fleet.coordinator, onError: 'continue' }),
  ],
  { observer: () => undefined },
);

/** Submits jobs, some of which it follows from the start and others by their ids. */
async function submit(queue, count) {
  const results = Array.from({ length: count }, async (_, n) => {
    const output = n % 2 === 0 ? queue.submit(n) : queue.result(await queue.enqueue(n));
    const { n: doubled, by } = await lastValueFrom(output);
    if (doubled !== 2 * n) throw new Error(`Expected ${2 * n}, got ${doubled}`);
    return by;
  });
  return [...new Set(await Promise.all(results))];
}

const commands = {
  submit: async () => {
    console.log(`results of ${await submit(queueOf(other), 20)}`);
    await submit(queueOf('all'), 50);
    console.log('submitted');
  },
  cancel: () => fleet.cancel(`asked by ${name}`),
  close: async () => {
    const report = await app.stop();
    await fleet.close();
    console.log(`closed ${report.clean}`);
    process.exit(report.clean ? 0 : 1);
  },
};
process.stdin.setEncoding('utf8').on('data', (text) => {
  for (const command of text.trim().split('\n'))
    commands[command]().catch((error) => {
      console.log(`error ${error.stack}`);
      process.exit(1);
    });
});
fleet.context.cancelled$.subscribe((cause) => console.log(`cancelled ${cause.message}`));
console.log('up');
