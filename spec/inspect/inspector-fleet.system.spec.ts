import { expect } from 'chai';
import { virtualClock } from '../../lib/testing/index.js';
import type { AppState } from '../../lib/inspect/index.js';
import { exampleFleet } from '../helpers/example-fleet.js';
import { httpRequest } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

describe('The fleet of an inspector', () => {
  const inspected = inspectedApps();
  const fleetAt = async (url: string) => {
    const { status, body } = await httpRequest(`${url}fleet`);
    return [status, JSON.parse(body)] as [number, unknown];
  };
  const stateAt = async (url: string) => JSON.parse((await httpRequest(`${url}snapshot`)).body) as AppState;

  it('is served as JSON, and the snapshot says that there is a fleet', async () => {
    const state = exampleFleet();
    const { url } = await inspected([], {}, { fleet: { state: () => Promise.resolve(state) } });
    expect(await fleetAt(url)).to.deep.equal([200, state]);
    expect((await stateAt(url)).fleet).to.equal(true);
    expect((await httpRequest(`${url}fleet`, {}, 'HEAD')).body).to.equal('');
    expect((await httpRequest(`${url}fleet`, {}, 'POST')).status).to.equal(405);
  });

  it('is not found when the inspector has none', async () => {
    const { url } = await inspected([]);
    expect(await fleetAt(url)).to.deep.equal([
      404,
      { error: 'The inspector has no fleet: pass it as inspector({ fleet })' },
    ]);
    expect(await stateAt(url)).not.to.have.property('fleet');
  });

  it('needs the token and a name of the server', async () => {
    let queries = 0;
    const fleet = { state: () => (queries++, Promise.resolve(exampleFleet())) };
    const token = 'correct horse battery';
    const { url } = await inspected([], {}, { fleet, token });
    expect((await httpRequest(`${url}fleet`)).status).to.equal(401);
    expect((await httpRequest(`${url}fleet`, { host: 'evil.example' })).status).to.equal(403);
    expect(queries).to.equal(0);
    expect((await httpRequest(`${url}fleet`, { authorization: `Bearer ${token}` })).status).to.equal(200);
  });

  it('answers 503 when it fails, with nothing of the error but its message', async () => {
    const error = Object.assign(new Error(`no route to the database${' x'.repeat(500)}`), { query: 'select secret' });
    const failures: (() => Promise<never>)[] = [
      () => Promise.reject(error),
      () => {
        throw new Error('closed');
      },
      () => Promise.reject('a secret'),
      () => Promise.reject(new AggregateError([error])),
      // JSON has no bigint.
      () => Promise.resolve({ count: 1n } as never),
    ];
    const answers = [];
    for (const state of failures) {
      const { app, url } = await inspected([], {}, { fleet: { state } });
      answers.push(await fleetAt(url));
      expect((await httpRequest(`${url}livez`)).status).to.equal(200);
      await app.stop();
    }
    expect(answers.map(([status]) => status)).to.deep.equal([503, 503, 503, 503, 503]);
    const [first, ...rest] = answers.map(([, body]) => (body as { error: string }).error);
    expect(first).to.match(/^The fleet does not answer: no route to the database( x)+$/);
    expect(first?.length).to.be.lessThan(250);
    expect(rest.slice(0, 3)).to.deep.equal([
      'The fleet does not answer: closed',
      'The fleet does not answer',
      'The fleet does not answer',
    ]);
    expect(JSON.stringify(answers)).not.to.contain('secret');
  });

  it('is queried once for all requests within a second of the application', async () => {
    let queries = 0;
    const fleet = { state: () => (queries++, Promise.resolve(exampleFleet())) };
    const clock = virtualClock(0);
    const { url } = await inspected([], { scheduler: clock }, { fleet });
    const answers = await Promise.all(Array.from({ length: 20 }, () => fleetAt(url)));
    expect(answers.map(([status]) => status)).to.deep.equal(Array(20).fill(200));
    expect(queries).to.equal(1);
    clock.advance(1000);
    expect((await fleetAt(url))[0]).to.equal(200);
    expect(queries).to.equal(2);
  });
});
