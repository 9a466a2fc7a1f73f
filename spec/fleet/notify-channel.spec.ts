import { expect } from 'chai';
import { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';

interface Message {
  readonly text: string;
}

describe('A channel of messages', () => {
  /** Two processes on one channel. */
  function connect() {
    const payloads: string[] = [];
    const receivers: ((payload: string) => void)[] = [];
    const missed: (() => void)[] = [];
    const listen = (_: string, onMessage: (payload: string) => void, onMissed: () => void) => {
      receivers.push(onMessage);
      missed.push(onMissed);
    };
    const database = fakeDatabase(
      (_, [channel, sent]) => {
        expect(channel).to.equal('c');
        payloads.push(...(sent as string[]));
        for (const payload of sent as string[]) for (const receive of receivers) receive(payload);
        return Promise.resolve({ rows: [] });
      },
      listen as () => unknown,
    );
    const open = () => new NotifyChannel<Message>(database, 'c', (value) => value as Message);
    const receive = (payload: string) => {
      for (const receiver of receivers) receiver(payload);
    };
    return { payloads, missed, receive, channels: [open(), open()] as const };
  }

  it('delivers each message once to every process, in order, in as few notifications as possible', async () => {
    const { payloads, channels } = connect();
    const received: string[][] = [[], []];
    const remote: string[][] = [[], []];
    for (const [index, channel] of channels.entries()) {
      await channel.listen();
      channel.messages$.subscribe(({ text }) => received[index]?.push(text));
      channel.remote$.subscribe(({ text }) => remote[index]?.push(text));
    }
    const texts = [...['a', 'b', 'c'], 'x'.repeat(3000), 'y'.repeat(4000), 'ü'.repeat(3000), 'z'.repeat(100), 'end'];
    for (const text of texts) channels[0].send({ text });
    await channels[0].flush();
    expect(received).to.deep.equal([texts, texts]);
    expect(remote).to.deep.equal([[], texts]);
    expect(payloads.map((payload) => payload.split('},{').length)).to.deep.equal([5, 3]);
  });

  it('fills a notification up to the limit of PostgreSQL, and no further', async () => {
    const { payloads, channels } = connect();
    await channels[1].listen();
    const received: string[] = [];
    channels[1].messages$.subscribe(({ text }) => received.push(text));
    const frame = JSON.stringify({ text: '' }).length;
    const texts: string[] = [];
    for (const length of [7900, 7899]) {
      // Two messages and the comma between them have 7900 bytes in the first case, and 7901 in the second.
      texts.push('a'.repeat(100), 'b'.repeat(length - 100 - 1 - 2 * frame), 'c');
    }
    texts.push(...Array.from({ length: 1000 }, (_, index) => String(index)));
    for (const text of texts) channels[0].send({ text });
    await channels[0].flush();
    expect(received).to.deep.equal(texts);
    expect(Math.max(...payloads.map((payload) => Buffer.byteLength(payload)))).to.equal(7900 + 8);
  });

  it('emits when messages may have been missed', async () => {
    const { missed, channels } = connect();
    await channels[0].listen();
    await channels[0].listen();
    let gaps = 0;
    channels[0].missed$.subscribe(() => gaps++);
    for (const onMissed of missed) onMissed();
    expect(gaps).to.equal(1);
  });

  it('sends a message in a transaction to every process, also to this one', async () => {
    const { channels } = connect();
    const received: string[] = [];
    for (const channel of channels) {
      await channel.listen();
      channel.messages$.subscribe(({ text }) => received.push(text));
    }
    const calls: [string, unknown[]][] = [];
    const client = { query: (...call: [string, unknown[]]) => Promise.resolve((calls.push(call), { rows: [] })) };
    await channels[0].sendWithin(client, { text: 'a' });
    expect([received, calls]).to.deep.equal([[], [['select from pg_notify($1, $2)', ['c', '--------{"text":"a"}']]]]);
  });

  it('has a payload of its messages for the statement of another, unless they are too many or none', async () => {
    const { receive, channels } = connect();
    const received: string[][] = [[], []];
    for (const [index, channel] of channels.entries()) {
      await channel.listen();
      channel.messages$.subscribe(({ text }) => received[index]?.push(text));
    }
    receive(channels[0].payloadOf([{ text: 'a' }, { text: 'b' }]) ?? '');
    expect(received).to.deep.equal([[], ['a', 'b']]);
    expect(channels[0].payloadOf([])).to.equal(undefined);
    expect(channels[0].payloadOf(['x', 'y'].map((text) => ({ text: text.repeat(4000) })))).to.equal(undefined);
  });

  it('ignores what is no list of JSON', async () => {
    const { receive, channels } = connect();
    await channels[0].listen();
    const received: unknown[] = [];
    channels[0].messages$.subscribe((message) => received.push(message));
    for (const payload of ['other---{', 'other---', '']) receive(payload);
    expect(received).to.deep.equal([]);
  });

  it('tries to listen again after it could not', async () => {
    const errors = [new TypeError('no')];
    let listening = 0;
    const listen = () => {
      const error = errors.shift();
      if (error) throw error;
      listening++;
    };
    const channel = new NotifyChannel<Message>(fakeDatabase(undefined, listen), 'c', () => undefined);
    expect(await rejectionOf(channel.listen())).to.be.instanceOf(TypeError);
    await Promise.all([channel.listen(), channel.listen()]);
    expect(listening).to.equal(1);
  });

  it('reports a message that cannot be sent', async () => {
    const database = fakeDatabase(() => Promise.reject(new Error('read-only')));
    const degraded: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    const channel = new NotifyChannel<Message>(database, 'c', () => undefined);
    channel.send({ text: 'a' });
    await channel.flush();
    expect(degraded).to.deep.equal(['The database refuses a statement: read-only']);
  });
});
