import { simulateFleet, type FleetSimulation, type SimulationResult } from './simulate-fleet.js';

const hoursOfMonth = 30 * 24;

/**
 * Simulates a fleet in virtual time, and checks each slot of its crons. Prints a report, also after each month. Returns
 * whether there is no fault.
 */
export async function soakYear(options: FleetSimulation): Promise<boolean> {
  for (const name of ['processes', 'hours', 'faultDays', 'outageDays'] as const)
    if (!((options[name] ?? 1) > 0)) throw new RangeError(`Expected \`${name}\` to be above 0, got ${options[name]}`);
  if (!Number.isInteger(options.hours)) throw new RangeError('Expected `--for` to be whole hours');
  const { user, system } = process.cpuUsage();
  const result = await simulateFleet({
    ...options,
    onHour: (hours, each) => {
      if (hours % hoursOfMonth === 0 && hours < options.hours) console.log(`${hours / 24} days: ${summary(each)}\n`);
    },
  });
  const used = process.cpuUsage({ user, system });
  console.log(report(result, options));
  console.log(`${Math.round((used.user + used.system) / 1e6)} s of a processor.`);
  const { faults } = result.ledger;
  for (const fault of faults.slice(0, 20)) console.log(`FAULT: ${fault}`);
  console.log(`${faults.length === 0 ? 'No fault' : `${faults.length} faults`}, seed ${options.seed}.`);
  return faults.length === 0;
}

function summary({ ledger: { counts, faults } }: SimulationResult): string {
  return `${counts.due} slots, ${counts.once} run once, ${counts.due - counts.once} lost, ${faults.length} faults`;
}

function report({ ledger, load, caused }: SimulationResult, { processes, hours }: FleetSimulation): string {
  const { counts, lost, lateness } = ledger;
  const sorted = lateness.toSorted((a, b) => a - b);
  const percentile = (part: number) => `${(sorted[Math.floor((sorted.length - 1) * part)] ?? NaN).toFixed(1)} ms`;
  const { claim, other } = load.statements;
  const lines: [string, string | number][] = [
    ['processes', processes],
    ['days', hours / 24],
    ...Object.entries(caused),
    ['slots due', counts.due],
    ['run once', counts.once],
    ...Array.from(lost, ([reason, count]): [string, number] => [`lost: ${reason}`, count]),
    ['runs that were interrupted', counts.interrupted],
    ['claims', claim],
    ['claims that were refused', counts.refused],
    ['renewals and releases', other],
    ['statements that wrote', load.writes],
    ['statements a second', ((claim + other) / hours / 3600).toFixed(1)],
    ['statements in the busiest second', load.peakSecond],
    ['statements in the busiest ms', load.peakMs],
    ['longest wait in the server', `${load.longestWaitMs} ms`],
    ['late: median', percentile(0.5)],
    ['late: 99 %', percentile(0.99)],
    ['late: 99.9 %', percentile(0.999)],
    ['late: most', percentile(1)],
  ];
  return lines.map(([name, value]) => `${name}: ${value}`).join('\n');
}
