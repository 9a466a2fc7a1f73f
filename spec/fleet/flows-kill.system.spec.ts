import { build } from 'esbuild';
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastValueFrom } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { pipeline } from '../helpers/pipeline.js';
import { statement } from '../helpers/postgres.js';
import { Program } from '../helpers/program.js';

/** The packages have a `require` in the bundle, as esbuild's documentation says. */
const banner = `import { createRequire as createRequireHere } from 'node:module';
const require = createRequireHere(import.meta.url);`;
/** The number of processes that run at a time, besides those that wait for the loss of their jobs to be noticed. */
const maxConcurrent = 3;

/** The number of statements at which the process is killed. Default: all. */
const rounds = Number(process.env['KILL_ROUNDS'] ?? Infinity);

describe('A pipeline of three steps', () => {
  const fleets = new Fleets();
  const programs = new Set<Program>();
  const apps: Application[] = [];
  let directory: string;
  let fleet: Fleet;

  before(async () => {
    fleet = await fleets.connect();
    directory = await mkdtemp(join(tmpdir(), 'pipeline-'));
    // Many processes start, which takes a bundle a quarter of the time.
    await build({
      entryPoints: [fileURLToPath(new URL('../fixtures/fleet/pipeline.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['pg-native', '@electric-sql/pglite'],
      banner: { js: banner },
      outfile: join(directory, 'pipeline.mjs'),
    });
  });
  after(async () => {
    for (const program of programs) program.kill('SIGKILL');
    for (const app of apps) await app.stop();
    await fleets.close();
    await rm(directory, { recursive: true });
  });

  /**
   * Lets a process run a pipeline, and kills it at a statement. Returns the result of the pipeline, which this process
   * completes, and the number of statements.
   *
   * @param killAt the number of the statement, from 1 on.
   */
  async function runPipeline(killAt: number): Promise<{ result: Promise<number>; statements: number }> {
    const name = `kill-${killAt}`;
    const proxy = await FaultProxy.start(await sharedUrl());
    const input = JSON.stringify({ url: proxy.url, schema: fleets.schema, name });
    const program = new Program(process.execPath, [join(directory, 'pipeline.mjs'), input]);
    programs.add(program);
    await program.waitFor('warm');
    const { workers, submit, last } = pipeline(fleet, name);
    const [, , id] = await submit('a tale\nof two\ncities');
    let statements = 0;
    proxy.onStatement = () => {
      if (++statements === killAt) program.kill('SIGKILL');
    };
    program.child.stdin?.write('\n');
    // The end of the pipeline, or of the process.
    await program.waitFor('completed').catch(() => undefined);
    if (statements < killAt) program.kill('SIGKILL');
    await program.ended;
    programs.delete(program);
    await proxy.close();
    apps.push(launch(workers));
    return { result: lastValueFrom(last.result(id)), statements };
  }

  it('has its result, whatever statement its process is killed at, once another one goes on', async () => {
    const { result, statements } = await runPipeline(Infinity);
    expect(await result).to.equal(305);
    expect(statements).to.be.above(10);
    // A few more, because the order of the statements varies.
    const last = statements + 3;
    const step = Math.max(1, Math.ceil(last / rounds));
    // Where not every statement gets its turn, other ones get it in each run.
    let next = 1 + Math.floor(Math.random() * step);
    const results: Promise<number>[] = [];
    const runAll = async () => {
      for (let at = next; at <= last; at = next) {
        next += step;
        results.push((await runPipeline(at)).result);
      }
    };
    await Promise.all(Array.from({ length: maxConcurrent }, runAll));
    expect(results).to.have.length.above(0);
    expect(new Set(await Promise.all(results))).to.deep.equal(new Set([305]));
    const states = await statement<{ state: string; count: number }>(
      await sharedUrl(),
      `select state::text, count(*)::int from ${fleets.schema}_jobs.job group by state`,
    );
    expect(states).to.deep.equal([{ state: 'completed', count: 3 * (results.length + 1) }]);
    expect(await statement(await sharedUrl(), `select from ${fleets.schema}.job_after`)).to.deep.equal([]);
  });
});
