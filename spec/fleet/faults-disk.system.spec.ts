import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { connectFleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { startPostgres, statement } from '../helpers/postgres.js';
import { SmallDisk } from '../helpers/small-disk.js';
import { waitUntil } from '../helpers/wait.js';

/** A server whose disk can be full. */
interface FullServer {
  readonly url: string;
  fill(): Promise<void>;
  free(): Promise<void>;
  remove(): Promise<void>;
}

/** Starts a server on a small disk or, where nothing may be mounted, one for which a proxy answers that it is full. */
async function startServer(): Promise<FullServer> {
  const disk = await SmallDisk.mount(200);
  const server = await (disk ? disk.startPostgres() : startPostgres());
  const proxy = await FaultProxy.start(server.url);
  if (!disk) console.log('      (this user may not mount a disk: a proxy answers each write with 53100)');
  const refusal = proxy.refuse(/insert|update|select id, (data|from)|_jobs_\d/i, '53100', 0);
  return {
    url: proxy.url,
    fill: async () => {
      if (disk) await disk.fill();
      else refusal.left = Infinity;
    },
    free: async () => {
      refusal.left = 0;
      await disk?.free();
      // Without space for its log, the server ends. An operator frees some, and starts it.
      const isUp = await statement(server.url, 'select 1').then(
        () => true,
        () => false,
      );
      if (!isUp) await server.start();
    },
    remove: async () => {
      await proxy.close();
      await server.remove();
      await disk?.unmount();
    },
  };
}

describe('While the disk of the server is full', () => {
  let server: FullServer;

  before(async () => (server = await startServer()));
  after(() => server.remove());

  it('jobs wait, an event says so, no task ends, and no acknowledged job is lost', async () => {
    const fleet = await connectFleet({ url: server.url });
    const events: FleetEvent[] = [];
    fleet.events$.subscribe((event) => events.push(event));
    const queue = fleet.queue<string, number>('work', { retries: 1000, backoff: { initial: 0 } });
    const app = launch([queue.worker((text) => text.length, { concurrency: 5 })]);
    expect(await lastValueFrom(queue.submit('before'))).to.equal(6);
    await server.fill();
    const text = 'x'.repeat(20_000);
    const results: Promise<number>[] = [];
    const acknowledged: Promise<string>[] = [];
    await waitUntil(() => {
      if (results.length < 2000) results.push(lastValueFrom(queue.submit(text)));
      if (acknowledged.length < 2000) acknowledged.push(queue.enqueue(text));
      return events.some(({ type }) => type === 'degraded' || type === 'disconnected');
    });
    expect(app.live).to.equal(true);
    expect(JSON.stringify(events)).to.match(/No space left on device|53100|unreachable/);
    await server.free();
    expect(new Set(await Promise.all(results))).to.deep.equal(new Set([text.length]));
    const ids = await Promise.all(acknowledged);
    const found = await Promise.all(ids.map((id) => lastValueFrom(queue.result(id))));
    expect(new Set(found)).to.deep.equal(new Set([text.length]));
    expect(await lastValueFrom(queue.submit('after'))).to.equal(5);
    expect((await app.stop()).clean).to.equal(true);
    await fleet.close();
  });
});
