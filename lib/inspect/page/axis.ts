/** The time that is shown. */
export interface Period {
  readonly from: number;
  readonly to: number;
  readonly now: number;
}

const steps = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000,
];

export function stepOf({ from, to }: Period): number {
  const most = innerWidth < 640 ? 4 : 9;
  return steps.find((step) => (to - from) / step <= most) ?? 604_800_000;
}

/** Round times, of the zone that the browser is in. */
export function ticks(period: Period): number[] {
  const step = stepOf(period);
  const zone = new Date(period.from).getTimezoneOffset() * 60_000;
  const all: number[] = [];
  for (let at = Math.ceil((period.from - zone) / step) * step + zone; at <= period.to; at += step) all.push(at);
  return all;
}
