import type { RecordedEvent } from '../../recording/types.js';
import type { AppState } from '../server/app-state.js';
import { Timeline } from '../timeline.js';
import { Connection, type ConnectionStatus } from './connection.js';
import { FleetFeed } from './fleet-feed.js';
import { request } from './request.js';
import { TaskFeed } from './task-feed.js';

/** The number of spans, and of marks, to keep of a row. */
const limit = 2000;
const pollIntervalMs = 2000;
/** Events of this period need one request. */
const pollDelayMs = 200;
/** The first answer of a fleet is worth this wait: its section then appears complete, together with the rows. */
const firstFleetAnswerMs = 500;
/** Events after which the state has facts that the events do not have, such as the next slot. */
const operatorEvents: ReadonlySet<string> = new Set<RecordedEvent['type']>([
  'added',
  'removed',
  'triggered',
  'paused',
  'resumed',
  'rescheduled',
  'restart-requested',
]);

/** The live data of the page: the timeline from the server's events, and the polled states of application and fleet. */
export class Feed {
  timeline: Timeline = new Timeline({ limit });
  state: AppState | undefined = undefined;
  readonly fleet: FleetFeed = new FleetFeed();
  /** The details of the task that is open. */
  readonly task: TaskFeed = new TaskFeed();
  private readonly connection: Connection;
  /** The difference between the application's clock and this one. */
  private skew = 0;
  private stoppedAt: number | undefined = undefined;
  private pollTimer: ReturnType<typeof setTimeout> | undefined = undefined;
  private readonly onChange: () => void;

  constructor(onChange: () => void) {
    this.onChange = onChange;
    this.connection = new Connection(
      (type, data) => this.handle(type, data),
      (status) => this.handleStatus(status),
    );
    void this.pollForever();
  }

  get status(): ConnectionStatus {
    return this.connection.status;
  }

  /** The application's time. It stops while there is no connection. */
  now(): number {
    return this.stoppedAt ?? Date.now() + this.skew;
  }

  /** Connects with a new token. */
  reconnect(): void {
    this.connection.reconnect();
  }

  /** Follows the details of a task, or of none. */
  follow(path: string | undefined): void {
    this.task.follow(path);
    void this.task.poll().then(() => this.onChange());
  }

  /** Requests the state soon. */
  refresh(): void {
    this.pollTimer ??= setTimeout(() => {
      this.pollTimer = undefined;
      void this.poll();
    }, pollDelayMs);
  }

  private handle(type: string, data: unknown): void {
    if (type === 'events') this.addEvents(data as RecordedEvent[]);
    // The missed events may have ended tasks that the timeline shows as running.
    if (type === 'reset' || type === 'gap') this.timeline = new Timeline({ limit });
    this.onChange();
  }

  private addEvents(events: readonly RecordedEvent[]): void {
    for (const event of events) this.timeline.add(event);
    if (events.some(({ type }) => operatorEvents.has(type))) this.refresh();
  }

  private handleStatus(status: ConnectionStatus): void {
    this.stoppedAt = status === 'open' ? undefined : this.now();
    if (status === 'open') void this.poll();
    this.onChange();
  }

  private async pollForever(): Promise<void> {
    for (;;) {
      await wait(pollIntervalMs);
      if (!document.hidden && this.status === 'open') await this.poll();
    }
  }

  private async poll(): Promise<void> {
    try {
      const response = await request('snapshot');
      if (!response.ok) return;
      const state = (await response.json()) as AppState;
      this.skew = state.now - Date.now();
      void this.task.poll().then(() => this.onChange());
      if (state.fleet) await this.pollFleet();
      this.state = state;
    } catch {
      // The connection reports that the server cannot be reached.
      return;
    }
    this.onChange();
  }

  private async pollFleet(): Promise<void> {
    const answered = this.fleet.poll(() => this.now()).then(() => this.onChange());
    if (!this.state) await Promise.race([answered, wait(firstFleetAnswerMs)]);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
