import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import { Fleets } from '../helpers/fleet.js';
import { deferred } from '../helpers/tasks.js';

describe('The subscribers of a result', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let other: Fleet;
  let app: Application;
  before(async () => {
    fleet = await fleets.connect();
    other = await fleets.connect();
  });
  afterEach(() => app.stop());
  after(() => fleets.close());

  /** Starts a worker whose jobs wait for a gate. Returns the id of the first one. */
  async function submitHeld(name: string) {
    const gate = deferred<undefined>();
    const started = deferred<string>();
    const worker = other.queue<number, number>(name).worker(async (n, _, { id }) => {
      started.resolve(id);
      await gate.promise;
      return n * n;
    });
    app = launch([worker]);
    const queue = fleet.queue<number, number>(name);
    const submitted = lastValueFrom(queue.submit(7)).catch((error: unknown) => error);
    return { queue, gate, submitted, id: await started.promise };
  }

  it('of a queue that does not have the job get an error, and those of the right queue their result', async () => {
    const { queue, gate, submitted, id } = await submitHeld('b');
    const a = fleet.queue('a');
    const misled = [a.result(id), a.result(id)].map((result$) =>
      lastValueFrom(result$).catch((error: unknown) => error),
    );
    const awaited = lastValueFrom(queue.result(id)).catch((error: unknown) => error);
    for (const error of await Promise.all(misled)) {
      expect(error).to.be.instanceOf(RangeError);
      expect(String(error)).to.include('Expected `job` to be a job of a');
    }
    gate.resolve(undefined);
    expect(await submitted).to.equal(49);
    expect(await awaited).to.equal(49);
  });

  it('each get it, also if some of them unsubscribe before', async () => {
    const { queue, gate, submitted, id } = await submitHeld('c');
    const stays = Array.from({ length: 3 }, () => lastValueFrom(queue.result(id)));
    const unsubscribed: unknown[] = [];
    for (let n = 0; n < 3; n++)
      queue
        .result(id)
        .subscribe((result) => unsubscribed.push(result))
        .unsubscribe();
    const elsewhere = lastValueFrom(other.queue<number, number>('c').result(id));
    gate.resolve(undefined);
    expect(await Promise.all([submitted, elsewhere, ...stays])).to.deep.equal([49, 49, 49, 49, 49]);
    expect(await lastValueFrom(queue.result(id))).to.equal(49);
    expect(unsubscribed).to.deep.equal([]);
  });
});
