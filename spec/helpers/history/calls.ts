import type { JobCall, RecordedEntry } from './entries.js';

/** The calls that concern single jobs, each at most once for a job. */
export class Calls {
  /** The answer of each call, or undefined if it has none. */
  private readonly answers = new Map<string, boolean | undefined>();

  constructor(entries: readonly RecordedEntry[]) {
    for (const entry of entries)
      if (entry.type === 'called') this.answers.set(`${entry.call} ${entry.job}`, undefined);
      else if (entry.type === 'answered') this.answers.set(`${entry.call} ${entry.job}`, entry.done);
  }

  has(call: JobCall, job: string): boolean {
    return this.answers.has(`${call} ${job}`);
  }

  /** Whether a call may have had its effect: it was answered with `true`, or it has no answer. */
  mayBeDone(call: JobCall, job: string): boolean {
    return this.has(call, job) && this.answers.get(`${call} ${job}`) !== false;
  }
}
