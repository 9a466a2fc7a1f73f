import type { Instrument } from '../orchestrate.js';

/** All that surround a hook as one, the first outermost. */
export function surround(instruments: readonly Instrument[]): Instrument['around'] {
  return instruments.reduceRight<Instrument['around']>((inner, instrument) => {
    if (!instrument.around) return inner;
    if (!inner) return (run, phase, hook) => instrument.around?.(run, phase, hook);
    return (run, phase, hook) => instrument.around?.(run, phase, () => inner(run, phase, hook));
  }, undefined);
}
