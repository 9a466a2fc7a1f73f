import { expect } from 'chai';
import { getRollbackPlans } from 'pg-boss';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { FleetSchemaError, fleetSql, installFleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { connectError, Fleets, newSchema, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';

describe('a role without the right to create anything', () => {
  let owner: string;
  let url: string;
  let role: string;
  let schema: string;
  let fleets: Fleets;

  before(async () => (owner = await sharedUrl()));
  beforeEach(async () => {
    fleets = new Fleets();
    schema = fleets.schema;
    role = newSchema();
    await statement(owner, `create role ${role} login password 'hunter2'`);
    url = Object.assign(new URL(owner), { username: role, password: 'hunter2' }).href;
  });
  afterEach(async () => {
    await fleets.close();
    await statement(owner, `drop owned by ${role}; drop role ${role}`);
  });

  const grant = () =>
    statement(
      owner,
      `grant usage on schema ${schema}, ${schema}_jobs to ${role};
       grant select, insert, update, delete on all tables in schema ${schema}, ${schema}_jobs to ${role};`,
    );

  for (const migrate of [true, false])
    it(`runs jobs of installed queues and of further ones, with migrate: ${migrate}`, async () => {
      await installFleet({ url: owner, schema, queues: ['installed'] });
      await grant();
      const fleet = await fleets.connect({ url, migrate });
      const events: FleetEvent[] = [];
      fleet.events$.subscribe((event) => events.push(event));
      expect((await fleet.state()).members).to.have.length(1);
      for (const name of ['installed', 'further']) {
        const queue = fleet.queue<number, number>(name, { retries: 0 });
        const app = launch([queue.worker((n) => n * n)]);
        expect(await lastValueFrom(queue.submit(7))).to.equal(49);
        await app.stop();
        expect(await queue.deadLetters()).to.deep.equal([]);
      }
      await fleet.cancel('maintenance');
      await fleet.resume();
      await fleet.pause('app/report');
      expect(events.filter(({ type }) => type === 'degraded')).to.deep.equal([]);
    });

  it('is refused while the tables are missing', async () => {
    const error = await connectError({ url, schema, migrate: false });
    expect(error).to.be.instanceOf(FleetSchemaError).with.property('schema', schema);
    expect(error.message).to.equal(
      `Expected schema ${schema} to have the tables of a fleet: they are missing. installFleet creates them`,
    );
  });

  it('is refused if it would have to create the tables', async () => {
    const error = await connectError({ url, schema });
    expect(error).to.be.instanceOf(FleetSchemaError);
    expect(error.message).to.match(/: permission denied for database \w+\. installFleet creates them$/);
  });

  it('is refused if it may not use the tables', async () => {
    await installFleet({ url: owner, schema });
    const error = await connectError({ url, schema, migrate: false });
    expect(error).to.be.instanceOf(FleetSchemaError);
    expect(error.message).to.match(/: permission denied for schema \w+\. installFleet creates them$/);
  });

  it('is refused while the tables are those of an older version, until they are updated', async () => {
    await installFleet({ url: owner, schema });
    await grant();
    await statement(owner, getRollbackPlans(`${schema}_jobs`));
    // Otherwise pg-boss builds indexes only some seconds after its last look.
    await statement(owner, `update ${schema}_jobs.version set bam_on = null`);
    const error = await connectError({ url, schema, migrate: false });
    expect(error.message).to.include("pg-boss's tables are those of an older version");
    await installFleet({ url: owner, schema });
    await fleets.connect({ url, migrate: false });
  });

  it('connects to what the SQL has created, which is what installFleet creates', async () => {
    await statement(owner, fleetSql({ schema, queues: ['mails'] }));
    await grant();
    await fleets.connect({ url, migrate: false });
    const other = newSchema();
    await installFleet({ url: owner, schema: other, queues: ['mails'] });
    const columns = (of: string) =>
      statement(
        owner,
        `select replace(table_schema, '${of}', '') as schema, table_name, column_name, data_type,
           replace(column_default, '${of}', '') as column_default
         from information_schema.columns where table_schema in ('${of}', '${of}_jobs') order by 1, 2, 3`,
      );
    expect(await columns(schema)).to.deep.equal(await columns(other));
    const queues = (of: string) =>
      statement(owner, `select to_jsonb(q) - 'created_on' - 'updated_on' as q from ${of}_jobs.queue q order by name`);
    expect(await queues(schema)).to.deep.equal(await queues(other));
    expect(await queues(schema)).to.have.length(2);
  });

  it('finds the queues of installFleet as it would have created them itself', async () => {
    await installFleet({ url: owner, schema, queues: ['installed'] });
    await grant();
    const fleet = await fleets.connect({ url, migrate: false });
    await fleet.queue('further').enqueue(1);
    const options = (name: string) =>
      statement(
        owner,
        `select policy, retry_limit, retry_delay, retry_backoff, retry_delay_max, expire_seconds, retention_seconds,
           deletion_seconds, partition, table_name, heartbeat_seconds, notify
         from ${schema}_jobs.queue where name like '${name}%' order by name`,
      );
    expect(await options('installed')).to.deep.equal(await options('further'));
    expect(await options('installed')).to.have.length(2);
  });
});

describe('installFleet', () => {
  it('may be called again, at the same time, and leaves no member in the fleet', async () => {
    const fleets = new Fleets();
    const url = await sharedUrl();
    await installFleet({ url, schema: fleets.schema });
    await Promise.all(['a', 'b'].map((queue) => installFleet({ url, schema: fleets.schema, queues: [queue] })));
    const fleet = await fleets.connect();
    const { members, queues } = await fleet.state();
    expect(members).to.have.length(1);
    expect(queues.map(({ name }) => name)).to.have.members(['a', 'b']);
    await fleets.close();
  });

  it('refuses options that do not exist, and names that no queue may have', async () => {
    const known = '`url`, `pool`, `connection`, `schema`, `connectTimeout`, `queues`';
    const messages = await Promise.all(
      [{ urll: 'postgres://u:hunter2@h' }, { url: 'postgres://h', queues: ["a'b"] }, { queues: ['a', 'a'] }].map(
        (options) => installFleet(options as never).catch(String),
      ),
    );
    expect(messages).to.deep.equal([
      `TypeError: Expected an option of \`installFleet\`, got another name; did you mean \`url\`? ` +
        `Known options: ${known}`,
      'RangeError: Expected `name` to be up to 100 letters, digits, `_` and `-`, got `"a\'b"` (string)',
      "TypeError: Expected `queues` to be distinct names, got `[ 'a', 'a' ]` (object)",
    ]);
    expect(() => fleetSql({ schema: 'A' })).to.throw(RangeError, '`schema`');
  });
});
