import { expect } from 'chai';
import { memoryFleet } from '../../lib/testing/index.js';
import { httpRequest, openResponse, serverSentEvents } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

const secret = 'ann@example.com';

describe('An inspector of a worker', () => {
  const inspected = inspectedApps();

  /** Runs a job that fails, and returns its details and the events until its end. */
  const textsOfFailure = async (showData: boolean) => {
    const fleet = memoryFleet();
    const mails = fleet.queue<string>('mails', { retries: 0 });
    const worker = mails.worker((to) => {
      throw new Error(`no mailbox ${to}`);
    });
    const { url } = await inspected([fleet, worker], {}, { showData });
    await mails.enqueue(secret);
    let events = '';
    for await (const { data } of serverSentEvents(await openResponse(`${url}events`))) {
      events += JSON.stringify(data);
      if (events.includes('"task":"mails/job","status":"failed"')) break;
    }
    return { events, details: (await httpRequest(`${url}task?path=mails/job`)).body };
  };

  it('hides the messages of the failures of its jobs, which may be personal', async () => {
    const { events, details } = await textsOfFailure(false);
    expect(events).to.include('failed in execute: the message is hidden').and.not.to.include(secret);
    expect(details).to.include('"failures":1').and.not.to.include(secret);
  });

  it('shows these messages with `showData`', async () => {
    const { events, details } = await textsOfFailure(true);
    expect(events).to.include(secret);
    expect(details).to.include(secret);
  });
});
