import type { RunContext, RunHooks } from '../context/types.js';
import { reportTeardownError } from '../task/report-teardown.js';
import { logError } from '../util/log-error.js';
import { invalid, validateArray, validateFunction } from '../util/validate.js';
import { validateMembers } from '../util/validate-options.js';
import { copyEventFilter } from './event-filter.js';
import type { AppEvent, Instrumentation } from './types.js';

const callbackNames: readonly (keyof Instrumentation)[] = ['onEvent', 'wrapHook', 'onRunEnd'];

/** Validates instrumentation and reads its callbacks once, so that a later change of the objects has no effect. */
export function readInstrumentation(instrumentation: readonly Instrumentation[]): readonly Instrumentation[] {
  validateArray('instrumentation', instrumentation);
  return Array.from(instrumentation, (callbacks: unknown): Instrumentation => {
    if (typeof callbacks !== 'object' || callbacks === null)
      throw new TypeError(invalid('instrumentation', 'an array of objects', callbacks));
    const bound = callbackNames.flatMap((name) => {
      const callback = (callbacks as Record<string, unknown>)[name];
      if (callback === undefined) return [];
      validateFunction(`instrumentation.${name}`, callback);
      return [[name, callback.bind(callbacks)] as const];
    });
    if (bound.length === 0) validateMembers(callbacks, callbackNames, 'instrumentation');
    return copyEventFilter(callbacks, Object.fromEntries(bound));
  });
}

/**
 * Composes all `onEvent` callbacks into one, which returns a function that reports what they have thrown. Call it when
 * the event has been delivered, because the report is an event, too.
 */
export function composeOnEvent(
  instrumentation: readonly Instrumentation[],
): (event: AppEvent, run: RunContext | undefined) => (() => void) | undefined {
  const listeners = instrumentation.flatMap(({ onEvent }) => onEvent ?? []);
  return (event, run) => {
    let errors: unknown[] | undefined;
    for (const listener of listeners) {
      // No function for each call: there may be very many events.
      try {
        listener(event, run);
      } catch (error) {
        (errors ??= []).push(error);
      }
    }
    return errors && (() => reportErrors(event, run, errors));
  };
}

/** Composes all `wrapHook` callbacks into one. The first is outermost. */
export function composeWrapHook(instrumentation: readonly RunHooks[]): RunHooks['wrapHook'] {
  return instrumentation.reduceRight<RunHooks['wrapHook']>((inner, { wrapHook }) => {
    if (!wrapHook) return inner;
    return (run, phase, hook) => {
      let called = false;
      const callOnce = () => {
        if (called) return;
        called = true;
        if (inner) inner(run, phase, hook);
        else hook();
      };
      try {
        wrapHook(run, phase, callOnce);
      } catch (error) {
        reportTeardownError(error, run);
      }
      // The task must run even if the instrumentation throws or does not call the hook.
      callOnce();
    };
  }, undefined);
}

/** Composes all `onRunEnd` callbacks into one. */
export function composeOnRunEnd(instrumentation: readonly RunHooks[]): RunHooks['onRunEnd'] {
  const listeners = instrumentation.flatMap(({ onRunEnd }) => onRunEnd ?? []);
  if (listeners.length === 0) return undefined;
  return (run, end) => {
    for (const listener of listeners) {
      try {
        listener(run, end);
      } catch (error) {
        reportTeardownError(error, run);
      }
    }
  };
}

/** Reports what callbacks have thrown for an event. */
function reportErrors(event: AppEvent, run: RunContext | undefined, errors: readonly unknown[]): void {
  // A callback that throws for each event would throw for each report, too.
  if (event.type === 'teardown-failed') errors.forEach(logError);
  else for (const error of errors) reportTeardownError(error, run);
}
