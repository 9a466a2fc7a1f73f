import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { FleetConnectionError } from './errors.js';
import { ListeningConnection } from './listening-connection.js';

/** Intervals of a listener, in ms. */
export interface ListenerTiming {
  /** Between two statements that check the connection. */
  readonly heartbeatMs: number;
  /** The time limit for the answer to a statement. */
  readonly answerMs: number;
  /** The time limit for a message to itself. */
  readonly probeMs: number;
  /** Between two tries to listen while no message arrives. */
  readonly deafMs: number;
}

/** The calls of a listener. */
export interface ListenerCalls {
  createClient(): Client;
  /** Sends a message through a connection that does not listen. */
  notify(channel: string, text: string): Promise<unknown>;
  onError(error: Error): void;
  /** Called when the server does not answer, although the connection has not ended. */
  onSilence(): void;
  /** Called when messages do not arrive, although the connection works. */
  onDeaf(): void;
}

interface Channel {
  onMessage(text: string): void;
  /** Called whenever messages may have been lost. */
  onMissed(): void;
}

const defaults: ListenerTiming = { heartbeatMs: 10_000, answerMs: 5000, probeMs: 1000, deafMs: 60_000 };
/** The wait before a new connection, in ms: it doubles from the first to the second value. */
const [minRetryMs, maxRetryMs] = [100, 5000];

/**
 * The one connection of a process that listens, to all its channels. After a loss it connects and listens again. A
 * connection pooler may swallow the messages: then it closes the connection, and tries again at a long interval.
 */
export class Listener {
  readonly #calls: ListenerCalls;
  readonly #timing: ListenerTiming;
  readonly #channels = new Map<string, Channel>();
  readonly #closing = new AbortController();
  #connection: ListeningConnection | undefined = undefined;
  #connecting: Promise<void> | undefined = undefined;
  #deaf = false;
  #direct = false;

  constructor(calls: ListenerCalls, timing: Partial<ListenerTiming> = {}) {
    this.#calls = calls;
    this.#timing = { ...defaults, ...timing };
  }

  /** Whether messages do not arrive. */
  get deaf(): boolean {
    return this.#deaf;
  }

  /** Whether the connection is known to lead to the server itself, and not to a connection pooler. */
  get direct(): boolean {
    return this.#direct;
  }

  /** Listens to a channel until the close, and again after each loss of the connection. */
  async listen(name: string, onMessage: Channel['onMessage'], onMissed: Channel['onMissed']): Promise<void> {
    const connection = this.#connection;
    this.#channels.set(name, { onMessage, onMissed });
    if (this.#deaf) return;
    try {
      if (!connection) return await this.#ensureConnected();
      await connection.listen(name);
    } catch (error) {
      this.#channels.delete(name);
      throw error;
    }
    onMissed();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#connecting?.catch(() => undefined);
    await this.#connection?.end();
  }

  /** Connects, unless there is a connection: a call of `listen` may have made one while a retry waited. */
  async #ensureConnected(): Promise<void> {
    if (!this.#connection) await (this.#connecting ??= this.#connect());
  }

  async #connect(): Promise<void> {
    const connection = new ListeningConnection(this.#calls.createClient(), this.#timing.answerMs, (channel, text) =>
      this.#channels.get(channel)?.onMessage(text),
    );
    try {
      await connection.connect();
      // The map may grow in the meantime; its iterator reaches the new ones, too.
      for (const name of this.#channels.keys()) await connection.listen(name);
      if (this.#closing.signal.aborted) throw new Error('The fleet is closed');
    } catch (error) {
      void connection.end().catch(() => undefined);
      throw error;
    } finally {
      this.#connecting = undefined;
    }
    this.#connection = connection;
    for (const channel of this.#channels.values()) channel.onMissed();
    void this.#keep(connection);
  }

  /** Checks a connection until it is lost, and replaces it. */
  async #keep(connection: ListeningConnection): Promise<void> {
    const { signal } = this.#closing;
    const error = await Promise.race([connection.ended, this.#checkUntilLost(connection)]);
    if (signal.aborted) return;
    this.#connection = undefined;
    this.#direct = false;
    void connection.end().catch(() => undefined);
    this.#report(error);
    for (let retryMs = minRetryMs; await this.#waitToRetry(retryMs); retryMs = Math.min(2 * retryMs, maxRetryMs)) {
      try {
        await this.#ensureConnected();
        return;
      } catch (failure) {
        this.#report(failure as Error);
      }
    }
  }

  #report(error: Error): void {
    if (error instanceof FleetConnectionError) this.#calls.onSilence();
    if (!this.#deaf) this.#calls.onError(error);
  }

  /** Waits before a new connection, for a random time. Returns false when the listener was closed. */
  async #waitToRetry(retryMs: number): Promise<boolean> {
    const waitMs = this.#deaf ? this.#timing.deafMs : retryMs * (0.5 + Math.random());
    const waited = delay(waitMs, true, { signal: this.#closing.signal });
    return waited.catch(() => false);
  }

  /** Returns the reason when a connection does not work. */
  async #checkUntilLost(connection: ListeningConnection): Promise<Error> {
    const { signal } = this.#closing;
    try {
      this.#direct = !(await connection.isIndirect());
      if (!this.#direct && !(await this.#hears(connection))) {
        const wasDeaf = this.#deaf;
        this.#deaf = true;
        if (!wasDeaf) this.#calls.onDeaf();
        return new Error('The messages of the database do not arrive');
      }
      this.#deaf = false;
      for (;;) {
        await delay(this.#timing.heartbeatMs, undefined, { signal });
        await connection.execute('select 1');
      }
    } catch (error) {
      return error as Error;
    }
  }

  /** Whether a message to itself arrives. */
  async #hears(connection: ListeningConnection): Promise<boolean> {
    const channel = `probe_${randomUUID()}`;
    const timeout = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#timing.probeMs)]);
    await connection.listen(channel);
    const heard = new Promise<boolean>((resolve) => {
      timeout.addEventListener('abort', () => resolve(false), { once: true });
      this.#channels.set(channel, { onMessage: () => resolve(true), onMissed: () => undefined });
    });
    try {
      await this.#calls.notify(channel, 'probe');
      return await heard;
    } finally {
      this.#channels.delete(channel);
    }
  }
}
