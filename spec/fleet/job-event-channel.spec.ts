import { expect } from 'chai';
import { isControlMessage, type ControlMessage } from '../../lib/fleet/control-message.js';
import { JobEventChannel } from '../../lib/fleet/job-event-channel.js';
import { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('the channel of job events', () => {
  it('sends events after a follow message even if an older status, without followers, arrives later', async () => {
    let answer: (status: object) => void = () => undefined;
    const channels: unknown[] = [];
    const database = fakeDatabase((sql, [channel]) => {
      if (sql.includes('pg_notify')) return Promise.resolve({ rows: [channels.push(channel)] });
      return new Promise((resolve) => (answer = (status) => resolve({ rows: [status] })));
    });
    const control = new NotifyChannel<ControlMessage>(database, 'control', isControlMessage);
    const poller = new StatusPoller(database, control);
    const events = new JobEventChannel(database, control, poller, 'me');
    events.emit('queue', 'job', { type: 'submitted' });
    await events.close();
    expect(channels).to.deep.equal([]);
    const poll = poller.poll();
    control.send({ type: 'follow' });
    answer({ reason: null, followed: false });
    await poll;
    events.emit('queue', 'job', { type: 'submitted' });
    await events.close();
    expect(channels).to.deep.equal(['control', 'schema$events']);
  });
});
