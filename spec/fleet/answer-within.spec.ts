import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { answerWithin } from '../../lib/fleet/answer-within.js';

describe('An answer of the database', () => {
  it('that arrived while the process was blocked is in time', async () => {
    const server = createServer().listen(0, 'localhost');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, 'localhost');
    const [socket] = (await once(server, 'connection')) as [Socket];
    const answer = answerWithin(once(client, 'data'), 1);
    socket.write('answer');
    for (const start = performance.now(); performance.now() - start < 20;);
    expect(String((await answer)[0])).to.equal('answer');
    client.destroy();
    await once(server.close(), 'close');
  });

  it('that does not arrive in time is an error that says how long it was waited for', async () => {
    const error = answerWithin(new Promise(() => undefined), 7).catch(String);
    expect(await error).to.equal('FleetConnectionError: The database did not answer within 7 ms');
  });
});
