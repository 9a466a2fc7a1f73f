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
});
