import { expect } from 'chai';
import { readState } from '../../lib/fleet/read-state.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The state of a fleet', () => {
  /** Reads a state whose parts are answered as given. */
  function read({ status, crons = [], instances = [] }: { status?: object; crons?: object[]; instances?: object[] }) {
    const database = fakeDatabase((sql) => {
      if (sql.includes('select task, slot')) return Promise.resolve({ rows: crons });
      return Promise.resolve({ rows: sql.includes('cron_pause') && status ? [status] : [] });
    });
    const getInstances = ({ limit }: { limit: number }) => Promise.resolve(instances.slice(0, limit));
    Object.assign(database.boss, { getInstances });
    return readState(database);
  }

  it('has its cancel, its crons and their pauses, if there are any', async () => {
    const pause = { task: 'x', by: 'ann', at: 3 };
    const status = { reason: 'a bad deploy', by: 'web-1', at: 7 };
    const pauses = [
      { ...pause, paused: true },
      { task: 'y', by: 'bob', at: 4, paused: false },
    ];
    const crons = [
      { task: 'x', slot: 1, holder: 'web-1' },
      { task: 'y', slot: 2, holder: null },
    ];
    expect(await read({ status: { ...status, pauses }, crons })).to.deep.equal({
      schema: 'schema',
      cancelled: status,
      members: [],
      queues: [],
      crons: [
        { task: 'x', slot: 1, holder: 'web-1' },
        { task: 'y', slot: 2 },
      ],
      paused: [pause],
    });
    const nothing = { schema: 'schema', members: [], queues: [], crons: [], paused: [] };
    for (const each of [{ reason: null, pauses: [] }, { reason: null }, undefined])
      expect(await read(each ? { status: each } : {})).to.deep.equal(nothing);
  });

  it('has the processes that have not stopped, with their names, or their hosts and numbers', async () => {
    const [startedOn, heartbeatOn] = [new Date(5), new Date(6)];
    const instance = { name: 'web-1', host: 'h', pid: 7, startedOn, heartbeatOn, stoppedOn: null, live: true };
    const { members } = await read({
      instances: [instance, { ...instance, stoppedOn: new Date(8) }, { ...instance, name: null, live: false }],
    });
    const member = { name: 'web-1', host: 'h', pid: 7, since: 5, seen: 6, live: true };
    expect(members).to.deep.equal([member, { ...member, name: 'h:7', live: false }]);
    expect((await read({ instances: Array<object>(2000).fill(instance) })).members).to.have.length(1000);
  });
});
