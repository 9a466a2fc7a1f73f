// `npm run bench -- [--quick] [work…]` measures all works, or some, and writes the table, results.json and the charts.
// A quick run measures each figure once, omits the largest size, and writes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { chart } from './chart.js';
import { fleetChart } from './fleet-chart.js';
import { run } from './run.js';
import { figureTable, judge, targetTable } from './table.js';

const names = [
  'futures',
  'runners',
  'cancel',
  'heap',
  'crons',
  'lateness',
  'inspect',
  'year',
  'exit',
  'import',
  'bundle',
  'threads',
  'fleet',
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

const results = {
  machine: { node: process.version, cpu: cpus()[0].model, cores: cpus().length },
  versions: versions(),
  works: read('results.json')?.works ?? {},
};

const judgements = [];
const tables = [];
const grown = [];
for (const name of asked.length > 0 ? names.filter((name) => asked.includes(name)) : names) {
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
if (!quick) write('results.svg', chart(results.works));
if (!quick && results.works.fleet) write('fleet.svg', fleetChart(results.works.fleet));

console.log([targetTable(judgements), ...tables].join('\n'));
for (const { what, n, ratio, target } of grown) {
  console.error(`This grows with n, and must not: ${what}: ${ratio} at ${n}, must be ${target}`);
  process.exitCode = 1;
}

function versions() {
  const { dependencies } = read('package.json');
  const peers = Object.keys(dependencies).map((peer) => [peer, read(`node_modules/${peer}/package.json`).version]);
  return Object.fromEntries([['rxjs', read('../node_modules/rxjs/package.json').version], ...peers]);
}

function read(file) {
  try {
    return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function write(file, text) {
  writeFileSync(new URL(file, import.meta.url), text);
}
