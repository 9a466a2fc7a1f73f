import { countPassed, slotAfter, type CountedSchedule, type Schedule } from './schedule.js';

/**
 * Returns those of `count` slots, from `first` on, that are due at or after a time.
 *
 * @returns the first of them, and how many they are.
 */
export function recentSlots(
  schedule: Schedule | CountedSchedule,
  first: number,
  count: number,
  since: number,
): { readonly first: number; readonly count: number } {
  let slot: number | undefined = first;
  let remaining = count;
  // Without counting there are few slots.
  if (countPassed in schedule && slot < since) {
    const passed = schedule[countPassed](slot, since);
    remaining -= passed.count;
    if (passed.count > 0) slot = passed.last;
  }
  while (slot !== undefined && slot < since && remaining > 0) {
    slot = slotAfter(schedule, slot);
    remaining--;
  }
  return { first: slot ?? since, count: Math.max(0, remaining) };
}
