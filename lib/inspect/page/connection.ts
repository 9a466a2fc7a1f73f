import { readServerEvents, type ServerEvent } from './event-stream.js';
import { authorization } from './token.js';

/** The connection to the server. A `refused` one needs the token. */
export type ConnectionStatus = 'connecting' | 'open' | 'lost' | 'ended' | 'refused';

/** The delay before the next request to a server that has no answer for this one. */
const failureDelayMs = 3000;

/** The stream of the server's events. It is requested again when it ends, and continues after the last event. */
export class Connection {
  status: ConnectionStatus = 'connecting';
  private readonly onEvent: (type: string, data: unknown) => void;
  private readonly onStatus: (status: ConnectionStatus) => void;
  private lastId = '';
  /** The delay before the next request, in ms, which the server sets. */
  private retryDelay = 1000;
  private endWait: () => void = () => undefined;

  constructor(onEvent: (type: string, data: unknown) => void, onStatus: (status: ConnectionStatus) => void) {
    this.onEvent = onEvent;
    this.onStatus = onStatus;
    void this.readForever();
  }

  /** Connects with a new token. */
  reconnect(): void {
    this.setStatus('connecting');
    this.endWait();
  }

  private async readForever(): Promise<void> {
    for (;;) {
      await this.read().catch(() => {
        // The server cannot be reached, or the connection is lost: the status says so.
        if (this.status === 'connecting') this.setStatus('lost');
      });
      if (this.status === 'open') this.setStatus('lost');
      // With the same token, the next request would be refused as well.
      await this.wait(this.status === 'refused' ? Infinity : this.retryDelay);
    }
  }

  private async read(): Promise<void> {
    // A relative address, so that a proxy may serve the page below a path.
    const address = this.lastId ? `events?lastEventId=${encodeURIComponent(this.lastId)}` : 'events';
    const { ok, status, body } = await fetch(address, { headers: authorization() });
    if (status === 401) return this.setStatus('refused');
    if (!ok || !body) {
      this.retryDelay = failureDelayMs;
      throw new Error(`The server answers with status ${status}`);
    }
    this.setStatus('open');
    await readServerEvents(
      body,
      (event) => this.handle(event),
      (ms) => (this.retryDelay = ms),
    );
  }

  private handle({ type, id, data }: ServerEvent): void {
    this.lastId = id ?? this.lastId;
    if (type === 'end') this.setStatus('ended');
    else this.onEvent(type, JSON.parse(data));
  }

  private setStatus(status: ConnectionStatus): void {
    this.status = status;
    this.onStatus(status);
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.endWait = resolve;
      if (ms < Infinity) setTimeout(resolve, ms);
    });
  }
}
