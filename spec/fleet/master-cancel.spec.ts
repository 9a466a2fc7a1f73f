import { expect } from 'chai';
import { NEVER } from 'rxjs';
import type { ControlMessage } from '../../lib/fleet/control-message.js';
import { FleetCancelledError } from '../../lib/fleet/errors.js';
import { MasterCancel } from '../../lib/fleet/master-cancel.js';
import type { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The cancel of a fleet', () => {
  it('cancels the context once, until a resume replaces it', async () => {
    let reason: string | null = null;
    const database = fakeDatabase(() => Promise.resolve({ rows: [{ reason, by: 'ann', at: 5, pauses: [] }] }));
    const events: unknown[] = [];
    database.events$.subscribe(({ type, ...event }) => events.push([type, 'cause' in event && String(event.cause)]));
    const control = { send: () => undefined, messages$: NEVER, missed$: NEVER };
    const poller = new StatusPoller(database, control as unknown as NotifyChannel<ControlMessage>);
    const master = new MasterCancel(database, poller);
    const { context } = master;
    await poller.poll();
    expect([master.context === context, context.cancelled]).to.deep.equal([true, false]);
    reason = 'a bad deploy';
    await poller.poll();
    await poller.poll();
    expect(context.cause).to.be.an.instanceOf(FleetCancelledError);
    expect(context.cause).to.include({ reason: 'a bad deploy', by: 'ann', at: 5 });
    expect(master.context).to.equal(context);
    reason = null;
    await poller.poll();
    await poller.poll();
    expect(master.context.cancelled).to.equal(false);
    expect(events).to.deep.equal([
      ['fleet-cancelled', 'FleetCancelledError: The fleet was cancelled by ann: a bad deploy'],
      ['fleet-resumed', false],
    ]);
  });
});
