import type { RunContext } from '../context/types.js';
import { logError } from '../util/log-error.js';
import { validateOneOf } from '../util/validate.js';
import type { AppEvent, Instrumentation } from './types.js';

/** The form in which a program shows its events. */
export type Ui = boolean | 'live' | 'lines' | 'json';

/** The terminal output, which is loaded on demand. */
export interface LoadedTerminal {
  readonly instrumentation: Instrumentation;
  /** Calls back when all events so far are shown: immediately once the output is loaded. */
  whenFlushed(callback: () => void): void;
}

export function validateUi(ui: unknown): void {
  if (typeof ui !== 'boolean') validateOneOf('ui', ['live', 'lines', 'json'], ui);
}

/**
 * Loads the terminal output of `rxjs-tasks/inspect` and shows events with it. Buffers events until then.
 *
 * @param fallback receives all events if the output cannot be loaded.
 */
export function loadTerminal(
  ui: Exclude<Ui, false>,
  fallback: (event: AppEvent, run?: RunContext) => void,
): LoadedTerminal {
  let show: ((event: AppEvent, now: number, run?: RunContext) => void) | undefined;
  const buffered: { readonly event: AppEvent; readonly now: number; readonly run: RunContext | undefined }[] = [];
  // A dynamic import, so that programs without this output do not load it.
  const loading = import('../inspect/terminal/terminal.js')
    .then(({ createTerminalWriter }) => createTerminalWriter({ ui: ui === true ? 'live' : ui }))
    .catch((error: unknown) => {
      logError(error);
      return (event: AppEvent, _now: number, run?: RunContext) => fallback(event, run);
    })
    .then((loaded) => {
      show = loaded;
      for (const { event, now, run } of buffered.splice(0)) loaded(event, now, run);
    });
  return {
    instrumentation: {
      onEvent(event, run) {
        if (show) show(event, Date.now(), run);
        else buffered.push({ event, now: Date.now(), run });
      },
    },
    whenFlushed(callback) {
      if (show) callback();
      else void loading.then(callback);
    },
  };
}
