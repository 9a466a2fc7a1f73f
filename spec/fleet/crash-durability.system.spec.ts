import { expect } from 'chai';
import { seededRandom } from '../../lib/testing/seeded-random.js';
import { checkCrashHistory, type CrashedJob, type CrashEntry } from '../helpers/crash-history.js';
import { FleetPrograms } from '../helpers/fleet-programs.js';
import { startPostgres, statement, type Postgres } from '../helpers/postgres.js';
import type { Program } from '../helpers/program.js';
import { pause, waitUntil } from '../helpers/wait.js';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 6);
/** The maximum number, if the first crashes do not undo all that they may. */
const maxRounds = 10 * rounds;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
/** The number of results that show that the fleet works. */
const enough = 30;

describe('A fleet whose server is killed at random moments', () => {
  const programs = new FleetPrograms();
  let server: Postgres;

  before(async () => {
    // Without the process that writes the log in the background, more of it is lost.
    server = await startPostgres('fsync=on', 'wal_writer_delay=10s');
  });
  after(async () => {
    await programs.killAll();
    await server.remove();
  });

  /** Kills the server and all of its processes, so that none of them writes anything. */
  async function crash(): Promise<void> {
    const processes = await statement<{ pid: number }>(server.url, 'select pid from pg_stat_activity');
    server.crash();
    for (const { pid } of processes)
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It has ended with the server.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
  }

  it('answers every submit, keeps what was acknowledged, and stores one result of each job', async () => {
    const random = seededRandom(seed);
    const members = ['first', 'second', 'third'].map((name) =>
      programs.start('crash-witness', { url: server.url, name }),
    );
    for (const member of members) await member.waitFor('up');
    const entries = () => members.flatMap(entriesOf);
    const readJobs = () =>
      statement<CrashedJob>(
        server.url,
        "select id, state, output from rxjs_tasks_jobs.job where name in ('often', 'once')",
      );
    const haveEnded = async () => {
      await pause(100);
      return (await readJobs()).every(({ state }) => state === 'completed' || state === 'failed');
    };
    const send = (command: string) => members.forEach(({ child }) => child.stdin?.write(`${command}\n`));
    const countOf = (kind: 'long' | 'enqueue') =>
      entries().filter((entry) =>
        kind === 'long' ? entry.type === 'started' && entry.long : entry.type === 'enqueued',
      ).length;
    const resultCount = () => entries().filter(({ type }) => type === 'result').length;
    const repeated = (keys: string[]) => keys.length - new Set(keys).size;
    const jobsInsertedAgain = () =>
      repeated(entries().flatMap((entry) => (entry.type === 'submitted' ? [entry.job] : [])));
    const claimsUndone = () =>
      repeated(entries().flatMap((entry) => (entry.type === 'started' ? [`${entry.job} ${entry.attempt}`] : [])));
    // Until the crashes have tested both.
    const isTested = () => jobsInsertedAgain() > 0 && claimsUndone() > 0;
    for (let round = 0; round < rounds || (!isTested() && round < maxRounds); round++) {
      const before = resultCount();
      await waitUntil(() => resultCount() > before + enough);
      const kind = (['any', 'long', 'enqueue'] as const)[round % 3];
      if (kind === 'any' || kind === undefined) await pause(random() * 1000);
      else {
        send('hold');
        await waitUntil(haveEnded);
        const before = countOf(kind);
        send(kind);
        await waitUntil(() => countOf(kind) > before);
      }
      await crash();
      await server.start();
      send('go on');
    }
    send('settle');
    for (const member of members) await member.waitFor('settled');
    await waitUntil(haveEnded);
    for (const { child } of members) child.stdin?.end();
    expect(await Promise.all(members.map(async ({ ended }) => (await ended).code))).to.deep.equal([0, 0, 0]);

    const history = entries();
    expect(checkCrashHistory(history, await readJobs()), `seed ${seed}`).to.deep.equal([]);
    const refused = history.filter(({ type }) => type === 'lost').length;
    console.log(
      `      seed ${seed}: ${resultCount()} results, ${jobsInsertedAgain()} jobs inserted again,`,
      `${claimsUndone()} claims undone after the start, ${refused} settlements refused`,
    );
    expect(isTested(), 'jobs inserted again, and claims undone').to.equal(true);
  }).timeout(600_000);
});

function entriesOf({ stdout }: Program): CrashEntry[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as CrashEntry);
}
