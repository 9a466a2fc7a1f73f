import { reportUnhandled } from '../util/report-unhandled.js';
import type { RunHooks } from '../context/types.js';

/** Composes all `wrapHook` callbacks into one. The first is outermost. */
export function composeWrapHook(instrumentation: readonly RunHooks[]): RunHooks['wrapHook'] {
  return instrumentation.reduceRight<RunHooks['wrapHook']>((inner, outer) => {
    if (!outer.wrapHook) return inner;
    return (run, phase, hook) => {
      let called = false;
      const callOnce = () => {
        if (called) return;
        called = true;
        if (inner) inner(run, phase, hook);
        else hook();
      };
      callSafely(() => outer.wrapHook?.(run, phase, callOnce));
      // The task must run even if the instrumentation throws or does not call the hook.
      callOnce();
    };
  }, undefined);
}

/** Composes all `onRunEnd` callbacks into one. */
export function composeOnRunEnd(instrumentation: readonly RunHooks[]): RunHooks['onRunEnd'] {
  const listeners = instrumentation.filter((callbacks) => callbacks.onRunEnd !== undefined);
  if (listeners.length === 0) return undefined;
  return (run, end) => {
    for (const listener of listeners) callSafely(() => listener.onRunEnd?.(run, end));
  };
}

/** Calls instrumentation. An error it throws is reported as unhandled and does not reach the task. */
export function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportUnhandled(error);
  }
}
