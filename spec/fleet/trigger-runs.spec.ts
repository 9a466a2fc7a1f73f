import { expect } from 'chai';
import { NEVER } from 'rxjs';
import sinon from 'sinon';
import type { TriggerRequest } from '../../lib/cron/coordinator.js';
import type { ControlMessage } from '../../lib/fleet/control-message.js';
import type { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { TriggerCalls } from '../../lib/fleet/trigger-calls.js';
import { TriggerRuns } from '../../lib/fleet/trigger-runs.js';
import { CancelledError, NotRunningError } from '../../lib/index.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';

type Answer = (values: readonly unknown[]) => object[] | Promise<object[]>;

/** Creates a poller whose statements are answered by functions, found by a part of the statement. */
function createPoller(answers: Readonly<Record<string, Answer>>) {
  const statements: string[] = [];
  const sent: (readonly [string, readonly unknown[]])[] = [];
  const database = fakeDatabase(async (sql, values) => {
    const [part, answer] = Object.entries(answers).find(([each]) => sql.includes(each)) ?? [];
    statements.push(part ?? sql);
    sent.push([part ?? sql.trim().replaceAll(/\s+/g, ' '), values]);
    return { rows: (await answer?.(values)) ?? [] };
  });
  const degraded: string[] = [];
  database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
  const control = { send: () => undefined, messages$: NEVER, missed$: NEVER };
  const poller = new StatusPoller(database, control as unknown as NotifyChannel<ControlMessage>);
  return { database, poller, statements, sent, degraded };
}

const status = (fields: object) => [{ reason: null, pauses: [], ...fields }];
const [poll, claim, giveBack, renew] = ['json_agg', 'returning asked_by', 'set lease = null', 'set seen = now()'];
const outcome = { slot: 1, trigger: 'manual', status: 'completed' } as const;

describe("the calls of a fleet's trigger", () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Watches a cron whose claims are answered by a function, and polls once. */
  const watch = async (answer: Answer, requests: TriggerRequest[] = [], others: Record<string, Answer> = {}) => {
    const created = createPoller({
      [poll]: () => status({ triggered: ['x'] }),
      [claim]: answer,
      [giveBack]: () => [],
      [renew]: () => [],
      ...others,
    });
    const runs = new TriggerRuns(created.database, created.poller, 'member', 'holder');
    const subscription = runs.watch('x').subscribe((request) => requests.push(request));
    await created.poller.poll();
    return { ...created, runs, subscription, requests };
  };

  it('are claimed until none is left', async () => {
    let waiting = 3;
    const { requests, statements } = await watch(() => (waiting-- > 0 ? [{ by: 'ann' }] : []));
    await clock.tickAsync(0);
    expect(requests.map(({ by }) => by)).to.deep.equal(['ann', 'ann', 'ann']);
    expect(statements).to.deep.equal([poll, claim, claim, claim, claim]);
  });

  it('are claimed again by the same lease after a lost answer', async () => {
    const leases: unknown[] = [];
    await watch(([, lease]) => (leases.push(lease), leases.length === 1 ? new Promise(() => undefined) : []));
    await clock.tickAsync(4000);
    expect([leases.length, new Set(leases).size]).to.deep.equal([2, 1]);
  });

  it('are stored, withdrawn and deleted by their id, and claimed and answered by their lease', async () => {
    let claimed = false;
    const { sent, requests, runs } = await watch(() => (claimed ? [] : ((claimed = true), [{ by: 'ann' }])));
    await clock.tickAsync(4000);
    requests[0]?.onOutcome(outcome);
    await clock.tickAsync(0);
    runs.close();
    const lease = sent.find(([statement]) => statement === claim)?.[1][1];
    expect(lease).to.match(/^[0-9a-f-]{36}$/);
    expect(sent.find(([statement]) => statement === claim)?.[1]).to.deep.equal(['x', lease, 'member', 'holder']);
    expect(sent.find(([statement]) => statement === renew)?.[1]).to.deep.equal([[lease]]);
    expect(sent.find(([statement]) => statement.startsWith('update'))).to.deep.equal([
      'update "schema".cron_trigger set outcome = $2::jsonb, seen = now() where lease = $1::uuid',
      [lease, '{"status":"completed"}'],
    ]);

    const row = { unclaimed: true, lost: false, ended: false, holder: null, outcome: null as unknown };
    const calls = createPoller({
      [poll]: ([, , ids]) => status({ triggers: (ids as string[]).map((id) => ({ id, ...row })) }),
      to_jsonb: () => (Object.assign(row, { unclaimed: false }), []),
    });
    const call = new TriggerCalls(calls.database, calls.poller).trigger('x', 'ann');
    let settled = false;
    void call.finally(() => (settled = true)).catch(() => undefined);
    await clock.tickAsync(0);
    await calls.poller.poll();
    await clock.tickAsync(0);
    expect(settled).to.equal(false);
    Object.assign(row, { ended: true, outcome: { status: 'completed' } });
    await calls.poller.poll();
    await call;
    await clock.tickAsync(0);
    const id = calls.sent[0]?.[1][0];
    expect(calls.sent[0]?.[1]).to.deep.equal([id, 'x', 'ann']);
    expect(calls.sent.find(([statement]) => statement === 'to_jsonb')?.[1]).to.deep.equal([id, 'withdrawn']);
    expect(calls.sent.at(-1)).to.deep.equal(['delete from "schema".cron_trigger where id = $1', [id]]);
  });

  it('are given back if the cron has ended before the answer', async () => {
    let answer: (rows: object[]) => void = () => undefined;
    const { subscription, statements, sent, requests } = await watch(
      () => new Promise((resolve) => (answer = resolve)),
    );
    subscription.unsubscribe();
    answer([{ by: 'ann' }]);
    await clock.tickAsync(0);
    expect([statements, requests]).to.deep.equal([[poll, claim, giveBack, poll], []]);
    expect(sent[2]?.[1]).to.deep.equal([sent[1]?.[1][1]]);
  });

  it('have a lease that is renewed until the outcome is stored', async () => {
    let claimed = false;
    const { statements, requests, runs } = await watch(() => (claimed ? [] : ((claimed = true), [{ by: 'ann' }])));
    await clock.tickAsync(7000);
    expect(statements.filter((each) => each === renew)).to.have.length(2);
    requests[0]?.onOutcome(outcome);
    await clock.tickAsync(7000);
    expect(statements.filter((each) => each === renew)).to.have.length(2);
    runs.close();
    expect(clock.countTimers()).to.equal(0);
  });

  it('are renewed again after a renewal that has failed, which is reported', async () => {
    let claimed = false;
    const { statements, runs, degraded } = await watch(() => (claimed ? [] : ((claimed = true), [{ by: 'ann' }])), [], {
      [renew]: () => Promise.reject(new Error('read-only')),
    });
    await clock.tickAsync(7000);
    expect(statements.filter((each) => each === renew)).to.have.length(2);
    expect(degraded).to.deep.equal(['The database refuses a statement: read-only']);
    runs.close();
    expect(clock.countTimers()).to.equal(0);
  });

  it('are rejected at the close of the fleet of their caller', async () => {
    const { database, poller } = createPoller({ [poll]: () => status({ triggers: [] }) });
    const calls = new TriggerCalls(database, poller);
    const rejected = rejectionOf(calls.trigger('x', 'ann'));
    await clock.tickAsync(0);
    const error = new CancelledError('The fleet is closed');
    calls.close(error);
    expect(await rejected).to.equal(error);
  });

  it('are stored once while the answer is missing, because a later insertion would be another call', async () => {
    const { database, poller, statements } = createPoller({
      'insert into': () => new Promise<object[]>(() => undefined),
    });
    void new TriggerCalls(database, poller).trigger('x', 'ann');
    await clock.tickAsync(60_000);
    expect(statements).to.deep.equal(['insert into']);
  });

  it('lose their lease if the database refuses the outcome, so that the caller does not wait for ever', async () => {
    let claimed = false;
    const refused = Object.assign(new Error('no equivalent in encoding'), { code: '22P05' });
    const { statements, requests, runs } = await watch(() => (claimed ? [] : ((claimed = true), [{ by: 'ann' }])), [], {
      'set outcome': () => Promise.reject(refused),
    });
    await clock.tickAsync(0);
    requests[0]?.onOutcome(outcome);
    await clock.tickAsync(7000);
    expect(statements).to.deep.equal([poll, claim, claim, 'set outcome']);
    runs.close();
  });

  it('are withdrawn if no process claims them, but not if one claims them at the last moment', async () => {
    for (const [claimedInTime, expected] of [
      [false, 'NotRunningError: x is not running'],
      [true, 'a completed'],
    ] as const) {
      const row = {
        unclaimed: true,
        lost: false,
        ended: false,
        holder: null as string | null,
        outcome: null as unknown,
      };
      const { database, poller } = createPoller({
        [poll]: ([, , ids]) => status({ triggers: (ids as string[]).map((id) => ({ id, ...row })) }),
        to_jsonb: () => {
          Object.assign(row, { unclaimed: false, ended: true, outcome: 'withdrawn' });
          if (claimedInTime) Object.assign(row, { holder: 'a', outcome: { status: 'completed' } });
          return [];
        },
      });
      const call = new TriggerCalls(database, poller).trigger('x', 'ann');
      const result = claimedInTime
        ? call.then(({ holder, status: ended }) => `${holder} ${ended}`)
        : rejectionOf(call).then(String);
      await clock.tickAsync(0);
      await poller.poll();
      expect(await result).to.equal(expected);
      if (!claimedInTime) expect(await rejectionOf(call)).to.be.an.instanceOf(NotRunningError);
    }
  });

  it('are lost if another program has written an outcome of another shape', async () => {
    for (const outcome of [null, 5, 'x', [], {}, { status: 'gone' }]) {
      const { database, poller } = createPoller({
        [poll]: ([, , ids]) =>
          status({ triggers: (ids as string[]).map((id) => ({ id, ended: true, holder: 'a', outcome })) }),
      });
      const call = new TriggerCalls(database, poller).trigger('x', 'ann');
      await clock.tickAsync(0);
      expect(await call).to.deep.equal({ holder: 'a', status: 'lost' });
    }
  });
});
