import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { connectFleet } from 'rxjs-tasks/fleet';
import { startPostgres, statement, type Postgres } from '../helpers/postgres.js';
import { pause, waitUntil } from '../helpers/wait.js';

const rounds = 2;

interface Result {
  readonly n: number;
  /** Different in each run of a job. */
  readonly run: number;
}

describe('After crashes of the server', () => {
  let server: Postgres;

  before(async () => (server = await startPostgres('fsync=on', 'autovacuum=off', 'wal_writer_delay=10s')));
  after(() => server.remove());

  it('no acknowledged job and no result is lost, and none is reported twice', async () => {
    const { url } = server;
    const fleet = await connectFleet({ url });
    // With a listener, the console remains empty.
    const subscription = fleet.events$.subscribe();
    const queue = fleet.queue<number, Result>('work', { retries: 1000, backoff: { initial: 0 } });
    let runs = 0;
    /** The first result of each job that a worker has reported as written. */
    const completed = new Map<string, unknown>();
    const app = launch([queue.worker((n) => pause(n % 20).then(() => ({ n, run: ++runs })), { concurrency: 20 })]);
    const events = queue.events$.subscribe((event) => {
      if (event.type === 'completed' && !completed.has(event.job)) completed.set(event.job, event.output);
    });
    const acknowledged = new Map<string, number>();
    const awaited: Promise<number>[] = [];
    let submitting = true;
    const submitters = Array.from({ length: 10 }, async (_, submitter) => {
      for (let n = submitter; submitting; n += 10) {
        acknowledged.set(await queue.enqueue(n), n);
        if (n % 7 === 0) awaited.push(lastValueFrom(queue.submit(n)).then((result) => result.n - n));
      }
    });
    for (let round = 0; round < rounds; round++) {
      await pause(500);
      server.crash();
      await server.start();
    }
    submitting = false;
    await Promise.all(submitters);
    // Without submitters, no other commit makes the server write the results.
    for (let round = 0; round < rounds; round++) {
      const more = await Promise.all(Array.from({ length: 300 }, async (_, n) => [await queue.enqueue(n), n] as const));
      for (const [id, n] of more) acknowledged.set(id, n);
      const before = completed.size;
      await waitUntil(() => completed.size > before + 50);
      server.crash();
      await server.start();
    }

    expect(new Set(await Promise.all(awaited))).to.deep.equal(new Set([0]));
    const results = Array.from(acknowledged, async ([id, n]) => (await lastValueFrom(queue.result(id))).n - n);
    expect(new Set(await Promise.all(results))).to.deep.equal(new Set([0]));
    const rows = await statement<{ id: string; output: unknown }>(
      url,
      `select id, output from rxjs_tasks_jobs.job where state = 'completed'`,
    );
    const stored = new Map(rows.map(({ id, output }) => [id, output]));
    expect(completed.size).to.be.greaterThan(100);
    for (const [id, output] of completed) expect(stored.get(id), id).to.deep.equal(output);
    events.unsubscribe();
    subscription.unsubscribe();
    await app.stop();
    await fleet.close();
  });
});
