import { expect } from 'chai';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import { FleetCancelledError, JobCancelledError, JobDeletedError, JobError, type Fleet } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

describe('A job that another program has written or changed', () => {
  const fleets = new Fleets();
  const table = `${fleets.schema}_jobs.job`;
  const apps: Application[] = [];
  let fleet: Fleet;
  let queues = 0;
  const newName = () => `foreign-${++queues}`;
  const sql = async <Row extends object>(text: string) => statement<Row>(await sharedUrl(), text);

  before(async () => {
    fleet = await fleets.connect();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  it('runs with its data as the input, or without an input', async () => {
    const name = newName();
    const inputs = new Map<string, unknown>();
    const queue = fleet.queue<unknown, string>(name);
    apps.push(
      launch([
        queue.worker(
          (input, _, { id }) => {
            inputs.set(id, input);
            return 'done';
          },
          { concurrency: 20 },
        ),
      ]),
    );
    await lastValueFrom(queue.submit(0));
    const cases: [sqlData: string, input: unknown][] = [
      ['null', undefined],
      [`'null'`, undefined],
      [`'{"to":"x"}'`, { to: 'x' }],
      [`'5'`, 5],
      [`'"x"'`, 'x'],
      [`'[1]'`, [1]],
      [`'{}'`, undefined],
      [`'{"input":1,"awaited":{"a":1}}'`, 1],
      [`'{"__proto__":{"awaited":true},"input":2}'`, 2],
    ];
    for (const [data, input] of cases) {
      const rows = await sql<{ id: string }>(
        `insert into ${table} (name, data) values ('${name}', ${data}) returning id`,
      );
      const id = rows[0]?.id ?? '';
      expect(await lastValueFrom(queue.result(id)), data).to.equal('done');
      expect(inputs.get(id), data).to.deep.equal(input);
    }
    expect(apps[0]?.live).to.equal(true);
  });

  it('gives its submitter a result or a clear error, whatever its output is', async () => {
    const queue = fleet.queue<number>(newName());
    const failed = (message: string, name = 'Error') => `A job of ${queue.name} failed: ${name}: ${message}`;
    const cases: [state: string, output: string, outcome: unknown][] = [
      ['completed', 'null', undefined],
      ['completed', `'null'`, undefined],
      ['completed', `'"x"'`, 'x'],
      ['completed', `'5'`, 5],
      ['completed', `'[1]'`, [1]],
      ['completed', `'{}'`, undefined],
      ['completed', `'{"ok":true}'`, { ok: true }],
      ['failed', 'null', failed('unknown')],
      ['failed', `'5'`, failed('5')],
      ['failed', `'{}'`, failed('unknown')],
      ['failed', `'{"value":null}'`, failed('unknown')],
      ['failed', `'{"message":{"a":1}}'`, failed('unknown')],
      ['failed', `'{"name":{"toString":1,"valueOf":1},"message":"m"}'`, failed('m')],
      ['failed', `'{"name":"TypeError","message":"no address"}'`, failed('no address', 'TypeError')],
      ['cancelled', 'null', undefined],
    ];
    const results = cases.map(async ([state, output]) => {
      const id = await queue.enqueue(1);
      const result = lastValueFrom(queue.result(id)).catch((error: unknown) => error);
      await sql(`update ${table} set state = '${state}', output = ${output}, completed_on = now() where id = '${id}'`);
      return result;
    });
    for (const [index, [state, output, outcome]] of cases.entries()) {
      const found = await results[index];
      if (state === 'completed') expect(found, output).to.deep.equal(outcome);
      else expect(found).to.be.instanceOf(state === 'failed' ? JobError : JobCancelledError);
      if (state === 'failed') expect((found as Error).message).to.equal(outcome);
    }
  });

  it('gives its submitter an error when it is deleted', async () => {
    const queue = fleet.queue<number>(newName());
    const submitted = lastValueFrom(queue.submit(1)).catch((error: unknown) => error);
    const id = await queue.enqueue(2);
    const awaited = lastValueFrom(queue.result(id)).catch((error: unknown) => error);
    await waitUntil(async () => (await sql(`select from ${table} where name = '${queue.name}'`)).length === 2);
    await sql(`delete from ${table} where name = '${queue.name}'`);
    for (const error of [await submitted, await awaited]) expect(error).to.be.instanceOf(JobDeletedError);
    expect(await awaited).to.deep.include({ queue: queue.name, job: id });
    expect(String(await awaited)).to.equal(`JobDeletedError: A job of ${queue.name} was deleted: ${id}`);
  });

  it('is listed among the dead letters without its data or failure', async () => {
    const queue = fleet.queue<unknown>(newName());
    expect(await queue.deadLetters()).to.deep.equal([]);
    await sql(
      `insert into ${table} (name, data, source_id, source_output) values
         ('${queue.name}.dead', null, null, null),
         ('${queue.name}.dead', '{"to":"x"}', '9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a11', '[]'),
         ('${queue.name}.dead', '{"input":1}', null, '"down"')`,
    );
    const dead = await queue.deadLetters();
    expect(dead.map(({ input, failure }) => [input, failure.message])).to.have.deep.members([
      [undefined, 'unknown'],
      [{ to: 'x' }, 'unknown'],
      [1, 'down'],
    ]);
    expect(dead.map(({ job }) => job)).to.include('9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a11');
    expect(await queue.redrive(dead.map(({ id }) => id))).to.be.within(0, 3);
  });
});

describe('A row of the fleet that another program has written', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  let fleet: Fleet;
  before(async () => {
    fleet = await fleets.connect();
  });
  after(() => fleets.close());

  it('cancels the fleet by its reason alone, until a resume', async () => {
    const { context } = fleet;
    await statement(await sharedUrl(), `update ${schema}.fleet set reason = 'by hand'`);
    const cause = await firstValueFrom(context.cancelled$);
    expect(cause).to.be.instanceOf(FleetCancelledError);
    expect(String(cause)).to.equal('FleetCancelledError: The fleet was cancelled by unknown: by hand');
    expect((cause as FleetCancelledError).at).to.be.a('number');
    await fleet.resume();
    expect(fleet.context.cancelled).to.equal(false);
  });

  it('does not keep a cron from its slots, and is not its last slot, if the slot is no time', async () => {
    for (const slot of ['NaN', 'Infinity', '-Infinity']) {
      await statement(
        await sharedUrl(),
        `insert into ${schema}.cron (task, slot, seen) values ('${slot}', '${slot}', now() - interval '1 d')`,
      );
      expect(await fleet.lastSlot(slot), slot).to.equal(undefined);
      const now = Date.now();
      expect(await firstValueFrom(fleet.coordinator.lease(slot, now)), slot).to.equal(true);
      expect(await fleet.lastSlot(slot), slot).to.equal(now);
      expect(await firstValueFrom(fleet.coordinator.lease(slot, now)), slot).to.equal(false);
    }
  });
});
