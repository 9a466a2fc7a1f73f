import { expect } from 'chai';
import { setImmediate } from 'node:timers/promises';
import type { AppEvent } from '../../lib/index.js';
import { emptyQueue, exampleFleet } from '../helpers/example-fleet.js';
import { httpRequest } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

const token = 'correct horse battery';
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

describe('An action of a queue that an inspector has performed', () => {
  const inspected = inspectedApps();

  it('is an event of the inspector, until that has ended', async () => {
    const events: AppEvent[] = [];
    let begun: () => void = () => undefined;
    let done: () => void = () => undefined;
    const resuming = new Promise<void>((resolve) => (begun = resolve));
    const resume = () => (begun(), new Promise<void>((resolve) => (done = resolve)));
    const fleet = { state: () => Promise.resolve(exampleFleet()), queue: () => emptyQueue({ resume }) };
    const observer = (event: AppEvent) => events.push(event);
    const { app, url } = await inspected([], { observer }, { fleet, token, actions: true });
    const post = (action: string) =>
      httpRequest(`${url}actions`, headers, 'POST', undefined, JSON.stringify({ action, queue: 'emails', by: 'ann' }));
    expect((await post('pause-queue')).status).to.equal(200);
    const operated = () => events.filter(({ type }) => type === 'operated');
    const expected = { type: 'operated', task: 'inspector', action: 'pause-queue', target: 'emails', by: 'ann' };
    expect(operated()).to.have.length(1);
    expect(operated()[0]).to.deep.include(expected);
    app.runner('inspector')?.events$.subscribe(observer);
    const pending = post('resume-queue').catch((error: unknown) => error);
    await resuming;
    await app.stop();
    done();
    await pending;
    // The action has ended by then.
    await setImmediate();
    expect(operated()).to.have.length(1);
  });
});
