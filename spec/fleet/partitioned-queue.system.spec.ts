import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { JobError } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('A queue that pg-boss has created with a table of its own', () => {
  const fleets = new Fleets();
  const jobs = `${fleets.schema}_jobs`;
  after(() => fleets.close());

  it('runs, fails and redrives jobs as any other, and shares no table with others', async () => {
    const url = await sharedUrl();
    const [fleet, other] = [await fleets.connect(), await fleets.connect()];
    await statement(url, `select ${jobs}.create_queue('big', '{"policy":"standard","partition":true}')`);
    const tenants = ['a', 'b', 'a', 'b', 'a'];
    const run = (n: number) => {
      if (n === 2) throw new Error('no');
      return n * 10;
    };
    const workers = [fleet, other].map((each) =>
      each.queue<number, number>('big').worker(run, { concurrency: 4, groupConcurrency: 1 }),
    );
    const app = launch(workers, { observer: () => undefined });
    const queue = fleet.queue<number, number>('big', { retries: 0 });
    const small = await fleet.queue<number>('small').enqueue(1);
    const ids = await Promise.all(
      tenants.map((group, n) => queue.enqueue(n, n === 4 ? { group, key: 'k', delay: 10 } : { group })),
    );
    const results = ids.map((id) => lastValueFrom(queue.result(id)));
    expect(await rejectionOf(results[2] ?? Promise.resolve())).to.be.an.instanceOf(JobError);
    expect(await Promise.all(results.filter((_, n) => n !== 2))).to.deep.equal([0, 10, 30, 40]);
    expect((await queue.deadLetters()).map(({ input }) => input)).to.deep.equal([2]);
    expect(await queue.redrive()).to.equal(1);
    const rows = await statement<{ id: string; place: string }>(
      url,
      `select id, tableoid::regclass::text as place from ${jobs}.job where name in ('big', 'small')`,
    );
    const placeOf = new Map(rows.map(({ id, place }) => [id, place]));
    expect(placeOf.get(small)).to.be.a('string');
    expect(new Set(ids.map((id) => placeOf.get(id))).size).to.equal(1);
    expect(placeOf.get(ids[0] ?? '')).not.to.equal(placeOf.get(small));
    await app.stop();
  });
});
