import { expect } from 'chai';
import { Subject } from 'rxjs';
import sinon from 'sinon';
import type { ControlMessage } from '../../lib/fleet/control-message.js';
import { watchCancels } from '../../lib/fleet/job-cancels.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The cancels of the jobs that a worker has claimed', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** A worker that holds the jobs `a`, `b` and `c` of the queue `q`. The table has a state for each. */
  function watch(states: Readonly<Record<string, string>>) {
    const reads: string[][] = [];
    const readAt: number[] = [];
    const database = fakeDatabase((_, [, ids]) => {
      reads.push(ids as string[]);
      readAt.push(Date.now());
      if (states['error'] !== undefined) throw Object.assign(new Error(states['error']), { code: '42P01' });
      const rows = [];
      for (const id of ids as string[]) {
        const state = states[id];
        if (state !== undefined) rows.push({ queue: 'q', id, state, retryCount: 0, output: null });
      }
      return Promise.resolve({ rows });
    });
    const [local$, remote$] = [new Subject<ControlMessage>(), new Subject<ControlMessage>()];
    const queue = { name: 'q', services: { database, control: { local$, remote$ } } } as unknown as QueueHandle;
    const cancelled: string[] = [];
    const isHeld = (job: string) => ['a', 'b', 'c'].includes(job);
    const subscription = watchCancels(queue, isHeld, (job) => cancelled.push(job));
    const cancel = (messages$: Subject<ControlMessage>, job: string, name = 'q') =>
      messages$.next({ type: 'cancel', queue: name, job });
    const degraded: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    return { local$, remote$, cancel, cancelled, reads, readAt, degraded, subscription };
  }

  it('of this process take effect at once', () => {
    const { local$, cancel, cancelled, reads, subscription } = watch({});
    cancel(local$, 'a');
    cancel(local$, 'x');
    cancel(local$, 'b', 'other');
    local$.next({ type: 'work', queue: 'q' });
    expect([cancelled, reads]).to.deep.equal([['a'], []]);
    subscription.unsubscribe();
    expect(local$.observed).to.equal(false);
  });

  it('of other processes take effect if the row of the job says so, or is gone', async () => {
    const { remote$, cancel, cancelled, reads, subscription } = watch({ a: 'cancelled', b: 'active' });
    for (const job of ['a', 'b', 'c', 'x']) cancel(remote$, job);
    cancel(remote$, 'a', 'other');
    await clock.tickAsync(0);
    expect([reads, cancelled]).to.deep.equal([[['a', 'b', 'c']], ['a', 'c']]);
    subscription.unsubscribe();
    expect(remote$.observed).to.equal(false);
  });

  it('are checked at once after true messages, and 50 ms after forged ones', async () => {
    for (const [state, expected] of [
      ['cancelled', 2],
      ['active', 1],
    ] as const) {
      const { remote$, cancel, reads, subscription } = watch({ a: state, b: 'active' });
      for (const job of ['a', 'b']) {
        cancel(remote$, job);
        await clock.tickAsync(0);
      }
      expect(reads.length).to.equal(expected);
      await clock.tickAsync(50);
      expect(reads).to.deep.equal([['a'], ['b']]);
      subscription.unsubscribe();
    }
  });

  it('have no effect if their jobs cannot be read, and later ones are checked 50 ms after that', async () => {
    const { remote$, cancel, cancelled, reads, readAt, degraded, subscription } = watch({ error: 'no such table' });
    cancel(remote$, 'a');
    await clock.tickAsync(1);
    cancel(remote$, 'b');
    await clock.tickAsync(30_000);
    const next = reads.findIndex(([job]) => job === 'b');
    expect((readAt[next] ?? 0) - (readAt[next - 1] ?? 0)).to.equal(50);
    expect([cancelled, degraded]).to.deep.equal([[], ['The database refuses a statement: no such table']]);
    subscription.unsubscribe();
  });
});
