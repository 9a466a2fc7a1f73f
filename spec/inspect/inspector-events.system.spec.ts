import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import { NEVER, Subject } from 'rxjs';
import { cron, supervise, task } from '../../lib/index.js';
import type { AppState } from '../../lib/inspect/index.js';
import type { RecordedEvent } from '../../lib/recording/types.js';
import { httpRequest, openResponse, serverSentEvents, type ServerSentEvent } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';

interface Received {
  /** The server-sent events. */
  readonly messages: ServerSentEvent[];
  /** The application's events in them. */
  readonly events: RecordedEvent[];
}

async function receiveUntil(
  stream: AsyncGenerator<ServerSentEvent>,
  isEnough: (received: Received) => boolean,
): Promise<Received> {
  const received: Received = { messages: [], events: [] };
  for await (const message of stream) {
    received.messages.push(message);
    if (message.event === 'events') received.events.push(...(message.data as RecordedEvent[]));
    if (isEnough(received)) return received;
  }
  throw new Error(`The stream ended with ${JSON.stringify(received.messages)}`);
}

const untilCancelled = (name: string) => task(name, () => NEVER);

describe('The events of an inspector', () => {
  const inspected = inspectedApps();
  const stateAt = async (url: string) => JSON.parse((await httpRequest(`${url}snapshot`)).body) as AppState;
  /** Polls until the server accepts a client for its events again. */
  const acceptsClient = async (url: string) => {
    const response = await openResponse(`${url}events`);
    response.destroy();
    return response.statusCode === 200;
  };

  it('begin with the past ones and continue as they happen', async () => {
    const results$ = new Subject<number>();
    const { url } = await inspected([task('a', () => results$), untilCancelled('b')]);
    const stream = serverSentEvents(await openResponse(`${url}events`));
    const past = await receiveUntil(stream, ({ events }) => events.some((event) => event.task === 'inspector'));
    expect(past.events.map((event) => `${event.task} ${event.type}`)).to.deep.equal([
      'a ready',
      'b ready',
      'inspector ready',
    ]);
    await stream.return(undefined);
    const second = serverSentEvents(await openResponse(`${url}events`));
    const untilDone = receiveUntil(second, ({ events }) => events.some(({ type }) => type === 'done'));
    results$.complete();
    expect((await untilDone).events.at(-1)).to.deep.include({ task: 'a', type: 'done' });
    await second.return(undefined);
  });

  it('continue after the last id of a client, and start again with another run of the application', async () => {
    const { url } = await inspected([untilCancelled('a')]);
    const first = serverSentEvents(await openResponse(`${url}events`));
    const { messages } = await receiveUntil(first, ({ events }) => events.length === 2);
    await first.return(undefined);
    const id = messages[0]?.id ?? '';
    expect(id).to.match(/^[\da-f]{12}:1$/);
    const { messages: rest } = await receiveUntil(
      serverSentEvents(await openResponse(`${url}events`, { 'last-event-id': id.replace(/1$/, '0') })),
      () => true,
    );
    expect(rest).to.have.length(1);
    expect((rest[0]?.data as RecordedEvent[]).map((event) => event.task)).to.deep.equal(['inspector']);
    const inQuery = await receiveUntil(
      serverSentEvents(await openResponse(`${url}events?lastEventId=${encodeURIComponent(id.replace(/1$/, '0'))}`)),
      () => true,
    );
    expect(inQuery.messages).to.deep.equal(rest);
    for (const foreignId of ['aaaaaaaaaaaa:1', id.replace(/1$/, '99'), 'nonsense', `${id}x`]) {
      const { messages: all } = await receiveUntil(
        serverSentEvents(await openResponse(`${url}events`, { 'last-event-id': foreignId })),
        (received) => received.messages.length === 2,
      );
      expect(
        all.map(({ event, data }) => [event, Array.isArray(data) ? data.length : data]),
        foreignId,
      ).to.deep.equal([
        ['reset', {}],
        ['events', 2],
      ]);
    }
  });

  it('begin with the number of missed events for a client whose next one was dropped', async () => {
    const often = cron(
      task('often', () => 1),
      1,
      { maxRuns: 20 },
    );
    const { url } = await inspected([often], {}, { history: 10 });
    await waitUntil(async () => (await stateAt(url)).tasks[1]?.status === 'done');
    const { boot } = await stateAt(url);
    const { messages } = await receiveUntil(
      serverSentEvents(await openResponse(`${url}events`, { 'last-event-id': `${boot}:0` })),
      (received) => received.messages.length === 2,
    );
    expect(messages[0]?.event).to.equal('gap');
    expect((messages[0]?.data as { missed: number }).missed).to.be.greaterThan(5);
    expect(messages[1]?.data).to.have.length(10);
  });

  it('end with a message after the last event of the application', async () => {
    const finalized$ = new Subject<void>();
    const { app, url } = await inspected([task('slow', { execute: () => NEVER, finalize: () => finalized$ })]);
    const stream = serverSentEvents(await openResponse(`${url}events`));
    const all = receiveUntil(stream, ({ messages }) => messages.at(-1)?.event === 'end');
    const report = app.stop();
    finalized$.complete();
    await report;
    expect((await all).events.slice(-6).map(({ type, task: name }) => `${name ?? ''} ${type}`.trim())).to.deep.equal([
      'cancelled',
      'inspector cancelling',
      'slow cancelling',
      'slow finalizing',
      'slow done',
      'inspector finalizing',
    ]);
  });

  it('do not accumulate for clients that read nothing', async () => {
    const worker = supervise(
      task('worker', () => {
        throw new Error('x'.repeat(1900));
      }),
      { backoff: { initial: 0, jitter: 0 }, maxRestarts: 1e9 },
    );
    const { url } = await inspected([worker], {}, { history: 200 });
    const restarts = async () => (await stateAt(url)).tasks[1]?.restarts ?? 0;
    const { port } = new URL(url);
    const sockets = Array.from({ length: 8 }, () => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n');
      return socket.pause();
    });
    // The buffers of the sockets are full by then.
    await waitUntil(async () => (await restarts()) > 1000);
    global.gc?.();
    const before = process.memoryUsage();
    const first = await restarts();
    await waitUntil(async () => (await restarts()) > first + 3000);
    global.gc?.();
    const after = process.memoryUsage();
    for (const socket of sockets) socket.destroy();
    const growth = after.heapUsed + after.external - before.heapUsed - before.external;
    // Queues for 8 clients would need more than 45 MB.
    expect(growth).to.be.lessThan(12 * 2 ** 20);
  });

  it('are for 128 clients at once, and for others when these have left', async () => {
    const { url } = await inspected([untilCancelled('a')]);
    const responses = await Promise.all(Array.from({ length: 128 }, () => openResponse(`${url}events`)));
    for (const { headers } of responses)
      expect(headers).to.include({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    const { status, body } = await httpRequest(`${url}events`);
    expect([status, body]).to.deep.equal([503, '{"error":"Too many clients read /events"}\n']);
    for (const response of responses) response.destroy();
    await waitUntil(() => acceptsClient(url));
  });

  it('are not for requests that wait behind another on one connection, because these would never close', async () => {
    const { url } = await inspected([untilCancelled('a')]);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(200));
    await once(socket, 'data');
    socket.destroy();
    await waitUntil(() => acceptsClient(url));
  });
});
