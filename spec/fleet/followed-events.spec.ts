import { expect } from 'chai';
import sinon from 'sinon';
import { parseControlMessage, type ControlMessage } from '../../lib/fleet/control-message.js';
import { JobEventChannel } from '../../lib/fleet/job-event-channel.js';
import { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import type { JobEvent, JobEventDetail } from '../../lib/fleet/queue-types.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const job = '9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a11';

describe('The events of jobs', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** A process whose database records what is sent, stored and renewed. */
  function connect({ followed = false, known = true, answerMs = 0 } = {}) {
    const status = { followed };
    const sent: string[] = [];
    const listened: string[] = [];
    const renewals: number[] = [];
    const reads: number[] = [];
    const database = fakeDatabase(
      (sql, [channel, payloads]) => {
        if (sql.includes('.progress as last')) {
          sent.push(`stored {"type":"stored"}`);
        }
        if (sql.includes('pg_notify'))
          sent.push(...(payloads as string[]).map((payload) => `${String(channel)} ${payload.slice(8)}`));
        if (sql.includes('followed_until = ')) {
          renewals.push(Date.now());
          return Promise.resolve({ rows: known ? [{ followed: status.followed }] : [] });
        }
        if (!sql.includes('json_agg')) return Promise.resolve({ rows: [] });
        reads.push(Date.now());
        const answer = { rows: [{ reason: null, pauses: [], followed: status.followed }] };
        return answerMs > 0 ? new Promise((resolve) => setTimeout(resolve, answerMs, answer)) : Promise.resolve(answer);
      },
      ((channel: string) => void listened.push(channel)) as () => unknown,
    );
    const control = new NotifyChannel<ControlMessage>(database, 'control', parseControlMessage);
    const poller = new StatusPoller(database, control);
    const events = new JobEventChannel(database, control, poller, 'me');
    /** Returns the types of the messages that were sent, several of which a notification may have. */
    const types = () =>
      sent.flatMap((text) =>
        (JSON.parse(`[${text.slice(text.indexOf(' '))}]`) as { type: string }[]).map(({ type }) => type),
      );
    return { status, sent, listened, renewals, reads, control, poller, events, types };
  }

  const emitAll = (events: JobEventChannel) => {
    events.emit('q', job, { type: 'submitted' });
    events.emit('q', job, { type: 'started', attempt: 1 });
    events.emit('q', job, { type: 'completed', attempt: 1, output: { value: 7 } }, true);
  };

  it('are emitted in this process with their time and the name of the process', () => {
    const { events } = connect();
    const [ends, all]: [JobEvent[], JobEvent[]] = [[], []];
    emitAll(events);
    events.ends$.subscribe((event) => ends.push(event));
    emitAll(events);
    const base = { queue: 'q', job, at: 0, by: 'me' };
    const completed = { ...base, type: 'completed', attempt: 1, output: { value: 7 } };
    expect(ends).to.deep.equal([completed]);
    const subscription = events.all$.subscribe((event) => all.push(event));
    expect(events.following).to.equal(true);
    emitAll(events);
    expect(all).to.deep.equal([{ ...base, type: 'submitted' }, { ...base, type: 'started', attempt: 1 }, completed]);
    expect(ends).to.deep.equal([completed, completed]);
    for (const detail of [{ type: 'failed', attempt: 1, failure: { name: 'E', message: 'no' } }, { type: 'cancelled' }])
      events.emit('q', job, detail as JobEventDetail);
    expect(ends.slice(2)).to.deep.equal(all.slice(3));
    subscription.unsubscribe();
    expect(events.following).to.equal(false);
  });

  it('have no output that is longer than 7900 bytes, and no progress may be longer than 7500', () => {
    const { events } = connect();
    const local: JobEvent[] = [];
    events.all$.subscribe((event) => local.push(event));
    const emit = (output: string) =>
      events.emit('q', job, { type: 'completed', attempt: 1, output: { value: output } });
    const frame = Buffer.byteLength(JSON.stringify(emit('')));
    for (const length of [7900 - frame, 7901 - frame]) emit('x'.repeat(length));
    emit('ü'.repeat(4000));
    expect(local.map((event) => 'output' in event)).to.deep.equal([true, true, false, false]);
    expect(local[3]).to.deep.equal({ type: 'completed', queue: 'q', job, attempt: 1, at: 0, by: 'me' });
    const failure = { name: 'Error', message: 'x'.repeat(9000) };
    events.emit('q', job, { type: 'failed', attempt: 1, failure });
    expect(local.at(-1)).to.deep.include({ type: 'failed', failure });
    const report = (progress: unknown) => events.emit('q', job, { type: 'progress', attempt: 1, progress });
    const longest = 'x'.repeat(7500 - '{"progress":""}'.length);
    report(longest);
    expect(() => report(`${longest}x`)).to.throw(RangeError, 'Expected `progress` to be JSON of up to 7500 bytes');
    expect(() => report('\0')).to.throw(TypeError, 'Expected `progress` to be JSON without NUL');
    expect(local.at(-1)).to.deep.include({ type: 'progress', progress: longest });
  });

  it('are sent if any process follows; without one, those alone that a submitter waits for', async () => {
    for (const [followed, expected] of [
      [false, ['completed']],
      [true, ['submitted', 'started', 'completed']],
    ] as const) {
      const { poller, events, types } = connect({ followed });
      await poller.poll();
      emitAll(events);
      await clock.tickAsync(0);
      await events.close();
      expect(types()).to.deep.equal(expected);
    }
  });

  it('are sent after the last progress of the job, which is dropped if no process follows', async () => {
    for (const [followed, expected] of [
      [true, ['stored', 'progress', 'completed']],
      [false, ['completed']],
    ] as const) {
      const { poller, events, types } = connect({ followed });
      await poller.poll();
      for (const progress of [1, 2]) events.emit('q', job, { type: 'progress', attempt: 1, progress });
      events.emit('q', job, { type: 'completed', attempt: 1, output: { value: 7 } }, true);
      await clock.tickAsync(1000);
      expect(types()).to.deep.equal(expected);
      await events.close();
    }
  });

  it('are held after a `follow` message until the status has answered it, up to 10,000', async () => {
    const { status, control, events, reads, types } = connect();
    events.emit('q', job, { type: 'started', attempt: 1 });
    control.send({ type: 'work', queue: 'q' });
    await clock.tickAsync(1000);
    expect(reads).to.deep.equal([]);
    // A forged message: no process follows.
    control.send({ type: 'follow' });
    events.emit('q', job, { type: 'started', attempt: 1 });
    await clock.tickAsync(1000);
    status.followed = true;
    control.send({ type: 'follow' });
    for (let n = 0; n < 10_001; n++) events.emit('q', job, { type: 'submitted' });
    await clock.tickAsync(1000);
    expect(types().filter((type) => type === 'submitted').length).to.equal(10_000);
    expect(types()).not.to.include('started');
    events.emit('q', job, { type: 'started', attempt: 1 });
    await clock.tickAsync(0);
    expect(types().at(-1)).to.equal('started');
  });

  it('make a process read the status every 50 ms at most after forged `follow` messages', async () => {
    const { control, reads } = connect({ answerMs: 5 });
    for (let ms = 0; ms < 1000; ms++) {
      control.send({ type: 'follow' });
      await clock.tickAsync(1);
    }
    expect(reads.length).to.be.within(15, 20);
  });

  it('are followed by a process while it has a subscriber: it listens, and renews that every 4 s', async () => {
    const { listened, renewals, events, types } = connect();
    const subscriptions = [events.follow(), events.follow()];
    await clock.tickAsync(0);
    expect([listened, renewals, types()]).to.deep.equal([['schema$events'], [0], ['follow']]);
    subscriptions[0]?.unsubscribe();
    await clock.tickAsync(8000);
    expect(renewals).to.deep.equal([0, 4000, 8000]);
    subscriptions[1]?.unsubscribe();
    await clock.tickAsync(60_000);
    expect([renewals.length, clock.countTimers()]).to.deep.equal([3, 0]);
    const again = events.follow();
    await clock.tickAsync(4000);
    expect(renewals.length).to.equal(5);
    await events.close();
    await clock.tickAsync(60_000);
    again.unsubscribe();
    events.follow();
    await clock.tickAsync(60_000);
    expect([renewals.length, clock.countTimers()]).to.deep.equal([5, 0]);
  });

  it('need no `follow` message if another process follows already, or has renewed it just now', async () => {
    for (const options of [{ followed: true }, { known: false }]) {
      const { renewals, events, types } = connect(options);
      const subscription = events.follow();
      await clock.tickAsync(0);
      subscription.unsubscribe();
      expect([renewals.length, types()]).to.deep.equal([1, []]);
    }
  });
});
