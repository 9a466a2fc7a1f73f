import type { Probe } from './probe.js';

/** The last probe of a target, with statistics over its window. */
export type Summary = Probe & {
  readonly probes: number;
  /** The fraction of probes that found it up, from 0 to 1. */
  readonly availability: number;
  /** The median latency of successful probes, in ms. */
  readonly median?: number;
  readonly p95?: number;
};

/** The probes of a target that are kept. */
const capacity = 100;

/** The kept probes of a target, latest first. */
export type Window = readonly [Probe, ...Probe[]];

/** Adds a round, one probe for each target in order, to the windows. */
export function remember(windows: readonly Window[], round: readonly Probe[]): Window[] {
  return round.map((probe, target) => [probe, ...(windows[target] ?? []).slice(0, capacity - 1)]);
}

export function summarise(window: Window): Summary {
  const latencies = window.flatMap((probe) => (probe.up ? probe.ms : [])).sort((a, b) => a - b);
  return {
    ...window[0],
    probes: window.length,
    availability: latencies.length / window.length,
    ...(latencies.length > 0 && { median: quantile(latencies, 0.5), p95: quantile(latencies, 0.95) }),
  };
}

/** Returns a quantile of sorted numbers, interpolated between two of them. */
export function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position % 1);
}
