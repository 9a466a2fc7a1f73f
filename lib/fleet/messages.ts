import { filter, type Observable } from 'rxjs';
import { expected } from '../internal/expect.js';
import { Hub } from '../internal/hub.js';
import { reportUnhandled } from '../internal/unhandled.js';
import { Batch } from './batch.js';
import { isLost, type Connection } from './connection.js';
import type { JobEvent, JobEventDetail } from './job-event.js';

/** What a PostgreSQL NOTIFY can carry, in bytes, less what stands around it. */
const longest = 7900;
/** How much of that what every event says may take. */
const room = 400;

/** What processes tell each other. */
export type Message = JobEvent | { readonly type: 'fleet' };

/**
 * Messages to all processes, by NOTIFY. They are hints: what must not be lost stands in a table, and is looked at again after a
 * while, and whenever messages may have been missed.
 */
export class Messages {
  private readonly hub = new Hub<Message>();
  private readonly missed = new Hub<void>();
  private readonly connection: Connection;
  private readonly name: string;
  private readonly outbox: Batch<string, void>;
  private unlisten: (() => Promise<void>) | undefined = undefined;

  constructor(connection: Connection, name: string) {
    this.connection = connection;
    this.name = name;
    this.outbox = new Batch<string, void>(async (texts) => {
      await connection.query('select pg_notify($1, payload) from unnest($2::text[]) payload', [
        connection.schema,
        packed(texts),
      ]);
      return [];
    }, 1000);
  }

  get messages$(): Observable<Message> {
    return this.hub.stream;
  }

  get jobEvents$(): Observable<JobEvent> {
    return this.messages$.pipe(filter((message) => message.type !== 'fleet'));
  }

  /** Emits when messages may have been missed. */
  get missed$(): Observable<void> {
    return this.missed.stream;
  }

  async open(): Promise<void> {
    this.unlisten = await this.connection.listen(
      this.connection.schema,
      (payload) => this.receive(payload),
      () => this.missed.next(),
    );
  }

  /** Tells all that something has happened to a job. */
  tell(queue: string, job: string, detail: JobEventDetail): JobEvent {
    const event: JobEvent = { queue, job, at: Date.now(), by: this.name, ...detail };
    const text = JSON.stringify(event);
    if (Buffer.byteLength(text) <= longest) this.send(text);
    // Whoever wants it finds it in the table.
    else if (event.type === 'completed') this.send(JSON.stringify({ ...event, output: undefined }));
    else throw new RangeError(expected(detail.type, `JSON of up to ${longest - room} bytes`, detail));
    return event;
  }

  tellFleet(): void {
    this.send(JSON.stringify({ type: 'fleet' } satisfies Message));
  }

  async close(): Promise<void> {
    await this.outbox.flush();
    await this.unlisten?.();
  }

  private send(text: string): void {
    // One that cannot be sent is lost, as one that is not heard.
    this.outbox.add(text).catch((error: unknown) => isLost(error) || reportUnhandled(error));
  }

  private receive(payload: string): void {
    try {
      for (const message of JSON.parse(`[${payload}]`) as Message[]) this.hub.next(message);
    } catch (error) {
      reportUnhandled(error);
    }
  }
}

/** As few payloads as hold them all. */
function packed(texts: readonly string[]): string[] {
  const payloads: string[] = [];
  let left = 0;
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1;
    const last = payloads.length - 1;
    if (size <= left) payloads[last] = `${payloads[last]},${text}`;
    else left = payloads.push(text) && longest + 1;
    left -= size;
  }
  return payloads;
}
