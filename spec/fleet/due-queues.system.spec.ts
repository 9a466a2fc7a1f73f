import { expect } from 'chai';
import type { Fleet } from 'rxjs-tasks/fleet';
import { selectDueQueues } from '../../lib/fleet/job-statements.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';

describe('The queues that processes poll for', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  before(async () => {
    fleet = await fleets.connect();
  });
  after(() => fleets.close());

  it('have a job that may start, or that its process has lost, or are paused', async () => {
    const [created, longAgo] = [`'created'`, `now() - interval '2 h'`];
    const active = { state: `'active'`, started_on: 'now()', heartbeat_on: 'now()' };
    const running = { ...active, expire_seconds: '3600', heartbeat_seconds: '60' };
    const rows: [string, Record<string, string>][] = [
      ['created', { state: created }],
      ['retry', { state: `'retry'` }],
      ['delayed', { start_after: `now() + interval '1 h'` }],
      ['blocked', { blocked: 'true' }],
      ['completed', { state: `'completed'` }],
      ['running', running],
      ['expired', { ...running, started_on: longAgo }],
      ['silent', { ...running, heartbeat_on: longAgo }],
      ['unasked', { state: created }],
    ];
    for (const [name, columns] of rows) {
      const id = await fleet.queue<number>(name).enqueue(1);
      const changes = Object.entries(columns).map(([column, value]) => `${column} = ${value}`);
      await statement(
        await sharedUrl(),
        `update ${fleets.schema}_jobs.job set ${changes.join(', ')} where id = '${id}'`,
      );
    }
    await fleet.queue('paused').pause();
    const names = [...rows.map(([name]) => name).filter((name) => name !== 'unasked'), 'paused'];
    const { database } = servicesOf(fleet);
    const [found] = await database.query(`select ${selectDueQueues(database.schema, '$1::text[]')}`, [names]);
    expect(found).to.deep.equal({ due: ['created', 'retry'], lost: ['expired', 'silent'], paused: ['paused'] });
  });
});
