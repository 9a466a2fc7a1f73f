import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { randomFrom } from '../../lib/testing/random.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import type { Program } from '../helpers/program.js';
import { statement } from '../helpers/postgres.js';
import { pause, Programs, until } from '../helpers/programs.js';

const [rounds, perRound] = [100, 100];

describe('10,000 jobs, and 100 rounds of kill -9', () => {
  const fleets = new Fleets();
  const programs = new Programs();
  let directory: string;

  before(async () => (directory = await mkdtemp(join(tmpdir(), 'fleet-rounds-'))));
  after(async () => {
    await programs.kill();
    await fleets.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('lose none, and run only those again whose process was killed in them', async () => {
    const url = await sharedUrl();
    const { schema } = fleets;
    const file = join(directory, 'record');
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const random = randomFrom(seed);
    const fleet = await fleets.connect({ name: 'submitter' });
    const queue = fleet.queue<number>('work', { retries: 1000, backoff: { initial: 0 } });
    const killed = new Set<string>();
    let names = 0;
    const spawn = () => {
      const name = `worker-${++names}`;
      return { name, program: programs.start('recorder', { url, schema, name, file }) };
    };
    const begin = async ({ name, program }: { name: string; program: Program }) => {
      await program.says('warm');
      program.child.stdin?.write('\n');
      await program.says('up');
      return { name, program };
    };
    const jobs = (state: string) =>
      statement<{ id: string; attempt: number }>(
        url,
        `select id, retry_count + 1 as attempt from ${schema}_jobs.job where name = 'work' and state ${state}`,
      );

    // Three at work, and three that are nearly.
    const spares = [spawn(), spawn(), spawn(), spawn(), spawn(), spawn()];
    const working = await Promise.all(spares.splice(0, 3).map(begin));
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: perRound }, () => queue.enqueue(Math.floor(random() * 40))));
      spares.push(spawn());
      const next = begin(spares.shift() ?? spawn());
      await pause(random() * 300);
      const [victim] = working.splice(Math.floor(random() * working.length), 1);
      if (victim) killed.add(victim.name);
      victim?.program.kill('SIGKILL');
      working.push(await next);
    }
    await until(async () => (await jobs(`< 'completed'`)).length === 0, 60_000);
    await pause(500);

    const all = await jobs('is not null');
    expect(all, 'jobs').to.have.length(rounds * perRound);
    const completed = new Map((await jobs(`= 'completed'`)).map(({ id, attempt }) => [id, attempt]));
    expect(completed.size, 'completed').to.equal(rounds * perRound);
    const record = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    const of = (what: string) =>
      record
        .filter(([type]) => type === what)
        .map(([, id = '', attempt, by = '']) => ({ id, attempt: Number(attempt), by }));
    // Each job is acknowledged once at most, in the attempt that counts.
    const acknowledged = of('completed');
    expect(new Set(acknowledged.map(({ id }) => id)).size, 'acknowledged').to.equal(acknowledged.length);
    expect(acknowledged.filter(({ id, attempt }) => completed.get(id) !== attempt)).to.deep.equal([]);
    // Each run is an attempt of its own, and all but the last of them were in a process that was killed.
    const started = of('started');
    expect(new Set(started.map(({ id, attempt }) => `${id} ${attempt}`)).size, 'runs').to.equal(started.length);
    expect(new Set(started.map(({ id }) => id)).size, 'jobs that have run').to.equal(rounds * perRound);
    const again = started.filter(({ id, attempt }) => attempt !== completed.get(id));
    expect(again.filter(({ id, attempt }) => attempt > (completed.get(id) ?? 0))).to.deep.equal([]);
    expect(again.filter(({ by }) => !killed.has(by))).to.deep.equal([]);
    expect(of('lost')).to.deep.equal([]);
    const redelivered = [...completed.values()].reduce((sum, attempt) => sum + attempt - 1, 0);
    console.log(
      `      seed ${seed}: ${killed.size} killed, ${started.length} runs, ${redelivered} redeliveries, of them ${again.length} of runs that had begun; ${acknowledged.length} acknowledged`,
    );
    expect(killed.size).to.equal(rounds);
    expect(redelivered).to.be.greaterThan(rounds / 2);
  }).timeout(290_000);
});
