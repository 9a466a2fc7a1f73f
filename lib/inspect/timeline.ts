import type { RecordedEvent, RecordedOutcome } from '../recording/recorded.js';
import { keepLast } from './keep-last.js';
import { Track, type Row } from './row.js';

/** What happened to all tasks at a moment. */
export interface Line {
  readonly at: number;
  readonly type: 'draining' | 'cancelled' | 'shutdown';
  readonly event: RecordedEvent;
}

/** How many spans, and how many marks, all rows together may hold, or twice as many for a while. */
const most = 200_000;

/**
 * What an application did, as a row of spans and marks for each task. It takes the events as they come, those of a recording whose
 * first events were not kept, too, and holds no more than the last ones of each row. It needs nothing of Node.
 */
export class Timeline {
  /** In the order in which the tasks were first heard of. */
  readonly rows: ReadonlyMap<string, Row>;
  readonly lines: readonly Line[];
  /** The times of the first event and of the last. */
  from: number | undefined = undefined;
  to: number | undefined = undefined;
  private readonly tracks = new Map<string, Track>();
  private readonly allLines: Line[] = [];
  private readonly limit: number;
  private linesDropped = 0;
  /** Many rows share what one may hold, so that a day of a thousand busy tasks fits, too. */
  private readonly room = (): number => Math.max(20, Math.min(this.limit, Math.floor(most / this.tracks.size)));

  /** @throws RangeError for a `limit` that is no number from 1 and up. */
  constructor({ limit = 1000 }: { /** Of the spans, and of the marks, of a row. */ readonly limit?: number } = {}) {
    if (!(limit >= 1)) throw new RangeError(`Expected \`limit\` to be a number from 1 and up, got \`${limit}\``);
    this.limit = limit;
    this.rows = this.tracks;
    this.lines = this.allLines;
  }

  /** How many spans, marks and lines were not kept. */
  get dropped(): number {
    let sum = this.linesDropped;
    for (const { dropped } of this.tracks.values()) sum += dropped;
    return sum;
  }

  add(event: RecordedEvent): void {
    // The clock by which it was recorded may have been set back.
    const at = Math.max(event.at, this.to ?? event.at);
    const from = (this.from ??= at);
    this.to = at;
    const { type } = event;
    if (type === 'shutdown') {
      this.settle(event.outcomes ?? [], at);
      // What no outcome speaks of has not ended, either.
      for (const track of this.tracks.values()) if (track.open) track.settle('timed-out', undefined, at);
    }
    if (type === 'draining' || type === 'cancelled' || type === 'shutdown')
      this.linesDropped += keepLast(this.allLines, { at, type, event }, this.limit);
    else if (event.task !== undefined && type !== 'value') this.track(event.task, at).add(event, at, from);
  }

  private track(task: string, at: number): Track {
    let track = this.tracks.get(task);
    if (!track) this.tracks.set(task, (track = new Track(task, at, this.room)));
    return track;
  }

  private settle(outcomes: readonly RecordedOutcome[], at: number): void {
    for (const { task, status, error, members } of outcomes) {
      this.track(task, at).settle(status, error, at);
      if (members) this.settle(members, at);
    }
  }
}
