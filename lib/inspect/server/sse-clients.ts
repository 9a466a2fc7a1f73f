import type { ServerResponse } from 'node:http';
import type { EventLog } from './event-log.js';
import { SseClient } from './sse-client.js';

/** Events of this period are written together, because many cost as much as one. */
const flushDelayMs = 50;
const heartbeatMs = 15_000;
/** Each client costs memory. */
const maxClients = 128;

/** The clients that read the event log. Without clients nothing runs. */
export class SseClients {
  private readonly log: EventLog;
  private readonly boot: string;
  private readonly clients = new Set<SseClient>();
  private flushTimer: NodeJS.Timeout | undefined = undefined;
  private heartbeatTimer: NodeJS.Timeout | undefined = undefined;

  constructor(log: EventLog, boot: string) {
    this.log = log;
    this.boot = boot;
  }

  get isFull(): boolean {
    return this.clients.size >= maxClients;
  }

  add(response: ServerResponse, lastId: string | undefined): void {
    const client = new SseClient(this.log, response, this.boot, lastId);
    this.clients.add(client);
    response.on('close', () => {
      this.clients.delete(client);
      if (this.clients.size === 0) this.stopTimers();
    });
    this.heartbeatTimer ??= setInterval(() => {
      for (const each of this.clients) each.sendHeartbeat(performance.now());
    }, heartbeatMs).unref();
    client.send();
  }

  /** Schedules the flush of new events to all clients. */
  scheduleFlush(): void {
    if (this.clients.size === 0) return;
    this.flushTimer ??= setTimeout(() => {
      this.flushTimer = undefined;
      for (const client of this.clients) client.send();
    }, flushDelayMs).unref();
  }

  end(): void {
    for (const client of this.clients) client.end();
    this.stopTimers();
  }

  private stopTimers(): void {
    clearTimeout(this.flushTimer);
    clearInterval(this.heartbeatTimer);
    this.flushTimer = this.heartbeatTimer = undefined;
  }
}
