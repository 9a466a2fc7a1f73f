import type { Scenario } from './scenario-types.js';

/** Scenarios that have been warned of: `explore` runs one many times. */
const warned = new WeakSet<Scenario>();

/** Writes on stderr, once, that a scenario takes long, after that many steps and ms of virtual time. */
export function warnOfLength(scenario: Scenario, steps: number, ms: number): void {
  // A scenario whose time does not pass soon fails.
  if (ms === 0 || warned.has(scenario)) return;
  warned.add(scenario);
  const [timers, seconds] = [steps, ms / 1000].map((count) => count.toLocaleString('en'));
  console.error(
    `This scenario is long: ${timers} timers have fired within ${seconds} s of virtual time, and it goes on. ` +
      'To make it faster, shorten its `duration`, or give its tasks longer intervals. ' +
      'A cron that waits has a timer each 30 s',
  );
}
