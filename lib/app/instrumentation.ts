import type { Instrumentation } from './types.js';
import { reportUnhandled } from '../util/report-unhandled.js';

/** All that surround a hook as one, the first outermost. */
export function composeWrapHook(instruments: readonly Instrumentation[]): Instrumentation['wrapHook'] {
  return instruments.reduceRight<Instrumentation['wrapHook']>((inner, instrument) => {
    if (!instrument.wrapHook) return inner;
    return (run, phase, hook) => {
      let called = false;
      const once = () => {
        if (called) return;
        called = true;
        if (inner) inner(run, phase, hook);
        else hook();
      };
      callSafely(() => instrument.wrapHook?.(run, phase, once));
      // The task goes on, whatever becomes of who looks on.
      once();
    };
  }, undefined);
}

/** All that are told of an end as one. */
export function composeOnRunEnd(instruments: readonly Instrumentation[]): Instrumentation['onRunEnd'] {
  const told = instruments.filter((one) => one.onRunEnd !== undefined);
  if (told.length === 0) return undefined;
  return (run, end) => {
    for (const instrument of told) callSafely(() => instrument.onRunEnd?.(run, end));
  };
}

/** Calls an instrument, whose error is its own. */
export function callSafely(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportUnhandled(error);
  }
}
