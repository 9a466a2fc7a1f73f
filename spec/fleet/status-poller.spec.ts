import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import sinon from 'sinon';
import type { ControlMessage } from '../../lib/fleet/control-message.js';
import { MasterCancel } from '../../lib/fleet/master-cancel.js';
import type { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';

type Control = NotifyChannel<ControlMessage>;

describe("the poller of the fleet's status", () => {
  it('undoes the cancel that it has read, and no later one', async () => {
    for (const [rows, at] of [
      [[{ at: '2026-03-01 12:00:00+00' }], '2026-03-01 12:00:00+00'],
      [[{ at: null }], null],
      [[], null],
    ] as const) {
      const updates: unknown[] = [];
      const database = fakeDatabase((sql, values) => {
        if (sql.startsWith('update')) updates.push(values);
        return Promise.resolve({
          rows: sql === 'select cancelled_at::text as at from "schema".fleet' ? [...rows] : [],
        });
      });
      const messages: ControlMessage[] = [];
      const send = (message: ControlMessage) => messages.push(message);
      const poller = new StatusPoller(database, { send, messages$: NEVER, missed$: NEVER } as unknown as Control);
      await poller.resume();
      expect([updates, messages]).to.deep.equal([[[at]], [{ type: 'fleet' }]]);
    }
  });

  it('cancels a fleet that is not cancelled, and notifies all processes', async () => {
    const statements: [string, unknown[]][] = [];
    const database = fakeDatabase((sql, values) => {
      statements.push([sql.replaceAll(/\s+/g, ' '), values]);
      return Promise.resolve({ rows: [{ reason: 'a bad deploy' }] });
    });
    const messages: ControlMessage[] = [];
    const send = (message: ControlMessage) => messages.push(message);
    const poller = new StatusPoller(database, { send } as unknown as Control);
    const reasons: unknown[] = [];
    poller.status$.subscribe(({ reason }) => reasons.push(reason));
    await poller.cancel('a bad deploy', 'web-1');
    const [sql, values] = statements[0] ?? [];
    expect(sql).to.match(/^insert into "schema"\.fleet .* set reason = \$1, cancelled_by = \$2, .*\.reason is null$/);
    expect([values, messages, reasons]).to.deep.equal([
      ['a bad deploy', 'web-1'],
      [{ type: 'fleet' }],
      ['a bad deploy'],
    ]);
  });

  describe('in virtual time', () => {
    let clock: sinon.SinonFakeTimers;
    beforeEach(() => (clock = sinon.useFakeTimers()));
    afterEach(() => clock.restore());

    it('polls each second, and immediately after a message or a gap', async () => {
      const messages$ = new Subject<ControlMessage>();
      const missed$ = new Subject<void>();
      const database = fakeDatabase(() => Promise.resolve({ rows: [{ reason: null, followed: false }] }));
      const poller = new StatusPoller(database, { messages$, missed$ } as unknown as Control);
      let polls = 0;
      poller.status$.subscribe(() => polls++);
      poller.start();
      await clock.tickAsync(999);
      expect(polls).to.equal(0);
      await clock.tickAsync(1);
      expect(polls).to.equal(1);
      await clock.tickAsync(2000);
      expect(polls).to.equal(3);
      messages$.next({ type: 'work', queue: 'mails' });
      await clock.tickAsync(0);
      expect(polls).to.equal(3);
      messages$.next({ type: 'fleet' });
      await clock.tickAsync(0);
      expect(polls).to.equal(4);
      missed$.next();
      await clock.tickAsync(0);
      expect(polls).to.equal(5);
      poller.stop();
      await clock.tickAsync(10_000);
      expect([polls, clock.countTimers()]).to.deep.equal([5, 0]);
    });

    it('polls every 50 ms at most after forged messages', async () => {
      const messages$ = new Subject<ControlMessage>();
      const database = fakeDatabase(() => Promise.resolve({ rows: [{ reason: null, followed: false }] }));
      const poller = new StatusPoller(database, { messages$, missed$: NEVER } as unknown as Control);
      let polls = 0;
      poller.status$.subscribe(() => polls++);
      poller.start();
      for (let ms = 0; ms < 900; ms++) {
        messages$.next({ type: 'fleet' });
        await clock.tickAsync(1);
      }
      expect(polls).to.be.within(15, 20);
      poller.stop();
    });

    it('reads the status again, whatever the server has refused', async () => {
      const refused = [Object.assign(new Error('no'), { code: '22P02' })];
      const database = fakeDatabase(() => {
        const error = refused.shift();
        return error ? Promise.reject(error) : Promise.resolve({ rows: [{ reason: 'a bad deploy' }] });
      });
      database.events$.subscribe();
      const poller = new StatusPoller(database, {} as unknown as Control);
      const reasons: unknown[] = [];
      poller.status$.subscribe(({ reason }) => reasons.push(reason));
      const polled = poller.poll();
      await clock.tickAsync(1000);
      await polled;
      expect(reasons).to.deep.equal(['a bad deploy']);
    });

    for (const [skewMs, expected] of [
      [3000, undefined],
      [60_000, 'The clock of this process is 60 s ahead of'],
      [-3_600_000, 'The clock of this process is 3600 s behind'],
    ] as const)
      it(`reports a clock that is ${skewMs} ms ahead of the database's ${expected ? 'once' : 'never'}`, async () => {
        const whats: string[] = [];
        const now = () => Date.now() - skewMs;
        const database = fakeDatabase(() => Promise.resolve({ rows: [{ reason: null, followed: false, now: now() }] }));
        database.events$.subscribe((event) => 'what' in event && whats.push(event.what));
        const [messages$, missed$] = [new Subject<ControlMessage>(), new Subject<void>()];
        const poller = new StatusPoller(database, { messages$, missed$ } as unknown as Control);
        poller.start();
        await clock.tickAsync(20_000);
        poller.stop();
        expect(whats).to.deep.equal(expected ? [`${expected} the database's. Crons do not run at their times`] : []);
      });

    it('reads all watched queues with its one statement, and notifies the workers of those with jobs', async () => {
      const reads: unknown[] = [];
      const database = fakeDatabase((_, values) => {
        reads.push(values);
        return Promise.resolve({
          rows: [{ reason: null, followed: false, due: ['a', 'c'], lost: ['b'], paused: ['c'] }],
        });
      });
      const poller = new StatusPoller(database, { messages$: NEVER, missed$: NEVER } as unknown as Control);
      poller.start();
      const notified: string[] = [];
      const watching = ['a', 'b', 'c'].flatMap((queue) => [
        poller.due(queue).subscribe(() => notified.push(`${queue} due`)),
        poller.lost(queue).subscribe(() => notified.push(`${queue} lost`)),
        poller.paused(queue).subscribe(() => notified.push(`${queue} paused`)),
      ]);
      await clock.tickAsync(1000);
      expect(notified).to.deep.equal(['a due', 'b lost', 'c due', 'c paused']);
      for (const subscription of watching.slice(1, 8)) subscription.unsubscribe();
      await clock.tickAsync(1000);
      for (const subscription of watching) subscription.unsubscribe();
      await clock.tickAsync(1000);
      poller.stop();
      expect(reads).to.deep.equal([
        [['a', 'b', 'c'], [], []],
        [['a', 'c'], [], []],
        [[], [], []],
      ]);
    });

    it('reads the calls of `trigger` with the same statement, for those that watch a cron or a call', async () => {
      const reads: unknown[] = [];
      const call = { id: 'i', ended: false };
      const database = fakeDatabase((_, values) => {
        reads.push(values);
        return Promise.resolve({ rows: [{ reason: null, followed: false, triggered: ['x'], triggers: [call] }] });
      });
      const poller = new StatusPoller(database, { messages$: NEVER, missed$: NEVER } as unknown as Control);
      poller.start();
      const notified: unknown[] = [];
      const watching = [
        poller.triggered('x').subscribe(() => notified.push('x')),
        poller.triggered('y').subscribe(() => notified.push('y')),
        poller.trigger('i').subscribe((trigger) => notified.push(trigger)),
        poller.trigger('j').subscribe((trigger) => notified.push(trigger)),
      ];
      await clock.tickAsync(1000);
      for (const subscription of watching) subscription.unsubscribe();
      await clock.tickAsync(1000);
      poller.stop();
      expect(notified).to.deep.equal(['x', call]);
      expect(reads).to.deep.equal([
        [[], ['78', '79'], ['i', 'j']],
        [[], [], []],
      ]);
    });

    it('repeats an unanswered resume without undoing a cancel that came in between', async () => {
      const row = { reason: 'old' as string | null, at: '1' as string | null };
      const reasons: (string | null)[] = [];
      let answerLost = false;
      const database = fakeDatabase((sql, [value]) => {
        if (!sql.startsWith('update')) return Promise.resolve({ rows: [{ by: 'me', followed: false, ...row }] });
        if (row.at === value) Object.assign(row, { reason: null, at: null });
        if (answerLost) return Promise.resolve({ rows: [] });
        answerLost = true;
        return new Promise(() => undefined);
      });
      const control = { send: () => undefined, messages$: NEVER, missed$: NEVER };
      const poller = new StatusPoller(database, control as unknown as Control);
      poller.status$.subscribe(({ reason }) => reasons.push(reason));
      // Without a listener the database would print its event.
      database.events$.subscribe();
      const resumed = poller.resume();
      await clock.tickAsync(2000);
      expect(row.reason).to.equal(null);
      Object.assign(row, { reason: 'stop', at: '2' });
      await clock.tickAsync(4000);
      await resumed;
      expect([row.reason, reasons]).to.deep.equal(['stop', ['stop']]);
    });
  });

  it('does not take an answer from before a cancel for a resume', async () => {
    const answers: ((reason: string | null) => void)[] = [];
    const database = fakeDatabase(
      () =>
        new Promise((resolve) => {
          answers.push((reason) => resolve({ rows: [{ reason, by: 'me', at: 0 }] }));
        }),
    );
    const poller = new StatusPoller(database, {} as unknown as Control);
    const master = new MasterCancel(database, poller);
    const polls = [poller.poll(), poller.poll()];
    answers[1]?.('a bad deploy');
    await polls[1];
    answers[0]?.(null);
    await polls[0];
    expect(master.context.cancelled).to.equal(true);
  });
});
