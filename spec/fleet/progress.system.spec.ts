import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { lastValueFrom, takeWhile, toArray } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import { deleteOldProgress, readProgress } from '../../lib/fleet/progress-table.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

describe('The progress of jobs', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  const apps: Application[] = [];
  let workers: Fleet;
  let watchers: Fleet;
  const sql = async <Row extends object>(text: string) => statement<Row>(await sharedUrl(), text);

  before(async () => {
    workers = await fleets.connect({ name: 'worker' });
    watchers = await fleets.connect({ name: 'watcher' });
    await sql(`create table ${schema}.written (jobs bigint)`);
    await sql(
      `create function ${schema}.count_written() returns trigger language plpgsql as $$ begin
         insert into ${schema}.written select count(*) from changed; return null;
       end $$`,
    );
    for (const operation of ['insert', 'update'])
      await sql(
        `create trigger written_${operation} after ${operation} on ${schema}.progress referencing new table as changed
         for each statement execute function ${schema}.count_written()`,
      );
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
    await sql(`truncate ${schema}.written`);
  });
  after(() => fleets.close());

  it('costs a process one statement every 250 ms, and the last value arrives before the end', async () => {
    const jobs = 10;
    const reports = 300;
    const times: number[] = [];
    const worker = workers.queue<number>('busy').worker(
      async (n, _, job) => {
        times.push(performance.now());
        for (let done = 1; done <= reports; done++) {
          job.progress({ done, of: reports, n });
          if (done % 3 === 0) await delay(1);
        }
        times.push(performance.now());
      },
      { concurrency: jobs },
    );
    apps.push(launch([worker]));
    const queue = watchers.queue<number>('busy');
    let completed = 0;
    const events = lastValueFrom(
      queue.events$.pipe(
        takeWhile(({ type }) => type !== 'completed' || ++completed < jobs, true),
        toArray(),
      ),
    );
    await Promise.all(Array.from({ length: jobs }, (_, n) => lastValueFrom(queue.submit(n))));
    const received = await events;
    const ids = new Set(received.map(({ job }) => job));
    expect(ids.size).to.equal(jobs);
    for (const id of ids) {
      const own = received.filter(({ job }) => job === id);
      const types = own.map(({ type }) => type);
      // Each of them is an event of another process.
      expect(types.slice(0, 2)).to.have.members(['submitted', 'started']);
      expect(types.at(-1)).to.equal('completed');
      const done = own.flatMap((event) =>
        event.type === 'progress' ? [(event.progress as { done: number }).done] : [],
      );
      expect(done).to.deep.equal([...done].sort((a, b) => a - b));
      expect(done.at(-1)).to.equal(reports);
    }
    const statements = (await sql(`select from ${schema}.written where jobs > 0`)).length;
    const durationMs = Math.max(...times) - Math.min(...times);
    // Besides those at intervals, one for each job that ends, unless they end together.
    expect(statements).to.be.at.most(durationMs / 250 + jobs + 2);
  });

  it('is stored although nobody follows, and deleted after the end of the job', async () => {
    const gate = deferred<undefined>();
    const started = deferred<string>();
    const worker = workers.queue<number>('stored').worker(async (_, __, job) => {
      job.progress('half');
      started.resolve(job.id);
      await gate.promise;
      job.progress('all');
    });
    apps.push(launch([worker]));
    const result = lastValueFrom(watchers.queue<number>('stored').submit(1));
    const key = { queue: 'stored', job: await started.promise };
    const { database } = servicesOf(watchers);
    const read = async () => [...(await readProgress(database, [key])).values()].map(({ value }) => value);
    await waitUntil(async () => (await read()).length > 0);
    expect(await read()).to.deep.equal(['half']);
    const deleteOld = async () => {
      await sql(`update ${schema}.progress set at = at - interval '2 min'`);
      await deleteOldProgress(database);
    };
    await deleteOld();
    expect(await read()).to.deep.equal(['half']);
    gate.resolve(undefined);
    await result;
    // The result may arrive before the last progress is stored.
    await waitUntil(async () => {
      await deleteOld();
      return (await read()).length === 0;
    });
  });

  it('that the database cannot store is dropped alone', async () => {
    const url = new URL(await sharedUrl());
    url.searchParams.set('options', '-c max_stack_depth=100kB');
    const strict = await fleets.connect({ url: url.href, name: 'strict' });
    const degraded = deferred<string>();
    strict.events$.subscribe((event) => event.type === 'degraded' && degraded.resolve(event.what));
    const gate = deferred<undefined>();
    const worker = strict.queue<number>('deep').worker(
      async (n, _, job) => {
        job.progress(n === 1 ? nested(1500) : n);
        await gate.promise;
      },
      { concurrency: 3 },
    );
    apps.push(launch([worker]));
    const queue = watchers.queue<number>('deep');
    const results = [0, 1, 2].map((n) => lastValueFrom(queue.submit(n)));
    expect(await degraded.promise).to.include('stack depth limit exceeded');
    const stored = () => sql<{ value: number }>(`select value from ${schema}.progress where queue = 'deep'`);
    await waitUntil(async () => (await stored()).length === 2);
    gate.resolve(undefined);
    await Promise.all(results);
    expect((await stored()).map(({ value }) => value)).to.have.members([0, 2]);
  });
});

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = [value];
  return value;
}
