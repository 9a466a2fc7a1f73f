// Runs the last release and this version of the library in one fleet, from their tarballs: jobs cross both ways, and no
// slot runs twice, or a version is refused. `npm run build` must come first.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { lines } from '../helpers/fleet-programs.js';
import { startPostgres } from '../helpers/postgres.js';
import { Program } from '../helpers/program.js';
import { build, install, lastRelease } from './installed.js';

const faults: string[] = [];
const expectThat = (holds: boolean, fault: string) => {
  if (!holds) faults.push(fault);
};

/** Runs two versions together. The first one creates the tables. */
async function runTogether(url: string, schema: string, first: Version, second: Version): Promise<void> {
  const start = ({ name, program }: Version, other: string) =>
    new Program(process.execPath, [program, JSON.stringify({ url, schema, name, other })]);
  const title = `${first.name} then ${second.name}`;
  const old = start(first, second.name);
  await old.waitFor('up');
  const later = start(second, first.name);
  // A process of the first version that starts again finds the tables as the second one has left them.
  await later.waitFor('\n');
  const again = start(first, second.name);
  await again.waitFor('\n');
  const all = [old, later, again].filter((program) => !program.stdout.includes('refused'));
  for (const program of [later, again])
    for (const refusal of lines(program, 'refused'))
      expectThat(refusal === 'FleetVersionError', `${title}: refused with ${refusal}`);

  for (const program of all) program.child.stdin?.write('submit\n');
  for (const program of all) await program.waitFor('submitted');
  if (all.includes(later)) {
    expectThat(lines(old, 'results')[0] === `of ${second.name}`, `${title}: ${old.stdout}`);
    expectThat(lines(later, 'results')[0] === `of ${first.name}`, `${title}: ${later.stdout}`);
  }
  const slots = all.flatMap((program) => lines(program, 'slot'));
  expectThat(slots.length > 0 && new Set(slots).size === slots.length, `${title}: ${slots.length} slots, some twice`);
  later.child.stdin?.write('cancel\n');
  for (const program of all) await program.waitFor('cancelled');
  for (const program of all) program.child.stdin?.write('close\n');
  const ended = await Promise.all(all.map((program) => program.ended));
  for (const { code, stderr } of ended) expectThat(code === 0, `${title}: exit code ${code}: ${stderr}`);
  const degraded = new Set(all.flatMap((program) => lines(program, 'degraded')));
  console.log(`${title}: ${all.length} of 3 processes joined, ${slots.length} slots`, ...degraded);
}

interface Version {
  readonly name: string;
  /** The path of the program. */
  readonly program: string;
}

const release = await lastRelease();
if (release === undefined) {
  console.log('There is no release, and this clone has no history: there is no version to compare.');
  process.exit(0);
}
console.log(`the last release: ${release}`);
const directory = await mkdtemp(join(tmpdir(), 'fleet-versions-'));
await build(release, join(directory, 'source'));
const versions = {
  last: { name: 'last', program: await install(join(directory, 'source'), join(directory, 'last')) },
  current: { name: 'current', program: await install(resolve('.'), join(directory, 'current')) },
};
const server = await startPostgres();
try {
  await runTogether(server.url, 'upgraded', versions.last, versions.current);
  await runTogether(server.url, 'downgraded', versions.current, versions.last);
} finally {
  await server.remove();
  await rm(directory, { recursive: true });
}
for (const fault of faults) console.error(`FAULT: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
