import { expect } from 'chai';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch, type Application, type Runnable } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';

describe('A job that waits for other jobs', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let other: Fleet;
  let queues = 0;
  const apps: Application[] = [];
  const newName = () => `flows-${++queues}`;
  const run = (...runnables: Runnable[]) => {
    const app = launch(runnables);
    apps.push(app);
    return { stop: () => app.stop() };
  };
  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
    other = await fleets.connect({ name: 'two' });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  it('gets their outputs', async () => {
    const numbers = fleet.queue<number, number>(newName());
    const sums = fleet.queue<string, unknown>(newName());
    const ids = await numbers.enqueueMany([1, 2, 3]);
    const after = [ids[2]!, ids[0]!, ids[2]!];
    const sum = await sums.enqueue('x', { after });
    console.log(await sums.job(sum), ids);
    run(numbers.worker((n) => n * 10), other.queue<string, unknown>(sums.name).worker((x, _, job) => [x, job.outputs]));
    const t = performance.now();
    console.log(await lastValueFrom(sums.result(sum)), performance.now() - t);
    console.log(await sums.job(sum), await statement(await sharedUrl(), `select * from ${fleets.schema}.job_after`));
    console.log(await lastValueFrom(sums.submit('y', { after })));
    console.log(await sums.enqueue('y', { after: ['aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa'] }).catch(String));
  });
});
