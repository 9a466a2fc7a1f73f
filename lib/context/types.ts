import type { Observable } from 'rxjs';
import type { AppEvent, Instrument } from '../app/orchestrate.js';
import type { TaskRunner } from '../task/types.js';

/** The application that a task is part of, as those see it who look on from inside. */
export interface Environment {
  readonly runners: readonly TaskRunner[];
  /** How long all tasks together may take to end after the cancel, in ms. */
  readonly timeout: number;
  /** Whether all tasks are ready and nobody has asked to stop. */
  readonly ready: boolean;
  readonly events$: Observable<AppEvent>;
  /** Calls a hook, with whatever is to surround it. */
  readonly around?: Instrument['around'];
  /** Is told that a run is over. */
  readonly ended?: Instrument['ended'];
}
