import type { ServerResponse } from 'node:http';
import type { EventLog } from './event-log.js';

/** After this time without progress, a connection is destroyed. */
const stalledTimeoutMs = 30_000;

/**
 * A client that reads the event log as server-sent events. It is a position in the log, not a queue: a slow or dead
 * client costs the memory of its last write, and gets a `gap` if the log drops events before it reads them.
 */
export class SseClient {
  private readonly log: EventLog;
  private readonly response: ServerResponse;
  /** Distinguishes the numbers of this log from those of another run of the application. */
  private readonly boot: string;
  private position: number;
  private blockedSince: number | undefined = undefined;

  /** @param lastId the id of the last event that the client has read, of this log or another. */
  constructor(log: EventLog, response: ServerResponse, boot: string, lastId: string | undefined) {
    this.log = log;
    this.response = response;
    this.boot = boot;
    const [lastBoot, number] = lastId?.split(':') ?? [];
    const next = lastBoot === boot && /^\d+$/.test(number ?? '') ? Number(number) + 1 : undefined;
    const canContinue = next !== undefined && next <= log.end;
    this.position = canContinue ? next : log.start;
    response.on('drain', () => {
      this.blockedSince = undefined;
      this.send();
    });
    // The client has events of another run, so it has to start again.
    this.write(`retry: 1000\n${lastId !== undefined && !canContinue ? message('reset', {}) : '\n'}`);
  }

  /** Sends new events until the connection is blocked. */
  send(): void {
    const { log, boot } = this;
    while (this.blockedSince === undefined && this.position < log.end) {
      if (this.position < log.start) {
        const missed = log.start - this.position;
        this.position = log.start;
        this.write(message('gap', { missed }));
        continue;
      }
      const { json, next } = log.read(this.position);
      this.position = next;
      this.write(`id: ${boot}:${next - 1}\nevent: events\ndata: [${json}]\n\n`);
    }
  }

  /** Sends a comment, so that proxies keep the connection open; destroys a stalled connection. */
  sendHeartbeat(now: number): void {
    if (this.blockedSince === undefined) this.write(':\n\n');
    else if (now - this.blockedSince > stalledTimeoutMs) this.response.destroy();
  }

  end(): void {
    this.send();
    this.response.end(message('end', {}));
  }

  private write(text: string): void {
    if (!this.response.write(text)) this.blockedSince ??= performance.now();
  }
}

function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
