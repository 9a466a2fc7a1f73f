import { exhaustMap, filter, interval, Observable, startWith, Subscription } from 'rxjs';
import { invalid } from '../util/validate.js';
import { isConnectionError } from './connection-errors.js';
import type { ControlMessage } from './control-message.js';
import type { FleetDatabase } from './fleet-database.js';
import { maxMessageBytes, NotifyChannel } from './notify-channel.js';
import type { JobEvent, JobEventDetail } from './queue-types.js';
import type { StatusPoller } from './status-poller.js';

/** Bytes of a message that are reserved for the fields of every event. */
const reservedBytes = 400;
/** The interval at which a following process renews its entry in the fleet's status, in ms. */
const renewMs = 4000;
/** Time in which a status from before a `follow` message may still arrive after the message, in ms. */
const staleStatusMs = 2000;
/** Time limit for a submit to wait until this process listens, in ms. Without it, polls find the results. */
const listenTimeoutMs = 1000;

/**
 * The events of jobs, in all processes. Other processes get them only while a process follows. They always get a
 * cancel, and the end of a job whose submitter waits for it.
 */
export class JobEventChannel {
  private readonly channel: NotifyChannel<JobEvent>;
  private readonly database: FleetDatabase;
  private readonly poller: StatusPoller;
  /** The name of this process. */
  private readonly name: string;
  /** Whether any process follows, according to the last status. */
  private followed = false;
  /** When the last `follow` message arrived. */
  private lastFollowMessage = -Infinity;
  private followers = 0;
  private closed = false;
  private renewing = Subscription.EMPTY;
  /** The last renewal of this process's entry in the fleet's status. */
  private renewal: Promise<void> | undefined = undefined;

  constructor(database: FleetDatabase, control: NotifyChannel<ControlMessage>, poller: StatusPoller, name: string) {
    this.channel = new NotifyChannel(database, `${database.schema}$events`, isJobEvent);
    this.database = database;
    this.poller = poller;
    this.name = name;
    poller.status$.subscribe(({ followed }) => (this.followed = followed));
    control.messages$
      .pipe(filter(({ type }) => type === 'follow'))
      .subscribe(() => (this.lastFollowMessage = performance.now()));
  }

  /** Whether this process follows. */
  get following(): boolean {
    return this.followers > 0;
  }

  /** Emits the received events. While no process follows, these are only cancels and the ends of awaited jobs. */
  get received$(): Observable<JobEvent> {
    return this.channel.messages$;
  }

  /** Emits when events may have been missed. */
  get missed$(): Observable<void> {
    return this.channel.missed$;
  }

  /** Emits all events: this process follows while there is a subscriber. */
  get all$(): Observable<JobEvent> {
    return new Observable((subscriber) => {
      subscriber.add(this.follow());
      return this.received$.subscribe(subscriber);
    });
  }

  /** Waits until this process listens, for a limited time. */
  async listen(): Promise<void> {
    try {
      await this.database.withTimeout(Promise.all([this.channel.listen(), this.renewal]), listenTimeoutMs);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
    }
  }

  /** Makes all processes send all events, until it is unsubscribed. */
  follow(): Subscription {
    if (this.followers++ === 0 && !this.closed)
      this.renewing = interval(renewMs)
        .pipe(
          startWith(0),
          exhaustMap(() => (this.renewal = this.renew())),
        )
        .subscribe();
    return new Subscription(() => {
      if (--this.followers === 0) this.renewing.unsubscribe();
    });
  }

  /** @param awaited whether the submitter of the job waits for this event. */
  emit(queue: string, job: string, detail: JobEventDetail, awaited = false): JobEvent {
    const event: JobEvent = { queue, job, at: Date.now(), by: this.name, ...detail };
    if (event.type === 'progress') validateLength(event);
    const followed = this.followed || this.following || performance.now() - this.lastFollowMessage < staleStatusMs;
    if (awaited || followed) this.channel.send(toMessage(event));
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
      await this.poller.follow();
    } catch (error) {
      this.database.report(error);
    }
  }
}

function validateLength(event: JobEvent): void {
  if (!fitsMessage(event))
    throw new RangeError(invalid(event.type, `JSON of up to ${maxMessageBytes - reservedBytes} bytes`, event));
}

/** Removes an output that is too long for a message. A process that needs it reads it from the table. */
function toMessage(event: JobEvent): JobEvent {
  if (event.type !== 'completed' || fitsMessage(event)) return event;
  const { queue, job, at, by, type, attempt } = event;
  return { queue, job, at, by, type, attempt };
}

function fitsMessage(event: JobEvent): boolean {
  return Buffer.byteLength(JSON.stringify(event)) <= maxMessageBytes;
}

const eventTypes = new Set<unknown>([
  'submitted',
  'started',
  'progress',
  'retrying',
  'completed',
  'failed',
  'lost',
  'cancelled',
] satisfies JobEvent['type'][]);

/** Whether a value has the fields of a job event that are read. */
function isJobEvent(value: unknown): value is JobEvent {
  const { type, queue, job, output, failure } = (value ?? {}) as Record<string, unknown>;
  if (!eventTypes.has(type) || typeof queue !== 'string' || typeof job !== 'string') return false;
  if (type === 'failed' || type === 'retrying') return typeof failure === 'object' && failure !== null;
  return output === undefined || (typeof output === 'object' && output !== null);
}
