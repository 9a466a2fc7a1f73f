import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import sinon, { type SinonFakeTimers } from 'sinon';
import { EventLog } from '../../lib/inspect/server/event-log.js';
import { SseClients } from '../../lib/inspect/server/sse-clients.js';

/** The end of a connection that stores what a client would read. */
class Connection extends EventEmitter {
  text = '';
  isFull = false;
  destroyed = false;

  write(text: string): boolean {
    this.text += text;
    return !this.isFull;
  }

  end(text: string): void {
    this.text += text;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }

  /** Returns what was written since the last call. */
  read(): string {
    const { text } = this;
    this.text = '';
    return text;
  }

  /** Reads all that waits, as a slow client does at last. */
  drain(): void {
    this.isFull = false;
    this.emit('drain');
  }
}

describe('The clients of an event log', () => {
  let clock: SinonFakeTimers;
  let log: EventLog;
  let clients: SseClients;

  beforeEach(() => {
    clock = sinon.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    });
    log = new EventLog(3);
    clients = new SseClients(log, 'abc');
  });
  afterEach(() => clock.restore());

  function open(lastId?: string): Connection {
    const connection = new Connection();
    clients.add(connection as unknown as ServerResponse, lastId);
    return connection;
  }

  function emit(...times: number[]): void {
    for (const at of times) {
      log.add({ type: 'ready', at });
      clients.scheduleFlush();
    }
  }

  /** Returns the message with the events of some times. */
  const events = (id: number, ...times: number[]) =>
    `id: abc:${id}\nevent: events\ndata: [${times.map((at) => `{"type":"ready","at":${at}}`).join()}]\n\n`;

  it('get the past events at once, and new ones together after 50 ms', () => {
    emit(1);
    const connection = open();
    expect(connection.read()).to.equal(`retry: 1000\n\n${events(0, 1)}`);
    emit(2, 3);
    clock.tick(49);
    expect(connection.read()).to.equal('');
    clock.tick(1);
    expect(connection.read()).to.equal(events(2, 2, 3));
    emit(4);
    clock.tick(50);
    expect(connection.read()).to.equal(events(3, 4));
  });

  it('continue after the last event that they have read, if it is one of this log', () => {
    emit(1, 2);
    expect(open('abc:0').read()).to.equal(`retry: 1000\n\n${events(1, 2)}`);
    expect(open('abc:1').read()).to.equal('retry: 1000\n\n');
    for (const id of ['abc:2', 'xyz:0', 'abc', 'abc:', 'abc:0x', 'abc:x0', 'abc:-1', 'abc:0x1'])
      expect(open(id).read(), id).to.equal(`retry: 1000\nevent: reset\ndata: {}\n\n${events(1, 1, 2)}`);
  });

  it('continue after an event whose number has two digits', () => {
    emit(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    expect(open('abc:10').read()).to.equal(`retry: 1000\n\n${events(11, 12)}`);
  });

  it('get a comment every 15 s, so that proxies keep their connections open', () => {
    const connections = [open(), open()];
    for (const connection of connections) connection.read();
    clock.tick(14_999);
    expect(connections.map((connection) => connection.read())).to.deep.equal(['', '']);
    clock.tick(1);
    expect(connections.map((connection) => connection.read())).to.deep.equal([':\n\n', ':\n\n']);
  });

  it('get nothing while they do not read, and then the number of events that they have missed', () => {
    const connection = open();
    connection.read();
    connection.isFull = true;
    emit(1);
    clock.tick(50);
    expect(connection.read()).to.equal(events(0, 1));
    emit(2, 3, 4, 5, 6);
    clock.tick(15_000);
    expect(connection.read()).to.equal('');
    connection.drain();
    expect(connection.read()).to.equal(`event: gap\ndata: {"missed":2}\n\n${events(5, 4, 5, 6)}`);
  });

  it('are disconnected when they have read nothing for more than 30 s', () => {
    const [stalled, slow] = [open(), open()];
    stalled.isFull = slow.isFull = true;
    emit(1);
    clock.tick(20_000);
    slow.drain();
    slow.isFull = true;
    emit(2);
    clock.tick(10_050);
    expect([stalled.destroyed, slow.destroyed]).to.deep.equal([false, false]);
    clock.tick(15_000);
    expect([stalled.destroyed, slow.destroyed]).to.deep.equal([true, false]);
    clock.tick(15_000);
    expect(slow.destroyed).to.equal(true);
  });

  it('are at most 128, and leave no timers when they have left', () => {
    const connections = Array.from({ length: 127 }, () => open());
    expect(clients.isFull).to.equal(false);
    connections.push(open());
    expect(clients.isFull).to.equal(true);
    emit(1);
    expect(clock.countTimers()).to.equal(2);
    for (const connection of connections.splice(1)) connection.destroy();
    expect([clients.isFull, clock.countTimers()]).to.deep.equal([false, 2]);
    connections[0]?.destroy();
    expect(clock.countTimers()).to.equal(0);
    emit(2);
    expect(clock.countTimers()).to.equal(0);
    // The next client gets heartbeats again.
    const next = open();
    next.read();
    clock.tick(15_000);
    expect(next.read()).to.equal(':\n\n');
  });

  it('get the last events and a message at the end', () => {
    const [first, second] = [open(), open()];
    emit(1);
    first.read();
    clients.end();
    expect(first.read()).to.equal(`${events(0, 1)}event: end\ndata: {}\n\n`);
    expect(second.read()).to.match(/event: end\ndata: \{\}\n\n$/);
    expect(clock.countTimers()).to.equal(0);
  });
});
