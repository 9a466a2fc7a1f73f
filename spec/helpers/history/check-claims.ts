import { Calls } from './calls.js';
import type { FleetHistory } from './fleet-history.js';
import { groupConcurrency, rate } from './queue-limits.js';

/** The error of a time in ms with fractions. */
const roundingMs = 0.01;

/**
 * Returns a fault for each start without a claim and each claim before its time, and for the claims of the queue
 * `limited` that exceed its rate or the limit of a group. The database has recorded the claims by its own clock.
 */
export function checkClaims(history: FleetHistory): string[] {
  return [...checkStarts(history), ...checkDue(history), ...checkGroups(history), ...checkRate(history)];
}

function checkStarts({ entries, changes }: FleetHistory): string[] {
  const claims = new Set(claimsIn(changes).map(({ job, attempt }) => `${job} ${attempt}`));
  // A crash of the server may undo a claim. Its process then finds that it has lost the job.
  for (const entry of entries) if (entry.type === 'lost') claims.add(`${entry.job} ${entry.attempt}`);
  return entries.flatMap((entry) =>
    entry.type === 'started' && !claims.has(`${entry.job} ${entry.attempt}`)
      ? [`attempt ${entry.job} ${entry.attempt} has started without a claim`]
      : [],
  );
}

function checkDue({ entries, changes }: FleetHistory): string[] {
  const calls = new Calls(entries);
  const claims = new Map(
    claimsIn(changes)
      .toReversed()
      .map(({ job, at }) => [job, at]),
  );
  return entries.flatMap((entry) => {
    if (entry.type !== 'enqueued' || calls.has('promote', entry.job)) return [];
    const { job, due = 0 } = entry;
    const earlyMs = due - (claims.get(job) ?? Infinity);
    return earlyMs > roundingMs ? [`job ${job} was claimed ${earlyMs} ms before its time`] : [];
  });
}

function checkGroups({ changes }: FleetHistory): string[] {
  const faults: string[] = [];
  const groups = new Map<string, Set<string>>();
  for (const { job, group, state } of changes) {
    if (group === null) continue;
    const active = groups.get(group) ?? new Set();
    groups.set(group, active);
    if (state !== 'active') active.delete(job);
    else if (active.add(job).size > groupConcurrency)
      faults.push(`job ${job} was claimed while ${active.size - 1} jobs of group ${group} were active`);
  }
  return faults;
}

function checkRate({ changes }: FleetHistory): string[] {
  const claims = claimsIn(changes).filter(({ queue }) => queue === 'limited');
  return claims.flatMap(({ job, at }, index) => {
    const ms = at - (claims[index - rate.jobs]?.at ?? -Infinity);
    return ms < rate.per - roundingMs ? [`job ${job} was claimed ${ms} ms after the ${rate.jobs}th before it`] : [];
  });
}

function claimsIn(changes: FleetHistory['changes']): FleetHistory['changes'] {
  return changes.filter(({ state }) => state === 'active');
}
