// Soak test: random operations on the whole core, on the real event loop and with real timers. It fails with exit code
// 1 when memory or listeners leak, or when a run is lost or reported twice. Usage: `npm run soak -- --for 30s --seed
// 1`, `npm run soak -- fleet` for a fleet of processes, and `npm run soak -- year` for one in virtual time.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { getHeapCodeStatistics } from 'node:v8';
import { config } from 'rxjs';
import { withCancel } from '../../lib/index.js';
import { Operations } from './operations.js';
import { SeededRandom } from './seeded-random.js';
import { growth, warmUpSeconds, type Sample } from './growth.js';
import { Ledger } from './ledger.js';
import { ResidentApp } from './resident-app.js';
import type { FleetSimulation } from './year/simulate-fleet.js';

const { values, positionals } = parseArgs({
  options: {
    for: { type: 'string', default: '10m' },
    seed: { type: 'string' },
    processes: { type: 'string', default: '10' },
    'fault-days': { type: 'string', default: '10' },
    'outage-days': { type: 'string', default: '7' },
    jitter: { type: 'string', default: '0' },
  },
  allowPositionals: true,
});
const [, number, unit = ''] = /^([\d.]+)(s|m|h|d)$/.exec(values.for) ?? [];
const duration = Number(number) * ({ s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? NaN);
const seed = Number(values.seed ?? Date.now() % 1e6);
const { gc } = globalThis;
if (!gc || !(duration > 0) || !Number.isInteger(seed) || !['fleet', 'year', undefined].includes(positionals[0])) {
  console.error('Usage: node --expose-gc --import tsx spec/soak/soak.ts [fleet|year] [--for 10m] [--seed n]');
  process.exit(2);
}
if (positionals[0] === 'fleet') {
  const { soakFleet } = await import('./fleet-soak.js');
  process.exit((await soakFleet(duration, seed)) ? 0 : 1);
}
if (positionals[0] === 'year') {
  const { soakYear } = await import('./year/soak-year.js');
  const [processes, faultDays, outageDays] = [values.processes, values['fault-days'], values['outage-days']].map(
    Number,
  );
  const options = {
    processes,
    hours: duration / 3_600_000,
    seed,
    faultDays,
    outageDays,
    jitter: Number(values.jitter),
  };
  process.exit((await soakYear(options as FleetSimulation)) ? 0 : 1);
}

const ledger = new Ledger();
const random = new SeededRandom(seed);
config.onUnhandledError = (error: unknown) => ledger.onUnhandledError(error);
process.on('uncaughtException', (error) => ledger.faults.push(`uncaught: ${String(error)}`));
process.on('unhandledRejection', (reason) => ledger.faults.push(`unhandled rejection: ${String(reason)}`));
process.on('warning', (warning) => ledger.faults.push(`warning: ${String(warning)}`));
console.error = (error: unknown) => ledger.onConsoleError(error);

const start = performance.now();
const samples: Sample[] = [];
const [master, cancel] = withCancel();
const handlesBefore = process.getActiveResourcesInfo().length;
const processListeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
const residents = new ResidentApp(random, ledger, master);
const operations = new Operations(random, ledger, master);
let count = 0;

/** The time after which an operation that has not ended is a fault. Only a hang exceeds it. */
const maxIdleWaitMs = 90_000;

/** Waits until all operations have ended. */
async function waitUntilIdle(): Promise<void> {
  for (const since = performance.now(); !ledger.isIdle && performance.now() - since < maxIdleWaitMs;) await sleep(5);
  ledger.close();
  // A collected future reports its error in a macrotask of its own.
  for (let i = 0; i < 3; i++) {
    gc?.();
    await sleep(2);
    await turn();
  }
  gc?.();
}

function takeSample(): Sample {
  // V8 compiles code for as long as the process runs.
  const { code_and_metadata_size, bytecode_and_metadata_size } = getHeapCodeStatistics();
  return {
    seconds: (performance.now() - start) / 1000,
    operations: count,
    heap: process.memoryUsage().heapUsed - code_and_metadata_size - bytecode_and_metadata_size,
    handles: process.getActiveResourcesInfo().length,
    listeners: processListeners() + operations.listeners + residents.listeners,
    contextListeners: operations.contextListeners + residents.contextListeners,
  };
}

const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(3)} MB`;
const printRow = (...texts: unknown[]) => console.log(texts.map((text) => String(text).padStart(11)).join(''));

await waitUntilIdle();
const baseline = takeSample();
printRow('time', 'operations', 'runs', 'heap', 'handles', 'listeners', 'on contexts');
const sampleIntervalMs = Math.min(3000, Math.max(200, duration / 200));
while (performance.now() - start < duration && ledger.faults.length === 0) {
  for (const since = performance.now(); performance.now() - since < sampleIntervalMs;) {
    for (let burst = random.integer(20); burst > 0; burst--, count++) operations.runOne();
    await (random.oneIn(2) ? turn() : sleep(random.integer(40)));
  }
  await waitUntilIdle();
  const sample = takeSample();
  samples.push(sample);
  const { seconds, heap, handles, listeners, contextListeners } = sample;
  printRow(`${seconds.toFixed(1)} s`, count, ledger.ended['run'] ?? 0, mb(heap), handles, listeners, contextListeners);
}

cancel(new Error('the soak is over'));
const report = await residents.app;
ledger.expect(report.clean, String(report));
await waitUntilIdle();
const { handles, listeners, contextListeners } = takeSample();
ledger.expect(handles <= handlesBefore, `at the end: ${process.getActiveResourcesInfo().join(', ')}`);
ledger.expect(
  listeners === processListeners() && contextListeners === 0,
  `at the end: ${listeners} listeners, ${contextListeners} on contexts`,
);
console.log();
// The resident application still runs when samples are taken: each of its tasks may have a timer and context listeners.
for (const [name, allowed] of [
  ['handles', 4],
  ['listeners', 0],
  ['contextListeners', 8],
] as const) {
  const highest = Math.max(...samples.map((sample) => sample[name]));
  const flat = highest <= baseline[name] + allowed;
  ledger.expect(flat, `${name} leak`);
  console.log(
    `${name}: ${baseline[name]} before, ${highest} at most, ${allowed} more allowed: ${flat ? 'flat' : 'NOT FLAT'}`,
  );
}
const { from, to } = growth(samples.map(({ heap }) => heap));
const allowedBytes = 0.25 * 2 ** 20;
const verdict = duration < warmUpSeconds * 1000 ? 'too short to say' : to - from <= allowedBytes ? 'flat' : 'NOT FLAT';
ledger.expect(verdict !== 'NOT FLAT', 'the heap leaks');
console.log(
  `heap: ${mb(from)} in the second quarter, ${mb(to)} in the last, ${mb(allowedBytes)} more allowed: ${verdict}`,
);
for (const [what, begun] of Object.entries(ledger.begun)) {
  console.log(`${what}: ${begun} started, ${ledger.ended[what] ?? 0} ended`);
}
for (const source of ['subscriber', 'future'] as const) {
  const [thrown, reported] = [ledger.thrown[source], ledger.reported[source]];
  ledger.expect(thrown === reported, `errors of a ${source} are lost`);
  console.log(`unhandled errors of a ${source}: ${thrown} thrown, ${reported} reported`);
}
for (const fault of ledger.faults.slice(0, 20)) console.log(`FAULT: ${fault}`);
console.log(
  `${ledger.faults.length === 0 ? 'No fault' : `${ledger.faults.length} faults`} in ${count} operations, seed ${seed}.`,
);
process.exitCode = ledger.faults.length === 0 ? 0 : 1;
