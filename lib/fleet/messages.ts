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

/** What all processes have to heed. */
export type Call = Extract<Message, { readonly type: 'fleet' | 'submitted' | 'retrying' | 'cancelled' }>;

/**
 * Messages to all processes, by NOTIFY. They are hints: what must not be lost stands in a table, and is looked at again after a
 * while, and whenever messages may have been missed.
 */
export class Messages {
  private readonly all = new Hub<Message>();
  private readonly calls = new Hub<Call>();
  private readonly missed = new Hub<void>();
  private readonly connection: Connection;
  private readonly name: string;
  private readonly outbox: Batch<Message, void>;
  private unlisten: (() => Promise<void>) | undefined = undefined;

  constructor(connection: Connection, name: string) {
    this.connection = connection;
    this.name = name;
    this.outbox = new Batch<Message, void>(async (messages) => {
      // A hint need not outlive the database: all NOTIFYs wait for one another until they are written down.
      await connection.query(
        "select pg_notify($1, payload), set_config('synchronous_commit', 'off', true) from unnest($2::text[]) payload",
        [connection.schema, packed(messages)],
      );
      return [];
    }, 1000);
  }

  /** What happens to jobs. Without a subscriber most of it is not even read. */
  get jobEvents$(): Observable<JobEvent> {
    return this.all.stream.pipe(filter((message) => message.type !== 'fleet'));
  }

  /** What is to be heeded, which is little of what is told. */
  get calls$(): Observable<Call> {
    return this.calls.stream;
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
    const head = { queue, job, at: Date.now(), by: this.name };
    const event: JobEvent = { ...head, ...detail };
    if (sizeOf(JSON.stringify(event)) <= longest) this.send(event);
    // Whoever wants the output finds it in the table.
    else if (event.type === 'completed') this.send({ ...head, type: event.type, attempt: event.attempt });
    else throw new RangeError(expected(detail.type, `JSON of up to ${longest - room} bytes`, detail));
    return event;
  }

  tellFleet(): void {
    this.send({ type: 'fleet' });
  }

  async close(): Promise<void> {
    await this.outbox.flush();
    await this.unlisten?.();
  }

  private send(message: Message): void {
    // One that cannot be sent is lost, as one that is not heard.
    this.outbox.add(message).catch((error: unknown) => isLost(error) || reportUnhandled(error));
  }

  private receive(payload: string): void {
    if (!payload.startsWith(calling) && !this.all.observed) return;
    for (const message of messagesIn(payload)) {
      this.all.next(message);
      if (isCall(message)) this.calls.next(message);
    }
  }
}

/** Stands before a payload that has a call in it. */
const calling = '!';

function isCall(message: Message): message is Call {
  const { type } = message;
  return type === 'fleet' || type === 'submitted' || type === 'retrying' || type === 'cancelled';
}

/** Anyone may write to a channel: what is no message is let pass. */
function messagesIn(payload: string): readonly Message[] {
  try {
    return (JSON.parse(`[${payload.replace(calling, '')}]`) as unknown[]).filter(isMessage);
  } catch {
    return [];
  }
}

/** Whether something can be one: what is read of it is there. */
function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null) return false;
  const { type, queue, job, output, failure } = value as Record<string, unknown>;
  if (type === 'fleet') return true;
  if (typeof type !== 'string' || typeof queue !== 'string' || typeof job !== 'string') return false;
  if (type === 'failed' || type === 'retrying') return typeof failure === 'object' && failure !== null;
  return output === undefined || (typeof output === 'object' && output !== null);
}

/** As few payloads as hold them all, in their order. */
function packed(messages: readonly Message[]): string[] {
  const payloads: string[] = [];
  let left = 0;
  for (const message of messages) {
    const text = JSON.stringify(message);
    const size = sizeOf(text) + 1;
    const last = payloads.length - 1;
    if (size <= left) payloads[last] = `${payloads[last]},${text}`;
    else left = payloads.push(text) && longest + 1;
    left -= size;
    const place = payloads.length - 1;
    if (isCall(message) && !payloads[place]?.startsWith(calling)) payloads[place] = `${calling}${payloads[place]}`;
  }
  return payloads;
}

function sizeOf(text: string): number {
  return Buffer.byteLength(text);
}
