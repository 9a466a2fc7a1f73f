import { expect } from 'chai';
import { parseControlMessage, type ControlMessage } from '../../lib/fleet/control-message.js';
import { JobEventChannel } from '../../lib/fleet/job-event-channel.js';
import { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { settled } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

describe('the channel of job events', () => {
  /** A process whose status is answered by hand. */
  function connect() {
    const answers: ((status: object) => void)[] = [];
    const channels: unknown[] = [];
    const database = fakeDatabase((sql, [channel]) => {
      if (sql.includes('pg_notify')) return Promise.resolve({ rows: [channels.push(channel)] });
      return new Promise((resolve) => answers.push((status) => resolve({ rows: [{ reason: null, ...status }] })));
    });
    const control = new NotifyChannel<ControlMessage>(database, 'control', parseControlMessage);
    const poller = new StatusPoller(database, control);
    const events = new JobEventChannel(database, control, poller, 'me');
    const emit = () => events.emit('queue', 'job', { type: 'submitted' });
    return { answers, channels, control, poller, events, emit };
  }

  it('sends events after a follow message when the status says so, even if an older one arrives later', async () => {
    const { answers, channels, control, poller, events, emit } = connect();
    emit();
    await events.close();
    expect(channels).to.deep.equal([]);
    const poll = poller.poll();
    control.send({ type: 'follow' });
    emit();
    answers[0]?.({ followed: false });
    await poll;
    emit();
    await waitUntil(() => answers.length === 2);
    answers[1]?.({ followed: true });
    await waitUntil(() => channels.includes('schema$events'));
    await events.close();
    expect(channels).to.deep.equal(['control', 'schema$events']);
  });

  it('sends events when the status says so after the last follow message, if there are several', async () => {
    const { answers, channels, control, events, emit } = connect();
    control.send({ type: 'follow' });
    emit();
    await waitUntil(() => answers.length === 1);
    control.send({ type: 'follow' });
    answers[0]?.({ followed: false });
    await waitUntil(() => answers.length === 2);
    answers[1]?.({ followed: true });
    await waitUntil(() => channels.includes('schema$events'));
    await events.close();
    await control.flush();
    expect(channels.filter((channel) => channel !== 'control')).to.deep.equal(['schema$events']);
  });

  it('sends no events after a follow message that is not true', async () => {
    const { answers, channels, control, events, emit } = connect();
    control.send({ type: 'follow' });
    emit();
    await waitUntil(() => answers.length === 1);
    answers[0]?.({ followed: false });
    // The next message is checked later, which shows that this one has been.
    control.send({ type: 'follow' });
    await waitUntil(() => answers.length === 2);
    answers[1]?.({ followed: false });
    await settled();
    emit();
    await events.close();
    await control.flush();
    expect(channels.filter((channel) => channel !== 'control')).to.deep.equal([]);
  });
});
