import type { Instrument } from './types.js';
import { reportUnhandled } from '../util/report-unhandled.js';

/** All that surround a hook as one, the first outermost. */
export function surround(instruments: readonly Instrument[]): Instrument['around'] {
  return instruments.reduceRight<Instrument['around']>((inner, instrument) => {
    if (!instrument.around) return inner;
    return (run, phase, hook) => {
      let called = false;
      const once = () => {
        if (called) return;
        called = true;
        if (inner) inner(run, phase, hook);
        else hook();
      };
      attempt(() => instrument.around?.(run, phase, once));
      // The task goes on, whatever becomes of who looks on.
      once();
    };
  }, undefined);
}

/** All that are told of an end as one. */
export function tellEnd(instruments: readonly Instrument[]): Instrument['ended'] {
  const told = instruments.filter((one) => one.ended !== undefined);
  if (told.length === 0) return undefined;
  return (run, end) => {
    for (const instrument of told) attempt(() => instrument.ended?.(run, end));
  };
}

/** Calls an instrument, whose error is its own. */
export function attempt(call: () => void): void {
  try {
    call();
  } catch (error) {
    reportUnhandled(error);
  }
}
