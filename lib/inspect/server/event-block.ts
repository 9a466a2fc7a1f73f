import type { AppEvent } from '../../app/types.js';
import type { RecordedEvent } from '../../recording/types.js';
import type { Outcome, TaskEvent } from '../../task/types.js';
import { attempt } from '../../util/attempt.js';

/** The number of events in a block. */
const blockLength = 1024;
/** The size at which a part of a block is sent, in characters. */
const partSize = 1 << 16;

/** The kinds of events that are stored as numbers. The index of a kind is its number; 0 is that of all other events. */
const kinds = ['', 'initializing', 'ready', 'finalizing', 'slot-started', 'completed', 'cancelled'] as const;
type Kind = (typeof kinds)[number];

/** Some events. */
export interface EventsAsJson {
  /** The inside of a JSON array. */
  readonly json: string;
  /** The number of the event after the last of them. */
  readonly next: number;
}

/**
 * Some events of a log, until a client reads them. Those of a run that goes well are stored as numbers and the path of
 * its task, because most are never read. All others are stored as JSON. No event keeps an object of the application.
 */
export class EventBlock {
  /** The number of its first event. */
  readonly first: number;
  private readonly kinds = new Uint8Array(blockLength);
  private readonly times = new Float64Array(blockLength);
  private readonly runIds = new Float64Array(blockLength);
  private readonly slots = new Float64Array(blockLength);
  /** The path of the task of each event, or its JSON. */
  private readonly texts: string[] = [];

  constructor(first: number) {
    this.first = first;
  }

  get isFull(): boolean {
    return this.texts.length === blockLength;
  }

  /** The number of the event after its last one. */
  get end(): number {
    return this.first + this.texts.length;
  }

  add(event: RecordedEvent): void {
    this.texts.push(jsonOf(event));
  }

  /** Adds an event of the kind with this number. */
  addAsNumbers(event: TaskEvent, kind: number): void {
    const index = this.texts.push(event.task) - 1;
    this.kinds[index] = kind;
    this.times[index] = event.at;
    this.runIds[index] = event.runId;
    if (event.type === 'slot-started') this.slots[index] = event.slot;
  }

  /** Returns some events from a number on. */
  read(from: number): EventsAsJson {
    let json = this.jsonOf(from - this.first);
    let next = from + 1;
    for (; next < this.end && json.length < partSize; next++) json += `,${this.jsonOf(next - this.first)}`;
    return { json, next };
  }

  private jsonOf(index: number): string {
    const text = this.texts[index] ?? '';
    const kind = kinds[this.kinds[index] ?? 0] ?? '';
    return kind === '' ? text : JSON.stringify(this.eventOf(index, kind, text));
  }

  private eventOf(index: number, kind: Exclude<Kind, ''>, task: string): RecordedEvent {
    const at = this.times[index] ?? 0;
    const runId = this.runIds[index] ?? 0;
    switch (kind) {
      case 'slot-started':
        return { type: kind, at, task, runId, slot: this.slots[index] ?? 0 };
      case 'completed':
      case 'cancelled':
        return { type: 'done', at, task, runId, outcome: { task, status: kind } };
      default:
        return { type: kind, at, task, runId };
    }
  }
}

/** Returns the JSON of an event. One of a custom runner may have properties that JSON cannot store. */
function jsonOf(event: RecordedEvent): string {
  const { type, at, task, runId } = event;
  return attempt(() => JSON.stringify(event), undefined) ?? JSON.stringify({ type, at, task, runId });
}

/** Returns the number of the kind of an event, and 0 for one that numbers cannot store. */
export function kindOf(event: AppEvent): number {
  const { type } = event;
  const kind = type === 'done' && hasStatusAlone(event.outcome, event.task) ? event.outcome.status : type;
  return Math.max(0, (kinds as readonly string[]).indexOf(kind));
}

/** Whether there is nothing to record of an outcome but its status. */
function hasStatusAlone({ task, error, phase, children, slots, members }: Outcome, path: string): boolean {
  return task === path && !(error ?? phase ?? children ?? slots ?? members);
}
