import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { answerWithin } from '../../lib/fleet/answer-within.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('An answer of the database', () => {
  it('that a blocked process reads too late is an error that says how long it was waited for', async () => {
    const server = createServer().listen(0, 'localhost');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, 'localhost');
    const [socket] = (await once(server, 'connection')) as [Socket];
    const answer = answerWithin(once(client, 'data'), 1);
    socket.write('answer');
    for (const start = performance.now(); performance.now() - start < 20;);
    expect(String(await rejectionOf(answer))).to.equal('FleetConnectionError: The database did not answer within 1 ms');
    for (const end of [socket, client]) end.destroy();
    await once(server.close(), 'close');
  });
});
