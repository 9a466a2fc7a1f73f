import { exhaustMap, filter, interval, Observable, startWith, Subscription } from 'rxjs';
import { invalid } from '../util/validate.js';
import type { Call } from './call.js';
import { Channel, longestMessage } from './channel.js';
import { isLost, unlessLost, type Connection } from './connection.js';
import type { FleetRow } from './fleet-row.js';
import type { JobEvent, JobEventDetail } from './job-event.js';

/** How much of a message what every event says may take, in bytes. */
const room = 400;
/** How often whoever follows says so, in ms. */
const renewEvery = 4000;
/** How long, in ms, an answer of the database may have been on its way that knows nothing yet of what was heard. */
const onTheWay = 2000;
/** For how long, in ms, a submit waits to hear of ends: without that they are found, a while later. */
const patience = 1000;

/** What happens to jobs. It goes to other processes only while one follows it; a cancel, and the end of a job that someone waits for, always do. */
export class JobEvents {
  private readonly channel: Channel<JobEvent>;
  private readonly connection: Connection;
  private readonly row: FleetRow;
  private readonly name: string;
  /** Whether any process follows, as the row was last seen to say, and when that was last heard. */
  private followed = false;
  private heard = -Infinity;
  private followers = 0;
  private closed = false;
  private renewing = Subscription.EMPTY;
  /** That this process follows is told to the others. */
  private known: Promise<void> | undefined = undefined;

  constructor(connection: Connection, calls: Channel<Call>, row: FleetRow, name: string) {
    this.channel = new Channel(connection, `${connection.schema}$events`, isJobEvent);
    this.connection = connection;
    this.row = row;
    this.name = name;
    row.seen$.subscribe(({ followed }) => (this.followed = followed));
    calls.stream.pipe(filter(({ type }) => type === 'follow')).subscribe(() => (this.heard = performance.now()));
  }

  /** Whether this process follows. */
  get following(): boolean {
    return this.followers > 0;
  }

  /** What is told: without someone who follows, only the ends of jobs that someone waits for. */
  get told$(): Observable<JobEvent> {
    return this.channel.stream;
  }

  /** Emits when events may have been missed. */
  get missed$(): Observable<void> {
    return this.channel.missed$;
  }

  /** All that happens: whoever subscribes follows. */
  get all$(): Observable<JobEvent> {
    return new Observable((subscriber) => {
      subscriber.add(this.follow());
      return this.told$.subscribe(subscriber);
    });
  }

  /** Waits until it is heard what is told, but not for long. */
  async listen(): Promise<void> {
    try {
      await this.connection.promptly(Promise.all([this.channel.listen(), this.known]), patience);
    } catch (error) {
      if (!isLost(error)) throw error;
    }
  }

  /** Has all that happens told, until it is unsubscribed. */
  follow(): Subscription {
    if (this.followers++ === 0 && !this.closed)
      this.renewing = interval(renewEvery)
        .pipe(
          startWith(0),
          exhaustMap(() => (this.known = this.renew())),
        )
        .subscribe();
    return new Subscription(() => {
      if (--this.followers === 0) this.renewing.unsubscribe();
    });
  }

  /** @param awaited whether someone waits for it. */
  tell(queue: string, job: string, detail: JobEventDetail, awaited = false): JobEvent {
    const event: JobEvent = { queue, job, at: Date.now(), by: this.name, ...detail };
    if (event.type === 'progress') expectShort(event);
    const followed = this.followed || this.following || performance.now() - this.heard < onTheWay;
    if (awaited || followed) this.channel.send(fitting(event));
    return event;
  }

  close(): Promise<void> {
    this.closed = true;
    this.renewing.unsubscribe();
    return this.channel.flush();
  }

  private async renew(): Promise<void> {
    try {
      await this.channel.listen();
      await this.row.follow();
    } catch (error) {
      unlessLost(error);
    }
  }
}

function expectShort(event: JobEvent): void {
  if (!isShort(event)) throw new RangeError(invalid(event.type, `JSON of up to ${longestMessage - room} bytes`, event));
}

/** Whoever wants an output that is too long finds it in the table. */
function fitting(event: JobEvent): JobEvent {
  if (event.type !== 'completed' || isShort(event)) return event;
  const { queue, job, at, by, type, attempt } = event;
  return { queue, job, at, by, type, attempt };
}

function isShort(event: JobEvent): boolean {
  return Buffer.byteLength(JSON.stringify(event)) <= longestMessage;
}

const types = new Set<unknown>([
  'submitted',
  'started',
  'progress',
  'retrying',
  'completed',
  'failed',
  'lost',
  'cancelled',
] satisfies JobEvent['type'][]);

/** Whether something can be one: what is read of it is there. */
function isJobEvent(value: unknown): value is JobEvent {
  const { type, queue, job, output, failure } = (value ?? {}) as Record<string, unknown>;
  if (!types.has(type) || typeof queue !== 'string' || typeof job !== 'string') return false;
  if (type === 'failed' || type === 'retrying') return typeof failure === 'object' && failure !== null;
  return output === undefined || (typeof output === 'object' && output !== null);
}
