import type { RecordedEvent } from '../../recording/types.js';
import type { AppState } from '../server/app-state.js';
import { Timeline } from '../timeline.js';
import { FleetFeed } from './fleet-feed.js';

export type Connection = 'connecting' | 'open' | 'lost' | 'ended';

/** The number of spans, and of marks, to keep of a row. */
const limit = 2000;
const pollIntervalMs = 2000;
/** A request that hangs would block all later ones. */
const requestTimeoutMs = 10_000;
const reconnectDelayMs = 3000;
/** The first answer of a fleet is worth this wait: its section then appears complete, together with the rows. */
const firstFleetAnswerMs = 500;

/** The live data of the page: the timeline from the server's events, and the polled states of application and fleet. */
export class Feed {
  timeline: Timeline = new Timeline({ limit });
  state: AppState | undefined = undefined;
  connection: Connection = 'connecting';
  readonly fleet: FleetFeed = new FleetFeed();
  /** The difference between the application's clock and this one. */
  private skew = 0;
  private stoppedAt: number | undefined = undefined;
  private lastId = '';
  private readonly onChange: () => void;

  constructor(onChange: () => void) {
    this.onChange = onChange;
    this.connect();
    void this.pollForever();
  }

  /** The application's time. It stops while there is no connection. */
  now(): number {
    return this.stoppedAt ?? Date.now() + this.skew;
  }

  private connect(): void {
    // A relative address, so that a proxy may serve the page below a path.
    const source = new EventSource(this.lastId ? `events?lastEventId=${encodeURIComponent(this.lastId)}` : 'events');
    const on = (type: string, listener: (data: unknown) => void) =>
      source.addEventListener(type, ({ data, lastEventId }: MessageEvent<string>) => {
        // A new EventSource does not send the last id of the one before.
        this.lastId = lastEventId || this.lastId;
        listener(JSON.parse(data));
        this.onChange();
      });
    on('events', (events) => {
      for (const event of events as RecordedEvent[]) this.timeline.add(event);
    });
    const clear = () => (this.timeline = new Timeline({ limit }));
    on('reset', clear);
    // The missed events may have ended tasks that the timeline shows as running.
    on('gap', clear);
    on('end', () => this.setConnection('ended'));
    source.addEventListener('open', () => {
      this.setConnection('open');
      void this.poll();
    });
    source.addEventListener('error', () => {
      if (this.connection !== 'ended') this.setConnection('lost');
      // The browser reconnects by itself, unless the server refused.
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      setTimeout(() => this.connect(), reconnectDelayMs);
    });
  }

  private setConnection(connection: Connection): void {
    this.connection = connection;
    this.stoppedAt = connection === 'open' ? undefined : this.now();
    this.onChange();
  }

  private async pollForever(): Promise<void> {
    for (;;) {
      await wait(pollIntervalMs);
      if (!document.hidden && this.connection === 'open') await this.poll();
    }
  }

  private async poll(): Promise<void> {
    try {
      const response = await fetch('snapshot', { signal: AbortSignal.timeout(requestTimeoutMs) });
      if (!response.ok) return;
      const state = (await response.json()) as AppState;
      this.skew = state.now - Date.now();
      if (state.fleet) await this.pollFleet();
      this.state = state;
    } catch {
      // The event source reports a lost connection.
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
