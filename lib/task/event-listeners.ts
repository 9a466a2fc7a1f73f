import { Observable } from 'rxjs';
import type { RunHooks } from '../context/types.js';
import type { CompositeRun } from './composite.js';
import type { TaskEventDetail } from './types.js';

// Loops, because applications and runs may be nested deeper than the call stack.

/** Whether an application with these hooks, or one that it is part of, has an event listener. */
export function hasAppListener(runHooks: RunHooks | undefined): boolean {
  for (let hooks = runHooks; hooks; hooks = hooks.outer) if (hooks.observed) return true;
  return false;
}

/** Whether such a listener has a use for an event of a run, which has no error. */
export function isUsedByApp(event: TaskEventDetail, run: CompositeRun): boolean {
  for (let hooks = run.runHooks; hooks; hooks = hooks.outer) if (hooks.uses?.(event, run)) return true;
  return false;
}

/** The number of subscribers of the `events$` of all runners. */
let subscribers = 0;

/** Counts the subscribers of the `events$` of a runner, so that without any no run has to search for one. */
export function countSubscribers<T>(events$: Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    subscribers++;
    subscriber.add(() => subscribers--);
    return events$.subscribe(subscriber);
  });
}

/** Whether the `events$` of a run's runner, or of that of a run that it is part of, has a subscriber. */
export function hasEventSubscriber(run: CompositeRun): boolean {
  if (subscribers === 0) return false;
  for (let each: CompositeRun | undefined = run; each; each = each.parent) if (each.hasSubscriber) return true;
  return false;
}
