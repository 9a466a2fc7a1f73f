import { expect } from 'chai';
import { Subject } from 'rxjs';
import sinon from 'sinon';
import { Heartbeats, type ClaimOwner } from '../../lib/fleet/heartbeats.js';
import type { JobStore, QueueClaim } from '../../lib/fleet/job-store.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const claimOf = (id: string): QueueClaim => ({ queue: 'q', claim: { id, retryCount: 0 } });

describe('The heartbeats of a process', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** A process with a timeout of 20 s, whose heartbeats are answered by a function. */
  function start(touch: (ids: readonly string[]) => Promise<readonly string[]>, cancelled: readonly string[] = []) {
    const reads: unknown[] = [];
    const database = fakeDatabase((_, [, ids]) => {
      reads.push(ids);
      const rows = (ids as string[]).map((id) => ({
        ...{ queue: 'q', id, retryCount: 0, output: null, outputLeftOut: false },
        state: cancelled.includes(id) ? 'cancelled' : 'active',
      }));
      return Promise.resolve({ rows });
    });
    const events: string[] = [];
    database.events$.subscribe(({ type }) => events.push(type));
    const jobs = { touch: (claims: readonly QueueClaim[]) => touch(claims.map(({ claim }) => claim.id)) };
    const missed$ = new Subject<void>();
    const heartbeats = new Heartbeats(database, jobs as JobStore, 20_000, missed$);
    const ends: string[] = [];
    const own = (...ids: string[]): ClaimOwner => ({
      claims: ids.map(claimOf),
      onLost: ({ claim }) => ends.push(`lost ${claim.id}`),
      onCancelled: (id) => ends.push(`cancelled ${id}`),
    });
    return { heartbeats, ends, events, own, missed$, reads };
  }

  it('are sent at once when the server may have crashed, and find the claims that were undone', async () => {
    const { heartbeats, ends, own, missed$ } = start((ids) => Promise.resolve(ids.filter((id) => id !== 'b')));
    heartbeats.add(own('a', 'b'));
    missed$.next();
    await clock.tickAsync(0);
    expect(ends).to.deep.equal(['lost b']);
  });

  it('are one statement four times within the timeout, for the claims of all owners', async () => {
    const touched: (readonly string[])[] = [];
    const { heartbeats, ends, own, reads } = start((ids) => (touched.push(ids), Promise.resolve(ids)));
    const remove = heartbeats.add(own('a', 'b'));
    heartbeats.add(own('c'));
    await clock.tickAsync(4999);
    expect(touched).to.deep.equal([]);
    await clock.tickAsync(5001);
    remove();
    await clock.tickAsync(5000);
    expect(touched).to.deep.equal([['a', 'b', 'c'], ['a', 'b', 'c'], ['c']]);
    heartbeats.stop();
    await clock.tickAsync(60_000);
    expect([touched.length, reads, ends, clock.countTimers()]).to.deep.equal([3, [], [], 0]);
  });

  it('are no statement without a claim', async () => {
    let calls = 0;
    const { heartbeats } = start((ids) => (calls++, Promise.resolve(ids)));
    heartbeats.add({ claims: [], onLost: () => calls++, onCancelled: () => calls++ });
    await clock.tickAsync(20_000);
    heartbeats.stop();
    expect(calls).to.equal(0);
  });

  it('find the jobs that were cancelled or lost', async () => {
    const { heartbeats, ends, own } = start(() => Promise.resolve(['a']), ['b']);
    heartbeats.add(own('a', 'b', 'c'));
    await clock.tickAsync(5000);
    heartbeats.stop();
    expect(ends).to.deep.equal(['cancelled b', 'lost c']);
  });

  it('lose all jobs when none was confirmed within the timeout, and not before', async () => {
    for (const failure of [
      () => Promise.reject(new Error('timeout expired')),
      () => new Promise<never>(() => undefined),
    ]) {
      let isDown = false;
      const { heartbeats, ends, events, own } = start((ids) => (isDown ? failure() : Promise.resolve(ids)));
      heartbeats.add(own('a', 'b'));
      await clock.tickAsync(10_000);
      isDown = true;
      await clock.tickAsync(19_000);
      expect([ends, events]).to.deep.equal([[], ['disconnected']]);
      await clock.tickAsync(15_000);
      heartbeats.stop();
      expect(ends.slice(0, 2)).to.deep.equal(['lost a', 'lost b']);
    }
  });
});
