import { randomUUID } from 'node:crypto';
import { merge, type Observable } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';
import { callWithoutStores } from '../util/call-in-context.js';
import { Batcher } from './batcher.js';
import type { FleetDatabase } from './fleet-database.js';
import type { QueryClient } from './queue-types.js';

/** The maximum length of a PostgreSQL NOTIFY, in bytes, minus the sender's id and separators. */
const maxMessageBytes = 7900;
/** The maximum number of payloads in one statement. */
const maxBatch = 1000;
/** The length of a sender's id, which precedes each payload. */
const senderLength = 8;

/**
 * Sends messages to all listening processes by NOTIFY, and to this one immediately. Delivery is best effort: important
 * facts are in tables, which are polled at intervals and after each gap. Any role that may connect can listen to a
 * channel and send to it, so a message is a hint without secrets.
 */
export class NotifyChannel<Message extends object> {
  private readonly local = new LinkedSubject<Message>();
  private readonly remote = new LinkedSubject<Message>();
  private readonly gaps = new LinkedSubject<void>();
  /** Identifies the messages of this process, which it must not process twice. */
  private readonly sender = randomUUID().slice(0, senderLength);
  private readonly database: FleetDatabase;
  private readonly name: string;
  private readonly parse: (value: unknown) => Message | undefined;
  private readonly outbox: Batcher<string, undefined>;
  private listening: Promise<void> | undefined = undefined;

  /** @param parse returns undefined for a value that is no message. */
  constructor(database: FleetDatabase, name: string, parse: (value: unknown) => Message | undefined) {
    this.database = database;
    this.name = name;
    this.parse = parse;
    this.outbox = new Batcher((messages) => this.sendBatch(messages), { maxCount: maxBatch });
  }

  get messages$(): Observable<Message> {
    return merge(this.local$, this.remote$);
  }

  /** Emits the messages of this process. */
  get local$(): Observable<Message> {
    return this.local.asObservable();
  }

  /** Emits the messages of other processes, and those that anyone else has forged. */
  get remote$(): Observable<Message> {
    return this.remote.asObservable();
  }

  /** Emits when messages may have been missed. */
  get missed$(): Observable<void> {
    return this.gaps.asObservable();
  }

  /** Starts to listen to other processes, once. */
  async listen(): Promise<void> {
    // The connection lives longer than the call that happens to be the first.
    this.listening ??= callWithoutStores(() => this.startListening());
    await this.listening;
  }

  /** Emits a message in this process, whose payload a statement has sent to the others. */
  emitHere(message: Message): void {
    this.local.next(message);
  }

  /**
   * Returns the payload of messages, for a statement that sends it to the other processes by NOTIFY. Returns undefined
   * for none, and for too many.
   */
  payloadOf(messages: readonly Message[]): string | undefined {
    const payloads = toPayloads(
      this.sender,
      messages.map((message) => JSON.stringify(message)),
    );
    return payloads.length === 1 ? payloads[0] : undefined;
  }

  send(message: Message): void {
    this.emitHere(message);
    // A message that cannot be sent is lost, just as a message that is not received.
    this.outbox.add(JSON.stringify(message)).catch((error: unknown) => this.database.report(error));
  }

  /** Sends a message when the transaction of a client is committed. */
  async sendWithin(client: QueryClient, message: Message): Promise<void> {
    // The id of no process, because this process must receive the message, too.
    const payload = `${'-'.repeat(senderLength)}${JSON.stringify(message)}`;
    // Without a column, because Prisma refuses one of type void.
    await client.query('select from pg_notify($1, $2)', [this.name, payload]);
  }

  /** Waits until all messages are sent. */
  flush(): Promise<void> {
    return this.outbox.flush();
  }

  private async startListening(): Promise<void> {
    try {
      await this.database.listen(
        this.name,
        (payload) => callWithoutStores(() => this.receive(payload)),
        () => callWithoutStores(() => this.gaps.next()),
      );
    } catch (error) {
      this.listening = undefined;
      throw error;
    }
  }

  private async sendBatch(messages: readonly string[]): Promise<undefined[]> {
    // Messages need not survive a crash of the database. All NOTIFYs wait for one another until they are on disk.
    await this.database.query(
      "select pg_notify($1, payload), set_config('synchronous_commit', 'off', true) from unnest($2::text[]) payload",
      [this.name, toPayloads(this.sender, messages)],
    );
    return [];
  }

  private receive(payload: string): void {
    if (payload.startsWith(this.sender)) return;
    for (const value of parsePayload(payload)) {
      const message = this.parse(value);
      if (message) this.remote.next(message);
    }
  }
}

/** Packs messages into as few payloads as possible, in their order. */
function toPayloads(sender: string, messages: readonly string[]): string[] {
  const payloads: string[] = [];
  let freeBytes = 0;
  for (const text of messages) {
    const bytes = Buffer.byteLength(text) + 1;
    const lastIndex = payloads.length - 1;
    if (bytes <= freeBytes) payloads[lastIndex] = `${payloads[lastIndex]},${text}`;
    else {
      payloads.push(`${sender}${text}`);
      // The first message of a payload has no comma before it.
      freeBytes = maxMessageBytes + 1;
    }
    freeBytes -= bytes;
  }
  return payloads;
}

/** Parses the values of a payload. Any client may write to a channel, so text that is not JSON is ignored. */
function parsePayload(payload: string): readonly unknown[] {
  try {
    return JSON.parse(`[${payload.slice(senderLength)}]`) as unknown[];
  } catch {
    return [];
  }
}
