const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * day),
];

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/**
 * At most so many ticks of an axis, at round times: from the start on, and of what goes on for more than two hours by the clock, in
 * UTC, so that whoever is sent a drawing reads the same.
 */
export function ticks(from: number, to: number, most: number, zero: number = from): Tick[] {
  const length = to - from;
  const step = stepFor(length, most);
  const byClock = isLong(zero, to);
  const base = byClock ? 0 : zero;
  const all: Tick[] = [];
  for (let at = base + Math.ceil((from - base) / step) * step; at <= to; at += step)
    all.push({ at, label: byClock ? clockTime(at, step) : since(at - zero, to - zero) });
  return all;
}

/** How far ticks are from each other, so that there are at most so many. */
export function stepFor(length: number, most: number): number {
  return steps.find((one) => length / one <= most) ?? Math.ceil(length / most / day) * day;
}

/** What the labels of an axis count from. */
export function origin(from: number, to: number): string {
  return isLong(from, to) ? 'UTC' : '';
}

export function isLong(from: number, to: number): boolean {
  return to - from > 2 * hour;
}

/** A moment as an axis would label it, as exactly as it is known. */
export function moment(at: number, from: number, to: number): string {
  return isLong(from, to) ? new Date(at).toISOString().replace('T', ' ').slice(0, 19) : duration(at - from);
}

/** A length of time in words. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${round(ms / second, ms < 9995 ? 2 : 1)} s`;
  const pairs = [
    [minute, 'min', second, 's'],
    [hour, 'h', minute, 'min'],
    [day, 'd', hour, 'h'],
  ] as const;
  const [large, largeName, small, smallName] = pairs[ms < 59.5 * minute ? 0 : ms < 2 * day ? 1 : 2];
  const rest = Math.round(ms / small);
  const over = rest % (large / small);
  return `${Math.floor(rest / (large / small))} ${largeName}${over > 0 ? ` ${over} ${smallName}` : ''}`;
}

/** All labels of an axis are in one unit. */
function since(past: number, length: number): string {
  if (past === 0) return '0';
  if (length <= second) return `${past} ms`;
  return length <= 2 * minute ? `${round(past / second, 3)} s` : `${round(past / minute, 3)} min`;
}

function clockTime(at: number, step: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  return at % day === 0 || step >= day ? date : time.slice(0, 5);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
