import { expect } from 'chai';
import type { PgBoss } from 'pg-boss';
import { EMPTY } from 'rxjs';
import sinon from 'sinon';
import { Connection } from '../../lib/fleet/connection.js';
import { MasterCancel } from '../../lib/fleet/master-cancel.js';
import { Channel } from '../../lib/fleet/channel.js';
import { isCall, type Call } from '../../lib/fleet/call.js';
import { FleetRow } from '../../lib/fleet/fleet-row.js';
import { JobEvents } from '../../lib/fleet/job-events.js';

describe('a connection', () => {
  const make = (executeSql?: () => Promise<{ rows: unknown[] }>) => {
    const boss = { getDb: () => ({ executeSql }), on: () => undefined } as unknown as PgBoss;
    return new Connection(boss, 'schema', () => Promise.resolve());
  };
  const failing = (code: string) => {
    let tries = 0;
    return () => (++tries > 1 ? Promise.resolve(tries) : Promise.reject(Object.assign(new Error('no'), { code })));
  };

  it('keeps nothing of a try that is over', async () => {
    const connection = make();
    connection.events.stream.subscribe();
    await connection.patiently(failing('ECONNRESET'));
    expect((connection as unknown as { closing$: { observed: boolean } }).closing$.observed).to.equal(false);
  });

  it('goes on trying whatever words the driver has for a connection that is lost, or does not come about', async () => {
    for (const words of [
      'timeout expired',
      'timeout exceeded when trying to connect',
      'Connection terminated',
      'Connection terminated unexpectedly',
      'Connection terminated due to connection timeout',
      'Client has encountered a connection error and is not queryable',
      'Client was closed and is not queryable',
      'LISTEN/NOTIFY heartbeat timed out',
      'LISTEN/NOTIFY connection ended',
    ]) {
      const connection = make();
      const events: string[] = [];
      connection.events.stream.subscribe(({ type }) => events.push(type));
      let tries = 0;
      const work = () => (++tries > 1 ? Promise.resolve('done') : Promise.reject(new Error(words)));
      expect(await connection.patiently(work).catch(String)).to.equal('done', words);
      expect(events).to.deep.equal(['disconnected', 'reconnected']);
    }
  });

  it('asks again what is not answered, so that a look cannot hang on a connection that was cut in silence', async () => {
    const clock = sinon.useFakeTimers();
    try {
      let asked = 0;
      const connection = make(() => (++asked > 1 ? Promise.resolve({ rows: [asked] }) : new Promise(() => undefined)));
      const events: string[] = [];
      connection.events.stream.subscribe(({ type }) => events.push(type));
      const looks: unknown[] = [];
      const polling = connection.poll(1000, EMPTY, async () => void looks.push(...(await connection.ask('look'))));
      await clock.tickAsync(5999);
      expect([asked, events]).to.deep.equal([1, []]);
      await clock.tickAsync(200);
      expect([looks, events]).to.deep.equal([[2], ['disconnected', 'reconnected']]);
      await clock.tickAsync(2000);
      expect(looks).to.deep.equal([2, 3, 4]);
      polling.unsubscribe();
      await connection.close();
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  it('takes whichever run of a statement is answered first, when each takes longer than it is waited for', async () => {
    const clock = sinon.useFakeTimers();
    try {
      let asked = 0;
      const connection = make(() => {
        const run = ++asked;
        return new Promise((resolve) => setTimeout(resolve, 6000, { rows: [run] }));
      });
      const answer = connection.ask('look');
      await clock.tickAsync(6000);
      expect([await answer, asked]).to.deep.equal([[1], 2]);
    } finally {
      clock.restore();
    }
  });

  it('that is resumed once more, because no answer came, leaves the cancel that has come since', async () => {
    const clock = sinon.useFakeTimers();
    try {
      const row = { reason: 'old' as string | null, at: '1' as string | null };
      const looks: (string | null)[] = [];
      let lost = false;
      const database = (sql: string, [value]: unknown[]): Promise<{ rows: unknown[] }> => {
        if (!sql.startsWith('update')) return Promise.resolve({ rows: [{ by: 'me', followed: false, ...row }] });
        if (row.at === value) Object.assign(row, { reason: null, at: null });
        if (lost) return Promise.resolve({ rows: [] });
        lost = true;
        return new Promise(() => undefined);
      };
      const connection = make(database as never);
      const fleet = new FleetRow(connection, { send: () => undefined } as unknown as Channel<Call>);
      fleet.seen$.subscribe(({ reason }) => looks.push(reason));
      const resumed = fleet.resume();
      await clock.tickAsync(2000);
      expect(row.reason).to.equal(null);
      Object.assign(row, { reason: 'stop', at: '2' });
      await clock.tickAsync(4000);
      await resumed;
      expect([row.reason, looks]).to.deep.equal(['stop', ['stop']]);
    } finally {
      clock.restore();
    }
  });

  it('goes on trying when there is no network', async () => {
    for (const code of ['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ECONNABORTED'])
      expect(await make().patiently(failing(code))).to.equal(2);
  });

  it('begins to listen no more once it is about to be closed', async () => {
    let begun = 0;
    const connection = make();
    Object.assign((connection as unknown as { database: object }).database, { listen: () => begun++ });
    await connection.close();
    const late = await connection
      .listen(
        'channel',
        () => undefined,
        () => undefined,
      )
      .catch(String);
    expect([late, begun]).to.deep.equal(['FleetConnectionError: The fleet is closed', 0]);
  });

  it('tries again what was in a deadlock, which is no loss of the connection', async () => {
    const connection = make();
    const events: string[] = [];
    connection.events.stream.subscribe(({ type }) => events.push(type));
    expect(await connection.patiently(failing('40P01'))).to.equal(2);
    expect(events).to.deep.equal([]);
  });

  it('does not take an answer from before a cancel for a resume', async () => {
    const answers: ((reason: string | null) => void)[] = [];
    const connection = make(
      () =>
        new Promise((resolve) => {
          answers.push((reason) => resolve({ rows: [{ reason, by: 'me', at: 0 }] }));
        }),
    );
    const row = new FleetRow(connection, {} as unknown as Channel<Call>);
    const master = new MasterCancel(connection, row);
    const looks = [row.look(), row.look()];
    answers[1]?.('a bad deploy');
    await looks[1];
    answers[0]?.(null);
    await looks[0];
    expect(master.context.cancelled).to.equal(true);
  });

  it('does not take an answer from before a call for nobody following', async () => {
    let answer: (row: object) => void = () => undefined;
    const told: unknown[] = [];
    const boss = {
      on: () => undefined,
      getDb: () => ({
        executeSql: (sql: string, [channel]: unknown[]) => {
          if (sql.includes('pg_notify')) return Promise.resolve({ rows: [told.push(channel)] });
          return new Promise((resolve) => (answer = (row) => resolve({ rows: [row] })));
        },
      }),
    } as unknown as PgBoss;
    const connection = new Connection(boss, 'schema', () => Promise.resolve());
    const calls = new Channel<Call>(connection, 'calls', isCall);
    const row = new FleetRow(connection, calls);
    const events = new JobEvents(connection, calls, row, 'me');
    events.tell('queue', 'job', { type: 'submitted' });
    await events.close();
    expect(told).to.deep.equal([]);
    const look = row.look();
    calls.send({ type: 'follow' });
    answer({ reason: null, followed: false });
    await look;
    events.tell('queue', 'job', { type: 'submitted' });
    await events.close();
    expect(told).to.deep.equal(['calls', 'schema$events']);
  });
});
