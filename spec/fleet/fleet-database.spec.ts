import { expect } from 'chai';
import { EMPTY, Subject } from 'rxjs';
import sinon from 'sinon';
import { withCancel } from '../../lib/context/context.js';
import { isPermissionError } from '../../lib/fleet/connection-errors.js';
import { affectedJobs, FleetDatabase } from '../../lib/fleet/fleet-database.js';
import { fakeConnection, fakeDatabase } from '../helpers/fake-database.js';

/** Returns an operation that fails once with a code, and then returns the number of its calls. */
function failingOnce(code: string) {
  let calls = 0;
  return () => (++calls > 1 ? Promise.resolve(calls) : Promise.reject(Object.assign(new Error('no'), { code })));
}

/** Collects the types of a database's events. */
function eventTypes(database: FleetDatabase): string[] {
  const types: string[] = [];
  database.events$.subscribe(({ type }) => types.push(type));
  return types;
}

describe("the fleet's database", () => {
  it('keeps no subscription of an ended retry', async () => {
    const database = fakeDatabase();
    eventTypes(database);
    await database.retry(failingOnce('ECONNRESET'));
    expect((database as unknown as { closing$: { observed: boolean } }).closing$.observed).to.equal(false);
  });

  it('retries after every error text of the driver for a lost or failed connection', async () => {
    for (const message of [
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
      const database = fakeDatabase();
      const events = eventTypes(database);
      let calls = 0;
      const operation = () => (++calls > 1 ? Promise.resolve('done') : Promise.reject(new Error(message)));
      expect(await database.retry(operation).catch(String)).to.equal('done', message);
      expect(events).to.deep.equal(['disconnected', 'reconnected']);
    }
  });

  it('reports an error of the maintenance of a queue, and does not throw it', async () => {
    const database = fakeDatabase();
    const degraded: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    Object.assign(database.boss, {
      supervise: () => Promise.reject(new Error('canceling statement due to lock timeout')),
    });
    await database.maintain('mails');
    expect(degraded).to.deep.equal(['The database refuses a statement: canceling statement due to lock timeout']);
  });

  it('retries after network errors', async () => {
    for (const code of ['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ECONNABORTED']) {
      const database = fakeDatabase();
      eventTypes(database);
      expect(await database.retry(failingOnce(code))).to.equal(2);
    }
  });

  it('does not retry what this process has refused itself, and no number is a SQLSTATE', async () => {
    for (const error of [new TypeError('no'), new RangeError('no')]) {
      const database = fakeDatabase();
      const events = eventTypes(database);
      expect(await database.retry(() => Promise.reject(error)).catch((reason: unknown) => reason)).to.equal(error);
      expect(events).to.deep.equal([]);
    }
    const database = fakeDatabase();
    const events = eventTypes(database);
    const numbered = Object.assign(new Error('no'), { code: 53300 });
    let calls = 0;
    await database.retry(() => (++calls > 1 ? Promise.resolve() : Promise.reject(numbered)));
    expect(events).to.deep.equal(['degraded', 'reconnected']);
    expect([isPermissionError({ code: '42501' }), isPermissionError({ code: '42P01' })]).to.deep.equal([true, false]);
  });

  it('retries after a deadlock without an event, because the connection is not lost', async () => {
    const database = fakeDatabase();
    const events = eventTypes(database);
    expect(await database.retry(failingOnce('40P01'))).to.equal(2);
    expect(events).to.deep.equal([]);
  });

  it('waits for its background operations at the close, and reports their errors before', async () => {
    const database = fakeDatabase();
    const degraded: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    database.runInBackground(Promise.reject(new Error('no')));
    await new Promise(setImmediate);
    expect(degraded).to.deep.equal(['The database refuses a statement: no']);
    let end = (): void => undefined;
    database.runInBackground(new Promise<void>((resolve) => (end = resolve)));
    let closed = false;
    const closing = database.close().then(() => (closed = true));
    await new Promise(setImmediate);
    expect(closed).to.equal(false);
    end();
    await closing;
  });

  it('reports an error of a poll, and polls again', async () => {
    const database = fakeDatabase();
    const degraded: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    const hints$ = new Subject<void>();
    let polls = 0;
    const polling = database.poll(60_000, hints$, () =>
      ++polls === 1 ? Promise.reject(new Error('no')) : Promise.resolve(),
    );
    hints$.next();
    await new Promise(setImmediate);
    hints$.next();
    polling.unsubscribe();
    expect([polls, degraded]).to.deep.equal([2, ['The database refuses a statement: no']]);
  });

  it('closes after what still needs it, and reports nothing that is refused in the meantime', async () => {
    const database = fakeDatabase();
    const events = eventTypes(database);
    const order: string[] = [];
    await database.close(() => {
      order.push('before');
      return Promise.resolve();
    });
    database.report(new Error('no'));
    expect([order, events]).to.deep.equal([['before'], []]);
  });

  it("reports the errors of pg-boss's own work", () => {
    let onError: (error: unknown) => void = () => undefined;
    const on = (name: string, listener: typeof onError) => {
      if (name === 'error') onError = listener;
    };
    const boss = Object.assign(fakeDatabase().boss, { on });
    const database = new FleetDatabase(boss, 'schema', fakeConnection);
    const messages: string[] = [];
    database.events$.subscribe((event) => event.type === 'disconnected' && messages.push(event.error.message));
    onError(new Error('Connection terminated'));
    expect(messages).to.deep.equal(['The database is unreachable: Connection terminated']);
  });

  it('sends a statement without values as such', async () => {
    const sent: unknown[] = [];
    const database = fakeDatabase((sql, values) => {
      sent.push([sql, values]);
      return Promise.resolve({ rows: [] });
    });
    await database.query('select 1');
    expect(sent).to.deep.equal([['select 1', []]]);
  });

  it('starts no listener once its close has begun', async () => {
    let listeners = 0;
    const database = fakeDatabase(undefined, () => listeners++);
    await database.close();
    const ignore = () => undefined;
    const error = await database.listen('channel', ignore, ignore).catch(String);
    expect([error, listeners]).to.deep.equal(['FleetConnectionError: The fleet is closed', 0]);
  });

  it('ends its listeners at its close, but for those that could not begin', async () => {
    const closed: string[] = [];
    const listeners = [
      () => Promise.reject(new TypeError('no')),
      () => Promise.resolve({ close: () => Promise.resolve(void closed.push('a')) }),
      () => Promise.resolve(undefined),
      () => Promise.resolve({ close: () => Promise.resolve(void closed.push('b')) }),
    ];
    const database = fakeDatabase(undefined, () => listeners.shift()?.());
    const ignore = () => undefined;
    const results = [];
    for (let n = 0; n < 4; n++) results.push(await database.listen('channel', ignore, ignore).catch(String));
    expect([results, closed]).to.deep.equal([['TypeError: no', undefined, undefined, undefined], []]);
    await database.close();
    expect(closed).to.deep.equal(['a', 'b']);
  });

  it('does not report an answer that comes after the begin of its close', async () => {
    const database = fakeDatabase();
    const events = eventTypes(database);
    database.report(Object.assign(new Error('no'), { code: 'ECONNRESET' }));
    let answer: (value: string) => void = () => undefined;
    const answered = database.retry(() => new Promise<string>((resolve) => (answer = resolve)));
    const closing = database.close();
    answer('late');
    expect([await answered, events]).to.deep.equal(['late', ['disconnected']]);
    await closing;
  });

  it('reads which jobs pg-boss has changed', () => {
    const responses = [{ settled: ['a'] }, { settled: null }, {}];
    expect(responses.map(affectedJobs)).to.deep.equal([['a'], [], []]);
  });

  describe('in virtual time', () => {
    let clock: sinon.SinonFakeTimers;
    beforeEach(() => (clock = sinon.useFakeTimers()));
    afterEach(() => clock.restore());

    it('sends an unanswered statement again, so that a silently cut connection does not block a poll', async () => {
      let queries = 0;
      const never = new Promise<never>(() => undefined);
      const database = fakeDatabase(() => (++queries > 1 ? Promise.resolve({ rows: [queries] }) : never));
      const events = eventTypes(database);
      const answers: unknown[] = [];
      const poll = async () => void answers.push(...(await database.queryWithRetry('select')));
      const polling = database.poll(1000, EMPTY, poll);
      await clock.tickAsync(5999);
      expect([queries, events]).to.deep.equal([1, []]);
      await clock.tickAsync(200);
      expect([answers, events]).to.deep.equal([[2], ['disconnected', 'reconnected']]);
      await clock.tickAsync(2000);
      expect(answers).to.deep.equal([2, 3, 4]);
      polling.unsubscribe();
      await database.close();
      expect(clock.countTimers()).to.equal(0);
    });

    it('waits twice as long before each retry, up to 5 s, and a half more or less', async () => {
      for (const [random, factor] of [
        [0.5, 1],
        [0, 0.5],
      ] as const) {
        const chance = sinon.stub(Math, 'random').returns(random);
        const database = fakeDatabase();
        eventTypes(database);
        const [startedAt, tries] = [Date.now(), [] as number[]];
        const operation = () => {
          tries.push((Date.now() - startedAt) / factor);
          return Promise.reject(new Error('timeout expired'));
        };
        const result = database.retry(operation, 16_300 * factor).catch(String);
        await clock.tickAsync(20_000);
        chance.restore();
        expect(tries).to.deep.equal([0, 100, 300, 700, 1500, 3100, 6300, 11_300, 16_300]);
        expect(await result).to.equal('Error: timeout expired');
      }
    });

    it('keeps a degradation for the first listener, and writes it on the console without one', async () => {
      const database = fakeDatabase();
      const written = sinon.stub(console, 'warn');
      try {
        database.onDegraded('slow');
        await clock.tickAsync(1999);
        const events: unknown[] = [];
        database.events$.subscribe((event) => events.push(event.type === 'degraded' && event.what)).unsubscribe();
        database.events$.subscribe((event) => events.push(event)).unsubscribe();
        await clock.tickAsync(10_000);
        expect([events, written.args]).to.deep.equal([['slow'], []]);
        database.onDegraded('slower\u001b[2J\nthan before');
        await clock.tickAsync(2000);
        expect(written.args).to.deep.equal([['The fleet is degraded: slower than before']]);
        database.onDegraded('slowest');
        await database.close();
        await clock.tickAsync(2000);
        expect(written.args.length).to.equal(1);
      } finally {
        written.restore();
      }
    });

    it('keeps up to 20 degradations apart', () => {
      const database = fakeDatabase();
      const degraded: string[] = [];
      database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
      const whats = Array.from({ length: 20 }, (_, n) => `slow ${n}`);
      for (const what of [...whats, 'slow 0', 'slow 1', 'slow 1']) database.onDegraded(what);
      expect(degraded).to.deep.equal([...whats, 'slow 1']);
    });

    it('polls each second while messages do not arrive', async () => {
      const connection = { ...fakeConnection, deaf: false };
      const database = new FleetDatabase(fakeDatabase().boss, 'schema', connection);
      database.events$.subscribe();
      let polls = 0;
      const polling = database.poll(5000, EMPTY, () => {
        polls++;
        return Promise.resolve();
      });
      await clock.tickAsync(2000);
      connection.deaf = true;
      const degraded: string[] = [];
      database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
      database.onDeaf();
      expect(degraded).to.deep.equal([
        'messages do not arrive, as through a connection pooler. Results, cancels and jobs are found by polling each ' +
          'second. The option `listenUrl` may lead past the pooler',
      ]);
      await clock.tickAsync(3000);
      expect(polls).to.equal(4);
      connection.deaf = false;
      await clock.tickAsync(11_000);
      expect(polls).to.equal(7);
      polling.unsubscribe();
      expect(clock.countTimers()).to.equal(0);
    });

    it('closes within 4 s although what is still to be done does not end', async () => {
      for (const isRetried of [false, true]) {
        const { boss } = fakeDatabase();
        let cut = (): void => undefined;
        const isCut = new Promise<void>((resolve) => (cut = resolve));
        const database = new FleetDatabase(boss, 'schema', { deaf: false, close: () => isCut, abandon: cut });
        eventTypes(database);
        const before = () => (isRetried ? database.retry(() => Promise.reject(new Error('timeout expired'))) : isCut);
        let closed = false;
        void database
          .close(before)
          .catch(() => undefined)
          .finally(() => (closed = true));
        await clock.tickAsync(3999);
        expect(closed).to.equal(false);
        await clock.tickAsync(1);
        expect(closed).to.equal(true);
        expect(clock.countTimers()).to.equal(0);
      }
    });

    it('accepts the first answer of all tries when each try takes longer than its timeout', async () => {
      let queries = 0;
      const database = fakeDatabase(() => {
        const query = ++queries;
        return new Promise((resolve) => setTimeout(resolve, 6000, { rows: [query] }));
      });
      const answer = database.queryWithRetry('select');
      await clock.tickAsync(6000);
      expect([await answer, queries]).to.deep.equal([[1], 2]);
    });
  });

  /** Each SQLSTATE that a server may answer, and what it means for the same statement later. */
  const states: Readonly<Record<string, string>> = {
    ...of('waited out', '08000 08006 08P01 53300 57P01 57P02 57P03 57P04'),
    ...of('retried', '40001 40P01'),
    ...of('degraded', '0A000 25006 25P03 26000 28000 28P01 3D000 42501 53000 53100 53200 53400 55P03 57014 58030'),
    ...of('degraded', 'F0000 HV000 P0001 XX000 XX002'),
    ...of('missing', '3F000 42P01 42703 42883 42601 42804'),
    ...of('refused', '21000 22001 22003 22021 22P02 22P05 23502 23505 54000 54001'),
  };

  function of(meaning: string, codes: string): Record<string, string> {
    return Object.fromEntries(codes.split(' ').map((code) => [code, meaning]));
  }

  it('waits for the end of every error of the server, except one that no waiting mends', async () => {
    const found: Record<string, string> = {};
    for (const code of Object.keys(states)) {
      const database = new FleetDatabase(fakeDatabase().boss, 'schema', fakeConnection, 0);
      const events = eventTypes(database);
      const result = await database.retry(failingOnce(code)).catch(() => 'thrown');
      if (result === 'thrown') {
        // A missing table is waited for, if there is time.
        const patient = new FleetDatabase(database.boss, 'schema', fakeConnection);
        patient.events$.subscribe();
        found[code] = (await patient.retry(failingOnce(code)).catch(() => 0)) === 2 ? 'missing' : 'refused';
      } else found[code] = { '': 'retried', disconnected: 'waited out' }[events[0] ?? ''] ?? events[0] ?? '';
    }
    expect(found).to.deep.equal(states);
  });

  it('waits for the end of the refusal of a value, if the statement has none of the application', async () => {
    const database = fakeDatabase();
    const events = eventTypes(database);
    expect(await database.retry(failingOnce('54000'), undefined, undefined, false)).to.equal(2);
    let calls = 0;
    const refused = Object.assign(new Error('no'), { code: '22P05' });
    const answered = fakeDatabase(() => (++calls > 1 ? Promise.resolve({ rows: [] }) : Promise.reject(refused)));
    eventTypes(answered);
    expect(await answered.queryWithRetry('select')).to.deep.equal([]);
    calls = 0;
    expect(await answered.queryWithRetry('select $1', ['a']).catch((error: unknown) => error)).to.equal(refused);
    expect(events).to.deep.equal(['degraded', 'reconnected']);
  });

  it('reports an error that comes again and again once, until the operation succeeds', async () => {
    const database = fakeDatabase();
    const events: unknown[] = [];
    database.events$.subscribe(({ type, ...event }) => events.push('what' in event ? event.what : type));
    let calls = 0;
    const readOnly = Object.assign(new Error('cannot execute UPDATE in a read-only transaction'), { code: '25006' });
    await database.retry(() => (++calls < 3 ? Promise.reject(readOnly) : Promise.resolve()));
    await database.retry(() => Promise.resolve());
    expect(events).to.deep.equal([`The database refuses a statement: ${readOnly.message}`, 'reconnected']);
  });

  it('reports no reconnection when something else remains degraded', async () => {
    const database = fakeDatabase();
    const events: unknown[] = [];
    database.events$.subscribe(({ type, ...event }) => events.push('what' in event ? event.what : type));
    database.onDegraded('messages do not arrive');
    let calls = 0;
    await database.retry(() => (++calls < 2 ? Promise.reject(new Error('deadlock')) : Promise.resolve()));
    database.onDegraded('messages do not arrive');
    await database.retry(() =>
      ++calls < 4 ? Promise.reject(Object.assign(new Error('deadlock'), { code: '40P01' })) : Promise.resolve(),
    );
    expect(events).to.deep.equal([
      'messages do not arrive',
      'The database refuses a statement: deadlock',
      'reconnected',
    ]);
  });

  it('reports a refusal once while it lasts, also if the connection is lost in the meantime', async () => {
    const database = fakeDatabase();
    const events = eventTypes(database);
    const refused = Object.assign(new Error('no'), { code: '53100' });
    database.report(refused);
    database.report(new Error('Connection terminated'));
    await database.retry(() => Promise.resolve());
    database.report(refused);
    expect(events).to.deep.equal(['degraded', 'disconnected', 'reconnected']);
  });

  it('writes on the console that the connection is lost, if its events have no listener', () => {
    const written = sinon.stub(console, 'error');
    try {
      fakeDatabase().report(new Error('Connection terminated'));
      const followed = fakeDatabase();
      eventTypes(followed);
      followed.report(new Error('Connection terminated'));
      expect(written.args.map(([error]) => String(error))).to.deep.equal([
        'FleetConnectionError: The database is unreachable: Connection terminated',
      ]);
    } finally {
      written.restore();
    }
  });

  it('ends its retries at the cancel of the context that they are for', async () => {
    const database = fakeDatabase();
    eventTypes(database);
    const [ctx, cancel] = withCancel();
    const retries = database.retry(
      () => {
        cancel();
        return Promise.reject(new Error('timeout expired'));
      },
      undefined,
      ctx,
    );
    expect(await retries.catch(String)).to.equal('Error: timeout expired');
  });
});
