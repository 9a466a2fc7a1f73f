import { expect } from 'chai';
import { firstValueFrom, NEVER } from 'rxjs';
import { launch, ordered, task, taskRunner, type AppEvent } from 'rxjs-tasks';
import { database } from '../../examples/recipes/pool.js';
import { sharedUrl } from '../helpers/fleet.js';
import { settled, whenReady } from '../helpers/tasks.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

interface Connection {
  readonly pid: number;
}

/** Returns the connections of an application, as its server lists them. */
function connections(url: string, name: string): Promise<Connection[]> {
  return statement(url, `SELECT pid FROM pg_stat_activity WHERE application_name = '${name}'`);
}

describe('A connection pool as a task', () => {
  let url: string;

  before(async () => {
    url = await sharedUrl();
  });

  it('is connected before its users start, and ends after they have ended', async () => {
    const db = database('db', { connectionString: url, application_name: 'recipe-users' });
    const answers: unknown[] = [];
    const user = task('user', {
      initialize: async () => answers.push(...(await db.query('SELECT $1::int AS first', [1]))),
      execute: () => NEVER,
      finalize: async () => answers.push(...(await db.query('SELECT 2 AS last'))),
    });
    const done: string[] = [];
    const observer = (event: AppEvent) => {
      if (event.type === 'done') done.push(event.task);
    };
    const app = launch([ordered('app', db.task, user)], { observer });
    await whenReady(app);
    expect(await connections(url, 'recipe-users')).to.have.lengthOf(1);
    expect((await app.stop()).clean).to.equal(true);
    expect(answers).to.deep.equal([{ first: 1 }, { last: 2 }]);
    expect(done).to.deep.equal(['app/user', 'app/db', 'app']);
    // The server notices it later.
    await waitUntil(async () => (await connections(url, 'recipe-users')).length === 0);
  });

  it('waits for a running query', async () => {
    const db = database('db', { connectionString: url });
    const app = launch([db.task]);
    await whenReady(app);
    const slow = db.query("SELECT 'done' AS state FROM pg_sleep(0.2)");
    await settled();
    expect((await app.stop()).clean).to.equal(true);
    expect(await slow).to.deep.equal([{ state: 'done' }]);
  });

  it('yields the error of a connection that breaks while idle, and continues', async () => {
    const db = database('db', { connectionString: url, application_name: 'recipe-broken' });
    const runner = taskRunner(db.task);
    const broken = firstValueFrom(runner.results$);
    const app = launch([runner]);
    await whenReady(app);
    for (const { pid } of await connections(url, 'recipe-broken'))
      await statement(url, `SELECT pg_terminate_backend(${pid})`);
    expect(await broken).to.have.property('code', '57P01');
    expect(await db.query('SELECT 1 AS one')).to.deep.equal([{ one: 1 }]);
    expect((await app.stop()).clean).to.equal(true);
  });

  it('fails to initialize without a server, and its users never start', async () => {
    const db = database('db', { host: '127.0.0.1', port: 1 });
    let started = false;
    const user = task('user', () => (started = true));
    const { outcomes } = await launch([ordered('app', db.task, user)], { observer: {} });
    expect(outcomes[0]?.error?.message).to.equal('app/db failed in initialize: connect ECONNREFUSED 127.0.0.1:1');
    expect(started).to.equal(false);
  });

  it('rejects queries before and after its run', async () => {
    const db = database('db', { connectionString: url });
    const failure = () => db.query('SELECT 1').catch((error: unknown) => (error as Error).message);
    expect(await failure()).to.equal('db is not connected');
    const app = launch([db.task]);
    await whenReady(app);
    await app.stop();
    expect(await failure()).to.equal('db is not connected');
  });
});
