import type { Probe } from './probe.js';

/** The last probe of a target, and what all that are remembered say. */
export type Summary = Probe & {
  readonly probes: number;
  /** The part of them that found it up, from 0 to 1. */
  readonly availability: number;
  /** Of the latency, in ms, when it was up. */
  readonly median?: number;
  readonly p95?: number;
};

/** How many probes of a target are remembered. */
const capacity = 100;

/** What is remembered of a target, the latest first. */
export type Window = readonly [Probe, ...Probe[]];

/** Adds a round, in which every target has its place, to what is remembered of each. */
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

/** Of sorted numbers; between two of them it is interpolated. */
export function quantile(sorted: readonly number[], q: number): number {
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)] ?? NaN;
  const above = sorted[Math.ceil(place)] ?? NaN;
  return below + (above - below) * (place % 1);
}
