import type { RecordedEvent } from '../../recording/recorded.js';
import type { AppState } from '../state.js';
import { Timeline } from '../timeline.js';
import { FleetFeed } from './fleet-feed.js';

export type Connection = 'connecting' | 'open' | 'lost' | 'ended';

/** How many spans and marks of a row are kept. */
const limit = 2000;

/** What the server tells, put together: the timeline from its events, and the state of all, and of the fleet, asked for every other second. */
export class Feed {
  timeline: Timeline = new Timeline({ limit });
  state: AppState | undefined = undefined;
  connection: Connection = 'connecting';
  readonly fleet: FleetFeed = new FleetFeed();
  /** By how much this clock differs from the application's. */
  private skew = 0;
  private stoppedAt: number | undefined = undefined;
  private lastId = '';
  private readonly changed: () => void;

  constructor(changed: () => void) {
    this.changed = changed;
    this.connect();
    void this.poll();
  }

  /** The application's time: it stands still while nobody tells it. */
  now(): number {
    return this.stoppedAt ?? Date.now() + this.skew;
  }

  private connect(): void {
    // A relative address, so that it may be served below a path of a proxy.
    const source = new EventSource(this.lastId ? `events?lastEventId=${encodeURIComponent(this.lastId)}` : 'events');
    const on = (type: string, listen: (data: unknown) => void) =>
      source.addEventListener(type, ({ data, lastEventId }: MessageEvent<string>) => {
        // One that is made anew does not send it by itself.
        this.lastId = lastEventId || this.lastId;
        listen(JSON.parse(data));
        this.changed();
      });
    on('events', (events) => {
      for (const event of events as RecordedEvent[]) this.timeline.add(event);
    });
    const anew = () => (this.timeline = new Timeline({ limit }));
    on('reset', anew);
    // What was missed may have been the end of what is shown as going on.
    on('gap', anew);
    on('end', () => this.turn('ended'));
    source.addEventListener('open', () => {
      this.turn('open');
      void this.ask();
    });
    source.addEventListener('error', () => {
      if (this.connection !== 'ended') this.turn('lost');
      // The browser tries again by itself, unless it was refused.
      if (source.readyState !== EventSource.CLOSED) return;
      source.close();
      setTimeout(() => this.connect(), 3000);
    });
  }

  private turn(connection: Connection): void {
    this.connection = connection;
    this.stoppedAt = connection === 'open' ? undefined : this.now();
    this.changed();
  }

  private async poll(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 2000));
      if (!document.hidden && this.connection === 'open') await this.ask();
    }
  }

  private async ask(): Promise<void> {
    try {
      // What hangs for ever would be the last that is asked.
      const response = await fetch('snapshot', { signal: AbortSignal.timeout(10_000) });
      if (!response.ok) return;
      const state = (await response.json()) as AppState;
      this.skew = state.now - Date.now();
      if (state.fleet) await this.askFleet();
      this.state = state;
    } catch {
      // The events tell that the connection is lost.
      return;
    }
    this.changed();
  }

  /** The first answer is worth a moment: the section then appears with all that is in it, and at once with the rows. */
  private async askFleet(): Promise<void> {
    const heard = this.fleet.ask(() => this.now()).then(() => this.changed());
    if (!this.state) await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 500))]);
  }
}
