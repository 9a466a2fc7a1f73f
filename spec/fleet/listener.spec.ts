import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import type { Client } from 'pg';
import sinon from 'sinon';
import { Listener } from '../../lib/fleet/listener.js';

/** A client whose statements are answered at once, over a connection that leads to the server itself. */
class FakeClient extends EventEmitter {
  readonly processID = 7;
  readonly statements: string[] = [];
  ended = false;

  connect(): Promise<void> {
    return Promise.resolve();
  }

  query(sql: string): Promise<{ rows: object[] }> {
    this.statements.push(sql);
    return Promise.resolve({ rows: [{ pid: this.processID }] });
  }

  end(): Promise<void> {
    this.ended = true;
    return Promise.resolve();
  }
}

describe('the listener of a fleet', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  it('keeps one connection if a new channel connects before the retry after a loss', async () => {
    const clients: FakeClient[] = [];
    const errors: Error[] = [];
    const listener = new Listener({
      createClient: () => clients[clients.push(new FakeClient()) - 1] as unknown as Client,
      notify: () => Promise.resolve(),
      onError: (error) => errors.push(error),
      onSilence: () => undefined,
      onDeaf: () => undefined,
    });
    const listen = (name: string) =>
      listener.listen(
        name,
        () => undefined,
        () => undefined,
      );
    await listen('first');
    clients[0]?.emit('error', new Error('lost'));
    await clock.tickAsync(0);
    expect(errors.map(({ message }) => message)).to.deep.equal(['lost']);
    await listen('second');
    await clock.tickAsync(10_000);
    expect(clients.map(({ ended }) => ended)).to.deep.equal([true, false]);
    expect(clients[1]?.statements.slice(0, 2)).to.deep.equal(['listen "first"', 'listen "second"']);
    // It still checks its connection.
    expect(clients[1]?.statements).to.include('select 1');
    await listener.close();
    expect(clients.map(({ ended }) => ended)).to.deep.equal([true, true]);
  });

  it('replaces a connection that does not answer, and says that the server is silent', async () => {
    const [silent, working] = [new FakeClient(), new FakeClient()];
    const calls: string[] = [];
    const clients = [silent, working];
    const listener = new Listener({
      createClient: () => clients.shift() as unknown as Client,
      notify: () => Promise.resolve(),
      onError: ({ message }) => calls.push(message),
      onSilence: () => calls.push('silence'),
      onDeaf: () => undefined,
    });
    await listener.listen(
      'jobs',
      () => undefined,
      () => calls.push('missed'),
    );
    await clock.tickAsync(9000);
    silent.query = () => new Promise(() => undefined);
    await clock.tickAsync(5999);
    expect(calls.splice(0)).to.deep.equal(['missed']);
    await clock.tickAsync(1000);
    expect(calls).to.deep.equal(['silence', 'The database did not answer within 5000 ms', 'missed']);
    expect([silent.ended, working.statements[0]]).to.deep.equal([true, 'listen "jobs"']);
    await listener.close();
  });
});
