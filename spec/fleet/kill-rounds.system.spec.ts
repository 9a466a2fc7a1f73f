import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { seededRandom } from '../../lib/testing/seeded-random.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { FleetPrograms } from '../helpers/fleet-programs.js';
import { statement } from '../helpers/postgres.js';
import type { Program } from '../helpers/program.js';
import { pause } from '../helpers/wait.js';

const rounds = Number(process.env['KILL_ROUNDS'] ?? 15);
const jobsPerRound = 100;

/** Parses the lines of a type in the record of all processes. */
function parseRecord(record: string, type: string) {
  return record
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([lineType]) => lineType === type)
    .map(([, id = '', attempt, by = '']) => ({ id, attempt: Number(attempt), by }));
}

describe('100 jobs in each of several rounds, with one of three workers killed in each', () => {
  const fleets = new Fleets();
  const programs = new FleetPrograms();
  let directory: string;

  before(async () => (directory = await mkdtemp(join(tmpdir(), 'fleet-rounds-'))));
  after(async () => {
    await programs.killAll();
    await fleets.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('all complete, and run again only if their process was killed during their run', async () => {
    const url = await sharedUrl();
    const { schema } = fleets;
    const file = join(directory, 'record');
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    const fleet = await fleets.connect({ name: 'submitter' });
    const queue = fleet.queue<number>('work', { retries: 1000, backoff: { initial: 0 } });
    const killed = new Set<string>();
    let workers = 0;
    const spawn = () => {
      const name = `worker-${++workers}`;
      return { name, program: programs.start('recorder', { url, schema, name, file }) };
    };
    const begin = async ({ name, program }: { name: string; program: Program }) => {
      await program.waitFor('warm');
      program.child.stdin?.write('\n');
      await program.waitFor('up');
      return { name, program };
    };
    const readJobs = (state: string) =>
      statement<{ id: string; attempt: number }>(
        url,
        `select id, retry_count + 1 as attempt from ${schema}_jobs.job where name = 'work' and state ${state}`,
      );

    // Three workers run, and three more are connected.
    const spares = [spawn(), spawn(), spawn(), spawn(), spawn(), spawn()];
    const running = await Promise.all(spares.splice(0, 3).map(begin));
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: jobsPerRound }, () => queue.enqueue(Math.floor(random() * 200))));
      spares.push(spawn());
      const next = begin(spares.shift() ?? spawn());
      await pause(random() * 200);
      const [victim] = running.splice(Math.floor(random() * running.length), 1);
      if (victim) killed.add(victim.name);
      victim?.program.kill('SIGKILL');
      running.push(await next);
    }
    while ((await readJobs(`< 'completed'`)).length > 0) await pause(200);
    // The acknowledgements of the last jobs arrive before the workers end.
    for (const { program } of running) program.kill('SIGTERM');
    await Promise.all(running.map(({ program }) => program.ended));

    const jobs = await readJobs('is not null');
    expect(jobs, 'jobs').to.have.length(rounds * jobsPerRound);
    const completed = new Map((await readJobs(`= 'completed'`)).map(({ id, attempt }) => [id, attempt]));
    expect(completed.size, 'completed').to.equal(rounds * jobsPerRound);
    const record = await readFile(file, 'utf8');
    // Each job is acknowledged at most once, in its last attempt.
    const acknowledged = parseRecord(record, 'completed');
    expect(new Set(acknowledged.map(({ id }) => id)).size, 'acknowledged').to.equal(acknowledged.length);
    expect(acknowledged.filter(({ id, attempt }) => completed.get(id) !== attempt)).to.deep.equal([]);
    // Each run is a different attempt, and only the last attempt of a job was not in a killed process.
    const started = parseRecord(record, 'started');
    expect(new Set(started.map(({ id, attempt }) => `${id} ${attempt}`)).size, 'runs').to.equal(started.length);
    expect(new Set(started.map(({ id }) => id)).size, 'started jobs').to.equal(rounds * jobsPerRound);
    const repeated = started.filter(({ id, attempt }) => attempt !== completed.get(id));
    expect(repeated.filter(({ id, attempt }) => attempt > (completed.get(id) ?? 0))).to.deep.equal([]);
    expect(repeated.filter(({ by }) => !killed.has(by))).to.deep.equal([]);
    expect(parseRecord(record, 'lost')).to.deep.equal([]);
    const redelivered = [...completed.values()].reduce((sum, attempt) => sum + attempt - 1, 0);
    console.log(
      `      seed ${seed}: ${killed.size} killed, ${started.length} runs, ${redelivered} redeliveries,`,
      `${repeated.length} of them after a start; ${acknowledged.length} acknowledged`,
    );
    expect(killed.size).to.equal(rounds);
    expect(redelivered).to.be.greaterThan(rounds / 2);
  }).timeout(1_200_000);
});
