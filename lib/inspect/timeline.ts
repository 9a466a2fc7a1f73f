import type { RecordedEvent, RecordedOutcome } from '../recording/types.js';
import { keepLast } from './keep-last.js';
import { TaskTimeline, type TaskRow } from './task-timeline.js';
import { parentOf } from './task-tree.js';

/** A moment in the life of the application, which concerns all its tasks. */
export interface AppMark {
  readonly at: number;
  readonly type: 'draining' | 'cancelled' | 'shutdown';
  readonly event: RecordedEvent;
}

/** The largest number of spans, and of marks, of all rows together. They may briefly hold twice as many. */
const maxEntries = 200_000;
/** The number of rows, beyond which ended ones are dropped. */
const maxRows = 5000;

/**
 * The history of an application: a row of spans and marks for each task. It accepts live events and recordings, also
 * recordings whose first events were dropped, and keeps the last entries of each row. It uses no API of Node.
 */
export class Timeline {
  /** In the order of the tasks' first events. */
  readonly rows: ReadonlyMap<string, TaskRow>;
  readonly appMarks: readonly AppMark[];
  /** The times of the first event and of the last. */
  from: number | undefined = undefined;
  to: number | undefined = undefined;
  private readonly taskTimelines = new Map<string, TaskTimeline>();
  private readonly allAppMarks: AppMark[] = [];
  private readonly limit: number;
  private appMarksDropped = 0;
  private rowsDropped = 0;
  private maxRows = maxRows;
  /** Returns the limit of a row. Many rows share `maxEntries`, so that a day of a thousand busy tasks fits. */
  private readonly rowLimit = (): number =>
    Math.max(20, Math.min(this.limit, Math.floor(maxEntries / this.taskTimelines.size)));

  /**
   * @param options.limit the number of spans, and of marks, to keep of a row. Default: 1,000.
   * @throws RangeError if `limit` is below 1 or not a number.
   */
  constructor({ limit = 1000 }: { readonly limit?: number } = {}) {
    if (!(limit >= 1)) throw new RangeError(`Expected \`limit\` to be a number from 1 and up, got \`${limit}\``);
    this.limit = limit;
    this.rows = this.taskTimelines;
    this.appMarks = this.allAppMarks;
  }

  /** The number of spans, marks and application marks that were dropped. */
  get dropped(): number {
    let sum = this.appMarksDropped + this.rowsDropped;
    for (const { dropped } of this.taskTimelines.values()) sum += dropped;
    return sum;
  }

  add(event: RecordedEvent): void {
    // The clock of the recording may have been set back.
    const at = Math.max(event.at, this.to ?? event.at);
    const from = (this.from ??= at);
    this.to = at;
    const { type } = event;
    if (type === 'shutdown') {
      this.applyOutcomes(event.outcomes ?? [], at);
      // A task without an outcome has not ended either.
      for (const task of this.taskTimelines.values())
        if (task.active > 0) task.applyOutcome('timed-out', undefined, at);
    }
    if (type === 'draining' || type === 'cancelled' || type === 'shutdown')
      this.appMarksDropped += keepLast(this.allAppMarks, { at, type, event }, this.limit);
    else if (event.task !== undefined && type !== 'value') this.timelineOf(event.task, at).add(event, at, from);
  }

  private timelineOf(task: string, at: number): TaskTimeline {
    let timeline = this.taskTimelines.get(task);
    if (!timeline) {
      this.taskTimelines.set(task, (timeline = new TaskTimeline(task, at, this.rowLimit)));
      if (this.limit < Infinity && this.taskTimelines.size > this.maxRows) this.dropEndedRows();
    }
    return timeline;
  }

  /**
   * Drops the oldest ended tasks below others. A task that invents names for the runs it starts has no end of them.
   */
  private dropEndedRows(): void {
    const { taskTimelines } = this;
    let remaining = taskTimelines.size - maxRows / 2;
    for (const [name, { active, status, spans, marks, dropped }] of taskTimelines) {
      if (remaining <= 0) break;
      if (active > 0 || status === 'idle' || parentOf(name, taskTimelines) === undefined) continue;
      taskTimelines.delete(name);
      this.rowsDropped += spans.length + marks.length + dropped;
      remaining--;
    }
    // Not again for each of many rows that stay.
    this.maxRows = Math.max(maxRows, 2 * taskTimelines.size);
  }

  private applyOutcomes(outcomes: readonly RecordedOutcome[], at: number): void {
    for (const { task, status, error, members } of outcomes) {
      this.timelineOf(task, at).applyOutcome(status, error, at);
      if (members) this.applyOutcomes(members, at);
    }
  }
}
