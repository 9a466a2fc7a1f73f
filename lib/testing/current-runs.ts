import type { RecordedEvent } from '../recording/types.js';

/** The runs of one path that have begun and not ended. Runs that another task has started may overlap. */
export class CurrentRuns<R> {
  private readonly runs = new Map<number | undefined, R>();
  private readonly begin: () => R;

  constructor(begin: () => R) {
    this.begin = begin;
  }

  /** Returns the run of an event. */
  of({ runId }: RecordedEvent): R {
    // A value has no number.
    const last = runId === undefined ? [...this.runs.values()].at(-1) : undefined;
    const run = this.runs.get(runId) ?? last ?? this.begin();
    if (run !== last) this.runs.set(runId, run);
    return run;
  }

  delete(run: R): void {
    for (const [runId, each] of this.runs) if (each === run) this.runs.delete(runId);
  }
}
