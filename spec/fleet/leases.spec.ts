import { expect } from 'chai';
import { NEVER, type Subscription } from 'rxjs';
import sinon from 'sinon';
import type { ControlMessage } from '../../lib/fleet/control-message.js';
import { CronPauses } from '../../lib/fleet/cron-pauses.js';
import { Leases } from '../../lib/fleet/leases.js';
import type { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { deferred } from '../helpers/tasks.js';

describe('the leases of a process', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Creates leases whose renewals and claims are answered by functions. Claims are granted. */
  const createLeases = (
    onRenewal: () => Promise<unknown> = () => Promise.resolve(),
    onClaim: () => Promise<unknown> = () => Promise.resolve(),
  ) => {
    let renewals = 0;
    /** The leases that have ended, and those that their rows have passed to. */
    const ended: unknown[][] = [];
    const claimed: unknown[] = [];
    const database = fakeDatabase(async (sql, values) => {
      if (sql.includes('set seen = now() where')) {
        renewals++;
        await onRenewal();
        return { rows: (values[1] as string[]).map((task) => ({ task })) };
      }
      if (!sql.includes('insert')) ended.push(values);
      else {
        claimed.push(values[2]);
        await onClaim();
      }
      return { rows: sql.includes('insert') ? [{ slot: 1 }] : [] };
    });
    database.events$.subscribe();
    const control = { messages$: NEVER, missed$: NEVER } as unknown as NotifyChannel<ControlMessage>;
    const poller = new StatusPoller(database, control);
    const leases = new Leases(database, poller, new CronPauses(database, poller), 'holder');
    return { leases, renewals: () => renewals, claimed, ended };
  };

  /** Acquires a slot. Returns the times of the answers, in ms. */
  const acquire = async (leases: Leases): Promise<{ answers: [boolean, number][]; lease: Subscription }> => {
    const answers: [boolean, number][] = [];
    const lease = leases.lease('x', 1).subscribe((granted) => answers.push([granted, Date.now()]));
    await clock.tickAsync(0);
    return { answers, lease };
  };

  it('are renewed every 3 s while a slot runs, and need no timer while none does', async () => {
    const { leases, renewals } = createLeases();
    expect(clock.countTimers()).to.equal(0);
    for (let run = 1; run <= 2; run++) {
      const { answers, lease } = await acquire(leases);
      await clock.tickAsync(9000);
      lease.unsubscribe();
      await clock.tickAsync(3000);
      expect([answers.length, renewals(), clock.countTimers()]).to.deep.equal([1, 3 * run, 0]);
    }
    await leases.close();
  });

  it('are revoked before another process may have them, however the renewals fail', async () => {
    const refused = () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    const unanswered = () => new Promise(() => undefined);
    const answered = () => Promise.resolve();
    for (const failures of [
      [refused, refused, refused],
      [unanswered, unanswered, unanswered],
      [refused, refused, unanswered],
      [unanswered, refused, unanswered],
    ]) {
      const renewals = [answered, answered, ...failures];
      const { leases } = createLeases(() => (renewals.shift() ?? answered)());
      const acquiredAt = Date.now();
      const { answers, lease } = await acquire(leases);
      await clock.tickAsync(16_499);
      // The last renewal was after 6 s, and nobody else gets the lease before 16 s.
      expect(answers.map(([granted, at]) => [granted, at - acquiredAt])).to.deep.equal([
        [true, 0],
        [false, 15_500],
      ]);
      lease.unsubscribe();
      await leases.close();
    }
  });

  it('are not revoked when a process could do nothing for a while, and no other process has them', async () => {
    const { leases } = createLeases();
    const { answers, lease } = await acquire(leases);
    await clock.tickAsync(1000);
    // The clock goes on, but no timer fires before the event loop is free again.
    clock.jump(20_000);
    await clock.tickAsync(5000);
    expect(answers).to.have.length(1);
    lease.unsubscribe();
    await leases.close();
  });

  it('end at the close, also those that are granted after it, which it waits for', async () => {
    const answer = deferred<undefined>();
    const answers = [Promise.resolve(), answer.promise];
    const { leases, claimed, ended } = createLeases(undefined, () => answers.shift() ?? Promise.resolve());
    const early = await acquire(leases);
    const late = await acquire(leases);
    let closed = false;
    const closing = leases.close().then(() => (closed = true));
    await clock.tickAsync(0);
    expect([ended, closed]).to.deep.equal([[[claimed[0], null]], false]);
    answer.resolve(undefined);
    await closing;
    expect(ended).to.deep.equal(claimed.map((lease) => [lease, null]));
    expect([early, late].map(({ answers: each }) => each.map(([granted]) => granted))).to.deep.equal([[true], [false]]);
    expect(clock.countTimers()).to.equal(0);
  });

  it('pass their row to another slot of the cron that this process runs', async () => {
    const answer = deferred<undefined>();
    const answers = [Promise.resolve(), Promise.resolve(), answer.promise];
    const { leases, claimed, ended } = createLeases(undefined, () => answers.shift() ?? Promise.resolve());
    const [first, second, third] = [await acquire(leases), await acquire(leases), await acquire(leases)];
    third.lease.unsubscribe();
    first.lease.unsubscribe();
    answer.resolve(undefined);
    await clock.tickAsync(0);
    second.lease.unsubscribe();
    expect(ended).to.deep.equal([
      [claimed[0], claimed[1]],
      [claimed[2], claimed[1]],
      [claimed[1], null],
    ]);
    await leases.close();
  });
});
