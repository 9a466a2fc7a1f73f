import type { FleetState, QueueState } from 'rxjs-tasks/fleet';
import type { InspectedQueue } from '../../lib/inspect/index.js';

/** Returns the state of a fleet of three processes. One of them sends no heartbeats. */
export function exampleFleet(change: Partial<FleetState> = {}): FleetState {
  const now = Date.now();
  const since = now - 3_600_000;
  return {
    schema: 'shop',
    members: [
      { name: 'web-1', host: 'north', pid: 11, since, seen: now - 1000, live: true },
      { name: 'worker-2', host: 'south', pid: 12, since, seen: now - 150_000, live: false },
      { name: 'worker-1', host: 'south', pid: 13, since, seen: now - 1000, live: true },
    ],
    queues: [exampleQueue({ name: 'emails', waiting: 1200, running: 4 }), exampleQueue({ name: 'invoices', dead: 3 })],
    crons: [
      { task: 'shop/cleanup', slot: now - (now % 1000), holder: 'worker-1' },
      { task: 'shop/report', slot: new Date(2026, 0, 2, 3, 4, 5).getTime() },
    ],
    paused: [],
    ...change,
  };
}

/** Returns the state of a queue that has no jobs. */
export function exampleQueue(change: Partial<QueueState> = {}): QueueState {
  return {
    name: 'emails',
    waiting: 0,
    delayed: 0,
    blocked: 0,
    retrying: 0,
    running: 0,
    dead: 0,
    ended: { completed: 0, failed: 0, ms: 60_000 },
    ...change,
  };
}

/** Returns a queue without jobs. */
export function emptyQueue(change: Partial<InspectedQueue> = {}): InspectedQueue {
  const none = () => Promise.resolve([]);
  const done = () => Promise.resolve();
  const refused = () => Promise.resolve(false);
  return {
    job: () => Promise.resolve(undefined),
    jobs: none,
    groups: none,
    deadLetters: none,
    pause: done,
    resume: done,
    promote: refused,
    retry: refused,
    remove: refused,
    redrive: () => Promise.resolve(0),
    ...change,
  };
}
