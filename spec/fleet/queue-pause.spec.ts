import { expect } from 'chai';
import sinon from 'sinon';
import { resumeQueue } from '../../lib/fleet/queue-pause.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The resume of a queue', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  it('is repeated after an unanswered statement, without ending a pause that came in between', async () => {
    let pausedAt: string | undefined = 'first';
    let updates = 0;
    const database = fakeDatabase((sql, [queue, ended]) => {
      expect(queue).to.equal('x');
      if (!sql.startsWith('update')) return Promise.resolve({ rows: pausedAt === undefined ? [] : [{ pausedAt }] });
      updates++;
      if (pausedAt === ended) pausedAt = undefined;
      return updates === 1 ? new Promise(() => undefined) : Promise.resolve({ rows: [] });
    });
    // Without a listener the database would print its event.
    database.events$.subscribe();
    const resumed = resumeQueue(database, 'x');
    await clock.tickAsync(2000);
    expect(pausedAt).to.equal(undefined);
    pausedAt = 'second';
    await clock.tickAsync(4000);
    await resumed;
    expect([pausedAt, updates]).to.deep.equal(['second', 2]);
  });

  it('changes nothing if the queue is not paused', async () => {
    const statements: string[] = [];
    await resumeQueue(
      fakeDatabase((sql) => {
        statements.push(sql);
        return Promise.resolve({ rows: [] });
      }),
      'x',
    );
    expect(statements).to.have.length(1);
    expect(statements[0]).to.match(/^select /);
  });
});
