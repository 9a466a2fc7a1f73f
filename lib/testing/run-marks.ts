import type { RecordedError, RecordedEvent } from '../recording/types.js';
import type { Mark, Marble } from './marbles.js';

/** Marks of the events that have the same mark each time. */
const markOf = {
  initializing: '[',
  ready: '>',
  failed: '#',
  'slot-started': '+',
  skipped: '/',
  missed: '%',
  overdue: ':',
  'slot-failed': '*',
  cancelling: '!',
  finalizing: ']',
  'result-dropped': "'",
  'teardown-failed': '}',
  'option-failed': '=',
  'future-failed': '$',
  added: '{',
  removed: ';',
  triggered: '^',
  paused: ',',
  resumed: '&',
  rescheduled: '@',
  'restart-requested': '"',
  operated: '`',
} as const satisfies Partial<Record<RecordedEvent['type'], Mark>>;

/**
 * Whether a supervised task has failed because its runs ended too often, not because they failed. The message then
 * ends without the last error.
 */
export function isLimitOfEnds({ name, message }: RecordedError): boolean {
  return name === 'RestartLimitError' && /ended for good after \d+ restarts? within \S+ ms$/.test(message);
}

/** Adds the marks of one run, or of tasks that share a path and the number of their runs, to a row. */
export class RunMarks {
  hasEnded = false;
  private readonly row: Marble[];
  /** The numbers of marks that the ends of the current runs do not repeat. */
  private cancels = 0;
  private failures = 0;
  private finalize: Marble | undefined = undefined;

  constructor(row: Marble[]) {
    this.row = row;
  }

  /** Adds the marks of an event of the run, at a time in ms from the start of the row. */
  add(event: RecordedEvent, at: number): void {
    if (event.type === 'restarting') {
      this.addFailure(event.error, at);
      this.push('<', at);
      this.hasEnded = true;
    } else if (event.type === 'done') this.addEnd(event.outcome, at);
    else {
      const marble = this.push(markOf[event.type as keyof typeof markOf], at);
      if (event.type === 'finalizing') this.finalize = marble;
      if (event.type === 'cancelling') this.cancels++;
      if (event.type === 'failed') this.failures++;
    }
  }

  private addEnd({ status, error }: Partial<NonNullable<RecordedEvent['outcome']>> = {}, at: number): void {
    // A task that was cancelled before it started, or between two runs, has no `cancelling` event.
    if (this.cancels > 0) this.cancels--;
    else if (status === 'cancelled') this.push('!', at);
    this.addFailure(error, at);
    this.finalize = undefined;
    const last = this.row.at(-1);
    if (last?.mark !== '#' || last.at !== at) this.push('|', at);
    this.hasEnded = this.cancels === 0 && this.failures === 0;
  }

  /**
   * Adds the error of a run that has emitted no `failed`: `finalize` failed, or a member of a group did. Older
   * recordings have no `failed` either; there the error occurred before `finalize`.
   */
  private addFailure(error: RecordedError | undefined, at: number): void {
    const { row, finalize } = this;
    if (this.failures > 0) this.failures--;
    else if (!error) return;
    else if (finalize && error.phase !== 'finalize' && !isLimitOfEnds(error))
      row.splice(row.lastIndexOf(finalize), 0, { at: finalize.at, mark: '#' });
    else this.push('#', at);
  }

  private push(mark: Mark, at: number): Marble {
    const marble = { at, mark };
    this.row.push(marble);
    return marble;
  }
}
