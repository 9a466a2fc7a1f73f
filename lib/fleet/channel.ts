import { randomUUID } from 'node:crypto';
import type { Observable } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';
import { Batch } from './batch.js';
import { unlessLost, type Connection } from './connection.js';

/** What a PostgreSQL NOTIFY can carry, in bytes, less what stands around it. */
export const longestMessage = 7900;

/**
 * Messages to all processes that listen, by NOTIFY, and to this one at once. They are hints: what must not be lost stands in a table, and
 * is looked at again after a while, and whenever messages may have been missed.
 */
export class Channel<Message extends object> {
  private readonly heard = new LinkedSubject<Message>();
  private readonly gaps = new LinkedSubject<void>();
  /** Stands before all that this process sends, which it need not hear again. */
  private readonly sender = randomUUID().slice(0, 8);
  private readonly connection: Connection;
  private readonly name: string;
  private readonly isMessage: (value: unknown) => value is Message;
  private readonly outbox: Batch<string, void>;
  private listening: Promise<void> | undefined = undefined;

  constructor(connection: Connection, name: string, isMessage: (value: unknown) => value is Message) {
    this.connection = connection;
    this.name = name;
    this.isMessage = isMessage;
    this.outbox = new Batch<string, void>(async (messages) => {
      // A hint need not outlive the database: all NOTIFYs wait for one another until they are written down.
      await connection.query(
        "select pg_notify($1, payload), set_config('synchronous_commit', 'off', true) from unnest($2::text[]) payload",
        [name, packed(this.sender, messages)],
      );
      return [];
    }, 1000);
  }

  get stream(): Observable<Message> {
    return this.heard.stream;
  }

  /** Emits when messages may have been missed. */
  get missed$(): Observable<void> {
    return this.gaps.stream;
  }

  /** Listens, once, to what others send. */
  async listen(): Promise<void> {
    const { connection, name } = this;
    this.listening ??= connection
      .listen(
        name,
        (payload) => this.receive(payload),
        () => this.gaps.next(),
      )
      .catch((error: unknown) => {
        this.listening = undefined;
        throw error;
      });
    await this.listening;
  }

  send(message: Message): void {
    const text = JSON.stringify(message);
    // As all others hear it: what JSON makes of it.
    if (this.heard.observed) this.heard.next(JSON.parse(text) as Message);
    // One that cannot be sent is lost, as one that is not heard.
    this.outbox.add(text).catch(unlessLost);
  }

  /** Waits until all is sent. */
  flush(): Promise<void> {
    return this.outbox.flush();
  }

  private receive(payload: string): void {
    if (payload.startsWith(this.sender)) return;
    for (const message of messagesIn(payload)) if (this.isMessage(message)) this.heard.next(message);
  }
}

/** As few payloads as hold them all, in their order. */
function packed(sender: string, messages: readonly string[]): string[] {
  const payloads: string[] = [];
  let left = 0;
  for (const text of messages) {
    const size = Buffer.byteLength(text) + 1;
    const last = payloads.length - 1;
    if (size <= left) payloads[last] = `${payloads[last]},${text}`;
    else left = payloads.push(`${sender}${text}`) && longestMessage + 1;
    left -= size;
  }
  return payloads;
}

/** Anyone may write to a channel: what is no message is let pass. */
function messagesIn(payload: string): readonly unknown[] {
  try {
    return JSON.parse(`[${payload.slice(8)}]`) as unknown[];
  } catch {
    return [];
  }
}
