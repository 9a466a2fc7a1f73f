// For a while, random things with the whole core, on the real event loop and real timers: does anything grow, get lost, or come
// twice? `npm run soak -- --for 30s --seed 1`. The exit code is 1 when something does.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { getHeapCodeStatistics } from 'node:v8';
import { config } from 'rxjs';
import { withCancel } from '../../lib/index.js';
import { Acts } from './acts.js';
import { Chance } from './chance.js';
import { grown, warm, type Sample } from './flat.js';
import { Ledger } from './ledger.js';
import { Residents } from './residents.js';

const { values } = parseArgs({ options: { for: { type: 'string', default: '10m' }, seed: { type: 'string' } } });
const [, number, unit = ''] = /^([\d.]+)(s|m|h)$/.exec(values.for) ?? [];
const duration = Number(number) * ({ s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? NaN);
const seed = Number(values.seed ?? Date.now() % 1e6);
const { gc } = globalThis;
if (!gc || !(duration > 0) || !Number.isInteger(seed)) {
  console.error('Usage: node --expose-gc --import tsx spec/soak/soak.ts [--for 10m] [--seed n]');
  process.exit(2);
}

const ledger = new Ledger();
const chance = new Chance(seed);
config.onUnhandledError = (error: unknown) => ledger.unhandled(error);
process.on('uncaughtException', (error) => ledger.faults.push(`uncaught: ${String(error)}`));
process.on('unhandledRejection', (reason) => ledger.faults.push(`unhandled rejection: ${String(reason)}`));
process.on('warning', (warning) => ledger.faults.push(`warning: ${String(warning)}`));
console.error = (error: unknown) => ledger.written(error);

const start = performance.now();
const samples: Sample[] = [];
const [master, cancel] = withCancel();
const handlesBefore = process.getActiveResourcesInfo().length;
const processListeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
const residents = new Residents(chance, ledger, master);
const acts = new Acts(chance, ledger, master);
let count = 0;

/** Until all that was begun has ended. */
async function rest(): Promise<void> {
  for (const since = performance.now(); !ledger.isQuiet && performance.now() - since < 15_000;) await sleep(5);
  ledger.close();
  // What is collected may report its error, in a turn of its own.
  for (let i = 0; i < 3; i++) {
    gc?.();
    await sleep(2);
    await turn();
  }
  gc?.();
}

function look(): Sample {
  // V8 goes on compiling for as long as it runs.
  const { code_and_metadata_size, bytecode_and_metadata_size } = getHeapCodeStatistics();
  return {
    seconds: (performance.now() - start) / 1000,
    acts: count,
    heap: process.memoryUsage().heapUsed - code_and_metadata_size - bytecode_and_metadata_size,
    handles: process.getActiveResourcesInfo().length,
    listeners: processListeners() + acts.listeners + residents.listeners,
    hanging: acts.hanging + residents.hanging,
  };
}

const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(3)} MB`;
const cells = (...texts: unknown[]) => console.log(texts.map((text) => String(text).padStart(11)).join(''));

await rest();
const quiet = look();
cells('time', 'acts', 'runs', 'heap', 'handles', 'listeners', 'hanging');
const every = Math.min(3000, Math.max(200, duration / 200));
while (performance.now() - start < duration && ledger.faults.length === 0) {
  for (const since = performance.now(); performance.now() - since < every;) {
    for (let burst = chance.below(20); burst > 0; burst--, count++) acts.act();
    await (chance.in(2) ? turn() : sleep(chance.below(40)));
  }
  await rest();
  const sample = look();
  samples.push(sample);
  const { seconds, heap, handles, listeners, hanging } = sample;
  cells(`${seconds.toFixed(1)} s`, count, ledger.ended['run'] ?? 0, mb(heap), handles, listeners, hanging);
}

cancel(new Error('that is all'));
const report = await residents.app;
ledger.expect(report.clean, String(report));
await rest();
const { handles, listeners, hanging } = look();
ledger.expect(handles <= handlesBefore, `in the end: ${process.getActiveResourcesInfo().join(', ')}`);
ledger.expect(listeners === processListeners() && hanging === 0, `in the end: ${listeners} listen, ${hanging} hang`);
console.log();
// What the residents do at the moment is seen, too: each has a timer, and something that hangs on its context.
for (const [name, most] of [
  ['handles', 4],
  ['listeners', 0],
  ['hanging', 8],
] as const) {
  const highest = Math.max(...samples.map((sample) => sample[name]));
  const flat = highest <= quiet[name] + most;
  ledger.expect(flat, `${name} are left behind`);
  console.log(
    `${name}: ${quiet[name]} before, ${highest} at most, ${most} more allowed: ${flat ? 'flat' : 'NOT FLAT'}`,
  );
}
const { from, to } = grown(samples.map(({ heap }) => heap));
const allowed = 0.25 * 2 ** 20;
const verdict = duration < warm * 1000 ? 'too short to say' : to - from <= allowed ? 'flat' : 'NOT FLAT';
ledger.expect(verdict !== 'NOT FLAT', 'the heap grows');
console.log(`heap: ${mb(from)} in the second quarter, ${mb(to)} in the last, ${mb(allowed)} more allowed: ${verdict}`);
for (const [what, begun] of Object.entries(ledger.begun)) {
  console.log(`${what}: ${begun} begun, ${ledger.ended[what] ?? 0} ended`);
}
for (const of of ['subscriber', 'future'] as const) {
  const [thrown, reported] = [ledger.thrown[of], ledger.reported[of]];
  ledger.expect(thrown === reported, `errors of a ${of} are lost`);
  console.log(`error of a ${of} that nobody catches: ${thrown} thrown, ${reported} reported`);
}
for (const fault of ledger.faults.slice(0, 20)) console.log(`FAULT: ${fault}`);
console.log(
  `${ledger.faults.length === 0 ? 'No fault' : `${ledger.faults.length} faults`} in ${count} acts, seed ${seed}.`,
);
process.exitCode = ledger.faults.length === 0 ? 0 : 1;
