import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.js';

/** The number of samples without progress after which a client is stalled. */
const stalledSamples = 5;

/** The greatest id of a stream: a GOAWAY with it announces the end, and accepts all requests until then. */
const maxStreamId = 2 ** 31 - 1;

/** A connection of a server, and its requests. */
export class Connection {
  /** The requests that are not over, by their response or stream, in the order of their arrival. */
  readonly exchanges: Map<object, Exchange> = new Map<object, Exchange>();
  /** The socket; of TLS, after the handshake, the one with the plain text. */
  socket: Socket;
  session: ServerHttp2Session | undefined = undefined;
  /** Whether the socket belongs to a listener of `upgrade` or `connect`. */
  isUpgraded = false;
  /** The socket of the connection itself; of TLS the one with the encrypted text. */
  private readonly transport: Socket;
  private closesAfterAnswer = false;
  private ending = false;
  private lastSample: string | undefined = undefined;
  private quietSamples = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.transport = socket;
  }

  /** Whether no request has arrived, or all are answered. */
  get isIdle(): boolean {
    return this.exchanges.size === 0 && !this.isUpgraded;
  }

  /** Whether a handler is at work on an answer, or a client on sending a request or on reading an answer. */
  get isWorking(): boolean {
    return this.unanswered.some(({ isEndless, waitsForClient }) => !isEndless && !(waitsForClient && this.isStalled));
  }

  /** Whether it has an event stream or a tunnel, which do not end by themselves. */
  get isEndless(): boolean {
    return this.isUpgraded || this.unanswered.some(({ isEndless }) => isEndless);
  }

  /** Whether the client has not made progress for some time. */
  get isStalled(): boolean {
    return this.quietSamples >= stalledSamples;
  }

  get unanswered(): Exchange[] {
    return [...this.exchanges.values()].filter(({ isAnswered }) => !isAnswered);
  }

  add(key: object, exchange: Exchange): void {
    // The requests of a pipeline arrive before the first is answered. The last answer closes the connection.
    if (this.closesAfterAnswer) this.lastExchange?.keepAlive(true);
    this.exchanges.set(key, exchange);
    if (this.closesAfterAnswer) exchange.keepAlive(false);
  }

  /** Announces to the client that the connection closes: by the header of its last answer, or by a GOAWAY. */
  closeAfterAnswer(): void {
    if (this.closesAfterAnswer) return;
    this.closesAfterAnswer = true;
    this.lastExchange?.keepAlive(false);
    if (this.session && !this.session.closed && !this.session.destroyed) this.session.goaway(0, maxStreamId);
  }

  /** Accepts no further request, and closes the connection when all are answered. */
  end(): void {
    if (this.ending || (!this.session && !this.isIdle)) return;
    this.ending = true;
    if (this.session) this.session.close();
    else this.socket.destroySoon();
  }

  /** Compares the bytes that were sent and read with those at the last call. */
  sample(): void {
    const { socket, transport, unanswered } = this;
    // Of one long chunk `writableLength` does not shrink until the end, so libuv's count is added.
    const { _handle: handle } = transport as Socket & {
      readonly _handle?: { readonly writeQueueSize?: number } | null;
    };
    // After the answer it does not matter that the client still sends.
    const read = unanswered.length > 0 ? transport.bytesRead : 0;
    const sample = `${read} ${socket.writableLength} ${handle?.writeQueueSize}`;
    this.quietSamples = sample === this.lastSample ? this.quietSamples + 1 : 0;
    this.lastSample = sample;
  }

  private get lastExchange(): Exchange | undefined {
    return [...this.exchanges.values()].at(-1);
  }
}
