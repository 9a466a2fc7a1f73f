import { Observable, type Subscription } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';
import { answerWithin } from './answer-within.js';
import { isConnectionError } from './connection-errors.js';
import type { ControlMessage } from './control-message.js';
import { EventFollowers } from './event-followers.js';
import { toEventText, validateProgress } from './event-text.js';
import type { FleetDatabase } from './fleet-database.js';
import { isEnd, parseJobMessage, toJobMessage, type JobMessage } from './job-message.js';
import { NotifyChannel } from './notify-channel.js';
import { ProgressWriter } from './progress-writer.js';
import type { JobEvent, JobEventDetail } from './queue-types.js';
import { RemoteEvents } from './remote-events.js';
import { eventsChannel } from './schema-names.js';
import type { StatusPoller } from './status-poller.js';

/** Time limit for a submit to wait until this process listens, in ms. Without it, polls find the results. */
const listenTimeoutMs = 1000;

/**
 * The events of jobs, in all processes. Other processes get messages about them only while a process follows. They
 * always get that of a cancel, and of the end of a job whose submitter waits for it. Messages have no contents: the
 * receiver reads the jobs.
 */
export class JobEventChannel {
  private readonly channel: NotifyChannel<JobMessage>;
  private readonly followers: EventFollowers;
  private readonly progress: ProgressWriter;
  /** The name of this process. */
  private readonly name: string;
  private readonly ends = new LinkedSubject<JobEvent>();
  private readonly all = new LinkedSubject<JobEvent>();

  constructor(database: FleetDatabase, control: NotifyChannel<ControlMessage>, poller: StatusPoller, name: string) {
    this.channel = new NotifyChannel(database, eventsChannel(database.schema), parseJobMessage);
    this.followers = new EventFollowers(database, control, poller, () => this.channel.listen());
    this.progress = new ProgressWriter(database);
    this.name = name;
    const remote = new RemoteEvents(database, (event) => this.all.next(event));
    this.messages$.subscribe((message) => {
      if (this.all.observed) remote.add(message);
    });
  }

  /** Whether this process follows. */
  get following(): boolean {
    return this.followers.following;
  }

  /** Emits the ends of the jobs of this process. */
  get ends$(): Observable<JobEvent> {
    return this.ends.asObservable();
  }

  /**
   * Emits the messages of other processes, and forged ones. While no process follows, the true ones are about cancels
   * and the ends of awaited jobs alone.
   */
  get messages$(): Observable<JobMessage> {
    return this.channel.remote$;
  }

  /** Emits when messages may have been missed. */
  get missed$(): Observable<void> {
    return this.channel.missed$;
  }

  /** Emits all events: this process follows while there is a subscriber. */
  get all$(): Observable<JobEvent> {
    return new Observable((subscriber) => {
      subscriber.add(this.follow());
      return this.all.asObservable().subscribe(subscriber);
    });
  }

  /** Waits until this process listens, for a limited time. */
  async listen(): Promise<void> {
    const { channel, followers } = this;
    try {
      await answerWithin(Promise.all([channel.listen(), followers.renewal]), listenTimeoutMs);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
    }
  }

  /** Makes all processes send all events, until it is unsubscribed. */
  follow(): Subscription {
    return this.followers.follow();
  }

  /**
   * Returns the payload for a statement that completes awaited jobs, or undefined if there are too many for one, or
   * none, or if a process may follow: their messages come after others.
   */
  completionsPayload(
    queue: string,
    jobs: readonly { readonly job: string; readonly attempt: number }[],
  ): string | undefined {
    if (this.followers.possible) return undefined;
    const base = { type: 'completed', queue, at: Date.now(), by: this.name } as const;
    return this.channel.payloadOf(jobs.map((job) => toJobMessage({ ...base, ...job })));
  }

  /**
   * @param awaited whether the submitter of the job waits for this event.
   * @param notified whether the other processes have got the message.
   */
  emit(queue: string, job: string, detail: JobEventDetail, awaited = false, notified = false): JobEvent {
    const event: JobEvent = { queue, job, at: Date.now(), by: this.name, ...detail };
    if (event.type === 'progress') validateProgress(event.progress);
    this.emitHere(event);
    const send = () => notified || this.channel.send(toJobMessage(event));
    if (event.type === 'progress')
      this.progress.add({ ...event, value: event.progress }, () => this.followers.whenFollowed(send));
    else if (awaited) this.afterProgress(event, send);
    else this.afterProgress(event, () => this.followers.whenFollowed(send));
    return event;
  }

  async close(): Promise<void> {
    this.followers.close();
    await this.progress.flush();
    await this.channel.flush();
  }

  /** Listeners in this process get the same parsed JSON as those in others. */
  private emitHere(event: JobEvent): void {
    const { ends, all } = this;
    const isEndObserved = ends.observed && isEnd(event);
    if (!isEndObserved && !all.observed) return;
    const text = toEventText(event);
    if (isEndObserved) ends.next(JSON.parse(text) as JobEvent);
    if (all.observed) all.next(JSON.parse(text) as JobEvent);
  }

  /** Sends the message about an event after the last progress of the job, which the event must not overtake. */
  private afterProgress(event: JobEvent, send: () => unknown): void {
    if (!this.followers.possible) this.progress.drop(event);
    const stored = this.progress.settle(event);
    if (stored) void stored.then(send);
    else send();
  }
}
