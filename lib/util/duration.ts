export const second = 1000;
export const minute = 60_000;
export const hour = 3_600_000;
export const day = 86_400_000;

/**
 * Returns a duration in words, with at most two units: `1.23 s`, `1 min 30 s`, `2 d 1 h`.
 *
 * @param fixed whether the form depends on the length alone, for a column of a table: seconds have one decimal, a
 * second unit of 0 is kept, and hours are the largest unit.
 */
export function duration(ms: number, { fixed = false }: { fixed?: boolean } = {}): string {
  // A time between two readings of the clock is negative if it was set back in between.
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${fixed ? (ms / second).toFixed(1) : round(ms / second, ms < 9995 ? 2 : 1)} s`;
  const [large, largeName, small, smallName] = unitsFor(ms, fixed);
  const count = Math.round(ms / small);
  const rest = count % (large / small);
  return `${Math.floor(count / (large / small))} ${largeName}${rest > 0 || fixed ? ` ${rest} ${smallName}` : ''}`;
}

/** Rounds to a number of digits after the decimal point. */
export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function unitsFor(ms: number, fixed: boolean): readonly [number, string, number, string] {
  if (ms < (fixed ? hour - second / 2 : 59.5 * minute)) return [minute, 'min', second, 's'];
  return fixed || ms < 2 * day ? [hour, 'h', minute, 'min'] : [day, 'd', hour, 'h'];
}
