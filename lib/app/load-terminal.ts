import type { AppEvent, Instrumentation } from './types.js';
import { validateOneOf } from '../util/validate.js';

/** What a program writes of itself as it runs. */
export type Ui = boolean | 'live' | 'lines' | 'json';

/** An instrument that is loaded when it is asked for. */
export interface LoadedTerminal {
  readonly instrument: Instrumentation;
  /** Calls it when all that was told has been shown: at once, once it is loaded. */
  whenFlushed(then: () => void): void;
}

export function expectUi(ui: unknown): void {
  if (typeof ui !== 'boolean') validateOneOf('ui', ['live', 'lines', 'json'], ui);
}

/** @param instead is told everything when it cannot be loaded. */
export function loadTerminal(ui: true | 'live' | 'lines' | 'json', instead: (event: AppEvent) => void): LoadedTerminal {
  let show: ((event: AppEvent, now: number) => void) | undefined;
  const buffered: { readonly event: AppEvent; readonly now: number }[] = [];
  // Not imported above: who does without it is not to wait for it.
  const loading = import('../inspect/terminal.js')
    .then(({ shower }) => shower({ ui: ui === true ? 'live' : ui }))
    .catch((error: unknown) => {
      console.error(error);
      return instead;
    })
    .then((loaded) => {
      show = loaded;
      for (const { event, now } of buffered.splice(0)) loaded(event, now);
    });
  return {
    instrument: {
      onEvent(event) {
        if (show) show(event, Date.now());
        else buffered.push({ event, now: Date.now() });
      },
    },
    whenFlushed(then) {
      if (show) then();
      else void loading.then(then);
    },
  };
}
