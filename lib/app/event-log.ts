import type { RunContext } from '../context/types.js';
import { isSlotNotice, logNotice, SlotLog } from '../cron/slot-log.js';
import type { TaskEventDetail } from '../task/types.js';
import { validateArray } from '../util/validate.js';
import { eventError, logEventError } from './error-log.js';
import { setEventFilter } from './event-filter.js';
import type { AppEvent, Instrumentation } from './types.js';

/**
 * Creates a function that writes to the console what must not stay unnoticed when nobody observes an application: the
 * errors of its events, each once, and the slots that crons skip, miss or start late, at a limited rate.
 */
export function createEventLog(): (event: AppEvent, run?: RunContext) => void {
  /** The logs of crons whose runs are not known, by path: those of custom runners. */
  const logs = new Map<string, SlotLog>();
  return (event, run) => {
    if (!isSlotNotice(event)) logEventError(event);
    else if (logNotice(event, run)) return;
    else if (event.type === 'option-failed') logEventError(event);
    else {
      const { task: name, at: now } = event;
      const log = logs.get(name) ?? new SlotLog();
      logs.set(name, log);
      log.add(event, { name, now });
    }
    if (event.type !== 'done') return;
    logs.get(event.task)?.write({ name: event.task, now: event.at });
    logs.delete(event.task);
  };
}

/** Adds the console to the instrumentation of an application that has no observer. */
export function withEventLog(instrumentation: readonly Instrumentation[] = []): readonly Instrumentation[] {
  validateArray('instrumentation', instrumentation);
  return [...instrumentation, setEventFilter({ onEvent: createEventLog() }, isLogged)];
}

/** Whether an event may have an effect on the console. At its end, a custom runner without a context writes notices. */
function isLogged(event: TaskEventDetail, run: RunContext | undefined): boolean {
  return eventError(event) !== undefined || isSlotNotice(event) || (event.type === 'done' && !run);
}
