import { cron } from '../cron/cron.js';
import type { Runnable } from '../task/runner.js';
import { supervise } from '../supervision/supervise.js';
import type { SimpleTask } from '../task/types.js';
import type { RecordedEvent } from '../recording/recorded.js';

/** The last that a Date can hold. */
const lastTime = 8.64e15;

/** A cron that has the slots that were recorded. */
export function recordedCron(task: SimpleTask, events: readonly RecordedEvent[]): Runnable {
  const slots = events.flatMap(({ type, slot }) =>
    slot !== undefined && (type === 'slot-started' || type === 'skipped') ? [slot] : [],
  );
  const began = events.find(({ type }) => type === 'ready')?.at ?? 0;
  // One that was stopped, or goes on, had slots to come.
  const ended = events.some(({ type }) => type === 'finalizing' || type === 'done');
  if (!ended || events.some(({ type }) => type === 'cancelling')) slots.push(lastTime);
  const next = (after: number) => slots.toSorted((a, b) => a - b).find((slot) => slot > after);
  return cron(
    task,
    { next },
    {
      immediate: slots.some((slot) => slot <= began),
      overlap: 'skip',
      tolerance: Infinity,
      onError: events.at(-1)?.outcome?.error?.phase === 'execute' ? 'stop' : 'continue',
    },
  );
}

/** Whether the events of a task are those of a supervised one. */
export function isSupervised(events: readonly RecordedEvent[]): boolean {
  const outcome = events.at(-1)?.outcome;
  // Only who would have been started again is cancelled by what comes while it finalizes.
  const cancelled = outcome?.status === 'cancelled' && events.at(-2)?.type === 'finalizing';
  const told = events.some(({ type }) => type === 'restarting') || outcome?.error?.name === 'RestartLimitError';
  return told || (cancelled && events.at(-3)?.type !== 'cancelling');
}

/** A supervision that restarts when it was recorded to. */
export function recordedSupervision(inner: Runnable, events: readonly RecordedEvent[]): Runnable {
  // How long it was until the next life, which a timer may have made longer than it was to be.
  const delays = events.flatMap(({ type, at, delay = 0 }, place) => {
    const next = events[place + 1];
    const began = next?.type === 'initializing' || next?.type === 'ready';
    return type === 'restarting' ? [began ? next.at - at : delay] : [];
  });
  const longest = Math.max(0, ...delays);
  const outcome = events.at(-1)?.outcome;
  let restart = 0;
  return supervise(inner, {
    restart: outcome?.status === 'completed' ? 'on-failure' : 'always',
    maxRestarts: outcome?.error?.name === 'RestartLimitError' ? delays.length : Infinity,
    window: Infinity,
    // The delay that chance makes of the longest.
    backoff: {
      initial: longest,
      max: longest,
      factor: 1,
      jitter: 1,
      random: () => (delays[restart++] ?? 0) / (2 * longest || 1),
    },
  });
}
