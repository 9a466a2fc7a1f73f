import { expect } from 'chai';
import { filter, firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import type { Fleet, FleetEvent } from 'rxjs-tasks/fleet';
import { Fleets, nextEvent, sharedUrl } from '../helpers/fleet.js';
import { startBouncer, type Bouncer } from '../helpers/pgbouncer.js';
import { waitUntil } from '../helpers/wait.js';

describe('through a connection pooler', () => {
  let fleets: Fleets;
  let direct: string;
  let transaction: Bouncer;
  let session: Bouncer;

  before(async () => {
    direct = await sharedUrl();
    transaction = await startBouncer(direct, 'transaction');
    session = await startBouncer(direct, 'session');
  });
  after(async () => {
    await transaction.stop();
    await session.stop();
  });
  beforeEach(() => (fleets = new Fleets()));
  afterEach(() => fleets.close());

  /** Collects the events of a fleet's connection. */
  function collect(fleet: Fleet): string[] {
    const types: string[] = [];
    fleet.events$.subscribe((event) => {
      if (!('job' in event)) types.push(event.type);
    });
    return types;
  }

  it('that shares sessions, results and cancels are found by polls, and one event says so', async () => {
    const { url } = transaction;
    const submitter = await fleets.connect({ url, name: 'submitter' });
    const degraded = nextDegraded(submitter);
    const events = collect(submitter);
    const other = await fleets.connect({ url, name: 'worker' });
    expect((await degraded).what).to.match(/^messages do not arrive, .* connection pooler\..* `listenUrl`/);
    await nextDegraded(other);

    const queue = submitter.queue<number, number>('squares');
    const hanging = other.queue<number, number>('hanging');
    const causes: string[] = [];
    const app = launch([
      other.queue<number, number>('squares').worker((n) => n * n),
      hanging.worker(async (_, ctx) => {
        causes.push('started');
        causes.push(((await firstValueFrom(ctx.cancelled$)) as Error).name);
        return 0;
      }),
    ]);
    for (const n of [1, 2, 3]) expect(await lastValueFrom(queue.submit(n))).to.equal(n * n);
    const job = submitter.queue('hanging').submit(1).subscribe();
    await waitUntil(() => causes.length === 1);
    job.unsubscribe();
    await waitUntil(() => causes.length === 2);
    expect(causes).to.deep.equal(['started', 'JobCancelledError']);
    await other.cancel('a bad deploy');
    await waitUntil(() => submitter.context.cancelled);
    await other.resume();
    await app.stop();
    expect(events.filter((type) => type !== 'fleet-cancelled' && type !== 'fleet-resumed')).to.deep.equal(['degraded']);
  });

  it('that shares sessions, messages arrive over a connection past it', async () => {
    const fleet = await fleets.connect({ url: transaction.url, listenUrl: direct });
    const events = collect(fleet);
    const other = await fleets.connect({ url: transaction.url, listenUrl: direct });
    // Only a message can be the origin of an event in another process.
    await waitUntil(async () => {
      const submitted = nextEvent(fleet.queue('mails').events$, 'submitted');
      await other.queue('mails').enqueue(1);
      return Boolean(await submitted);
    });
    expect(events).to.deep.equal([]);
  });

  it('that keeps sessions, messages arrive', async () => {
    const fleet = await fleets.connect({ url: session.url });
    const events = collect(fleet);
    const other = await fleets.connect({ url: session.url });
    const submitted = nextEvent(fleet.queue('mails').events$, 'submitted');
    await fleet.queue('mails').enqueue(1);
    await submitted;
    await waitUntil(async () => {
      const again = nextEvent(fleet.queue('mails').events$, 'submitted');
      await other.queue('mails').enqueue(1);
      return Boolean(await again);
    });
    expect(events).to.deep.equal([]);
  });
});

function nextDegraded(fleet: Fleet): Promise<Extract<FleetEvent, { type: 'degraded' }>> {
  return firstValueFrom(
    fleet.events$.pipe(
      filter((event): event is Extract<FleetEvent, { type: 'degraded' }> => event.type === 'degraded'),
    ),
  );
}
