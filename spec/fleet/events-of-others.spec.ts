import { expect } from 'chai';
import sinon from 'sinon';
import { parseControlMessage, type ControlMessage } from '../../lib/fleet/control-message.js';
import { JobEventChannel } from '../../lib/fleet/job-event-channel.js';
import { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import type { JobEvent } from '../../lib/fleet/queue-types.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';

const [a, b] = ['a', 'b'].map((letter) => `9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a1${letter}`);
const started = { type: 'started', job: a, attempt: 1 };

describe('The events of jobs in other processes', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** A process whose database has the jobs `a`, which has completed, and `b`, which runs. */
  function connect({
    onProgress = () => [] as object[],
    onFollow = () => Promise.resolve(),
    listen = () => undefined,
  } = {}) {
    const reads: unknown[] = [];
    const rows = [
      { queue: 'q', id: a, state: 'completed', retryCount: 0, output: { value: 7 } },
      { queue: 'q', id: b, state: 'active', retryCount: 1, output: null },
    ];
    let receive: (payload: string) => void = () => undefined;
    let miss: () => void = () => undefined;
    const database = fakeDatabase(
      async (sql, values) => {
        if (sql.includes('read_jobs')) reads.push(['jobs', values[1], values[2]]);
        if (sql.includes('read_jobs')) return { rows };
        if (sql.includes('.progress')) reads.push(['progress', values[1]]);
        if (sql.includes('.progress')) return { rows: onProgress() };
        if (sql.includes('followed_until = ')) await onFollow();
        return { rows: [{ reason: null, pauses: [], followed: false }] };
      },
      ((_: string, ...calls: [typeof receive, typeof miss]) => {
        listen();
        [receive, miss] = calls;
      }) as () => unknown,
    );
    const degraded: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    const control = new NotifyChannel<ControlMessage>(database, 'control', parseControlMessage);
    const events = new JobEventChannel(database, control, new StatusPoller(database, control), 'me');
    const send = async (...messages: object[]) => {
      const texts = messages.map((message) => JSON.stringify({ queue: 'q', at: 1, by: 'other', ...message }));
      receive(`another-${texts.join()}`);
      await clock.tickAsync(0);
    };
    return { events, reads, degraded, send, miss: () => miss() };
  }

  it('are read from the jobs, those of one turn with one statement, while a subscriber follows', async () => {
    const { events, reads, send } = connect({
      onProgress: () => [{ queue: 'q', job: b, attempt: 1, value: 0.5 }],
    });
    await events.listen();
    const messages: unknown[] = [];
    events.messages$.subscribe(({ type }) => messages.push(type));
    await send(started);
    expect([messages, reads]).to.deep.equal([['started'], []]);
    const received: JobEvent[] = [];
    const subscription = events.all$.subscribe((event) => received.push(event));
    const progress = { type: 'progress', job: b, attempt: 1 };
    await send({ type: 'submitted', job: a }, progress, { type: 'completed', job: a, attempt: 1 }, progress);
    await send(started);
    subscription.unsubscribe();
    await send(started);
    const by = { queue: 'q', at: 1, by: 'other' };
    expect(received).to.deep.equal([
      { type: 'submitted', job: a, ...by },
      { type: 'progress', job: b, attempt: 1, progress: 0.5, ...by },
      { type: 'completed', job: a, attempt: 1, output: { value: 7 }, ...by },
      { ...started, ...by },
    ]);
    expect(reads).to.deep.equal([
      ['jobs', [a, b, a], 7900],
      ['progress', [b]],
      ['jobs', [a], 7900],
    ]);
  });

  it('are read at once after others that were true, and not for 50 ms after those that were forged', async () => {
    const forged = { type: 'failed', job: a, attempt: 1 };
    for (const [messages, isTrue] of [
      [[started], true],
      [[forged, started], true],
      [[forged], false],
    ] as const) {
      const { events, reads, send } = connect();
      await events.listen();
      const received: JobEvent[] = [];
      events.all$.subscribe((event) => received.push(event));
      await send(...messages);
      await send({ ...started, job: b });
      expect(reads.length).to.equal(isTrue ? 2 : 1);
      await clock.tickAsync(50);
      expect([reads.length, received.length]).to.deep.equal([2, isTrue ? 2 : 1]);
      await events.close();
    }
  });

  it('are told apart by the attempts of their job', async () => {
    const { events, send } = connect();
    await events.listen();
    const attempts: unknown[] = [];
    events.all$.subscribe((event) => attempts.push('attempt' in event && event.attempt));
    await send(...[1, 2].map((attempt) => ({ type: 'started', job: b, attempt })));
    expect(attempts).to.deep.equal([1, 2]);
    await events.close();
  });

  it('are dropped if they cannot be read, which is reported', async () => {
    const { events, reads, degraded, send } = connect({
      onProgress: () => {
        throw Object.assign(new Error('no such value'), { code: '22P02' });
      },
    });
    await events.listen();
    const received: unknown[] = [];
    events.all$.subscribe((event) => received.push(event));
    await send({ type: 'progress', job: b, attempt: 1 });
    await send(started);
    expect([received, degraded]).to.deep.equal([[], ['The database refuses a statement: no such value']]);
    expect(reads.length).to.equal(2);
    await clock.tickAsync(50);
    expect(received).to.have.length(1);
    await events.close();
  });

  it('are waited for by a submitter, until this process listens and all others know that, up to a second', async () => {
    let follow: () => void = () => undefined;
    const { events } = connect({ onFollow: () => new Promise((resolve) => (follow = resolve)) });
    events.follow();
    await clock.tickAsync(0);
    let listening = 0;
    const listen = () => void events.listen().then(() => listening++);
    listen();
    await clock.tickAsync(999);
    expect(listening).to.equal(0);
    await clock.tickAsync(1);
    expect(listening).to.equal(1);
    listen();
    follow();
    await clock.tickAsync(0);
    expect(listening).to.equal(2);
    await events.close();
  });

  it('cannot be waited for if listening is refused, and listening is tried again', async () => {
    const errors = [new TypeError('no')];
    const { events } = connect({
      listen: () => {
        const error = errors.shift();
        if (error) throw error;
      },
    });
    expect(await rejectionOf(events.listen())).to.be.instanceOf(TypeError);
    await events.listen();
  });

  it('may have been missed after a gap', async () => {
    const { events, miss } = connect();
    let gaps = 0;
    events.missed$.subscribe(() => gaps++);
    await events.listen();
    miss();
    expect(gaps).to.equal(1);
  });

  it('that complete awaited jobs have one payload for their statement, unless a process may follow', () => {
    const { events } = connect();
    const payload = events.completionsPayload('q', [
      { job: a ?? '', attempt: 1 },
      { job: b ?? '', attempt: 2 },
    ]);
    const base = { type: 'completed', queue: 'q', at: 0, by: 'me' };
    expect(JSON.parse(`[${payload?.slice(8)}]`)).to.deep.equal([
      { ...base, job: a, attempt: 1 },
      { ...base, job: b, attempt: 2 },
    ]);
    const subscription = events.follow();
    expect(events.completionsPayload('q', [{ job: a ?? '', attempt: 1 }])).to.equal(undefined);
    subscription.unsubscribe();
  });
});
