import type { Grant } from './database-record.js';
import type { RecordedEntry } from './entries.js';
import type { FleetHistory } from './fleet-history.js';

/** Returns a fault for each slot that ran twice, or during another process's slot, and each lease within another. */
export function checkCrons({ entries, grants }: FleetHistory): string[] {
  return [...checkSlots(entries), ...checkGrants(grants)];
}

function checkSlots(entries: readonly RecordedEntry[]): string[] {
  const faults: string[] = [];
  const seen = new Set<number>();
  /** The slots that run, by process. A process that stalled could not end its run in time. */
  const running = new Map<string, number>();
  const stalls = entries.filter((entry) => entry.type === 'stalled');
  const sorted = entries.toSorted((a, b) => a.at - b.at);
  for (const entry of sorted) {
    const { by } = entry;
    if (entry.type === 'killed') running.delete(by);
    else if (entry.type === 'slot-ended' && running.get(by) === entry.slot) running.delete(by);
    else if (entry.type === 'slot') {
      if (seen.has(entry.slot)) faults.push(`slot ${entry.slot} has run twice`);
      seen.add(entry.slot);
      for (const [other, slot] of running) {
        const hasStalled = stalls.some(
          (stall) => stall.by === other && stall.since <= entry.at && stall.at >= entry.at,
        );
        if (other !== by && !hasStalled)
          faults.push(`slot ${entry.slot} of ${by} began during slot ${slot} of ${other}`);
      }
      running.set(by, entry.slot);
    }
  }
  return faults;
}

function checkGrants(grants: readonly Grant[]): string[] {
  return grants.flatMap(({ slot, member, lastSlot, lastMember, free }) => [
    ...(lastSlot !== null && slot <= lastSlot ? [`slot ${slot} was granted after slot ${lastSlot}`] : []),
    ...(lastMember !== null && lastMember !== member && !free ? [`slot ${slot} was granted during another lease`] : []),
  ]);
}
