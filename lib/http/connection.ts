import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { append, toArray, type LinkedList } from '../util/linked-list.js';
import type { Exchange } from './exchange.js';

/** The number of samples without progress after which a client is stalled. */
const stalledSamples = 5;

/** The greatest id of a stream: a GOAWAY with it announces the end, and accepts all requests until then. */
const maxStreamId = 2 ** 31 - 1;

/** A connection of a server, and its requests. */
export class Connection {
  /** The socket; of TLS, after the handshake, the one with the plain text. */
  socket: Socket;
  session: ServerHttp2Session | undefined = undefined;
  /** Whether the socket belongs to a listener of `upgrade` or `connect`. */
  isUpgraded = false;
  /** The socket of the connection itself; of TLS the one with the encrypted text. */
  private readonly transport: Socket;
  /**
   * The requests that are not over, in the order of their arrival. A Map would give each response a hash, which
   * takes more than ten times as long.
   */
  private readonly exchanges: LinkedList<Exchange> = { first: undefined, last: undefined };
  private closesAfterAnswer = false;
  private hasAnnounced = false;
  private ending = false;
  private lastSample: string | undefined = undefined;
  private quietSamples = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.transport = socket;
  }

  /** Whether no request has arrived, or all are answered. */
  get isIdle(): boolean {
    return !this.exchanges.first && !this.isUpgraded;
  }

  /** Whether a handler is at work on an answer, or a client on sending a request or on reading an answer. */
  get isWorking(): boolean {
    return this.some((exchange) => !exchange.isEndless && !(exchange.waitsForClient && this.isStalled));
  }

  /** Whether it has an event stream or a tunnel, which do not end by themselves. */
  get isEndless(): boolean {
    return this.isUpgraded || this.some((exchange) => exchange.isEndless);
  }

  /** Whether all answers wait for the client, and it has not made progress for some time. */
  get isStalled(): boolean {
    return this.quietSamples >= stalledSamples;
  }

  get unanswered(): Exchange[] {
    return toArray(this.exchanges).filter(({ isAnswered }) => !isAnswered);
  }

  /** Whether it has the request of an answer. */
  has(answer: object): boolean {
    return this.someExchange((exchange) => exchange.answer === answer);
  }

  add(exchange: Exchange): void {
    // The requests of a pipeline arrive before the first is answered. The last answer closes the connection.
    if (this.closesAfterAnswer) this.exchanges.last?.keepAlive(true);
    append(this.exchanges, exchange);
    if (this.closesAfterAnswer) this.announceClose();
  }

  /** Announces to the client that the connection closes: by the header of its last answer, or by a GOAWAY. */
  closeAfterAnswer(): void {
    this.closesAfterAnswer = true;
    this.announceClose();
  }

  /** Accepts no further request, and closes the connection when all are answered. */
  end(): void {
    if (this.ending || (!this.session && !this.isIdle)) return;
    this.ending = true;
    const { session, socket }: { session: ServerHttp2Session | undefined; socket: Duplex & Partial<Socket> } = this;
    if (session) session.close();
    // Other code may pass any stream to a server, as a connection. Only a socket has `destroySoon`.
    else if (socket.destroySoon) socket.destroySoon();
    else socket.end();
  }

  /** Compares the bytes that were sent and read with those at the last call. */
  sample(): void {
    const { socket, transport } = this;
    // While one long chunk is written, `writableLength` does not shrink, so libuv's count is added.
    const { _handle: handle } = transport as Socket & {
      readonly _handle?: { readonly writeQueueSize?: number } | null;
    };
    // After the answer it does not matter that the client still sends.
    const read = this.some(() => true) ? transport.bytesRead : 0;
    const sample = `${read} ${socket.writableLength} ${handle?.writeQueueSize}`;
    // While a handler works, the client has nothing to do. Its time begins when it has.
    const waits = !this.some((exchange) => !exchange.isEndless && !exchange.waitsForClient);
    this.quietSamples = waits && sample === this.lastSample ? this.quietSamples + 1 : 0;
    this.lastSample = sample;
  }

  private announceClose(): void {
    const { session, exchanges } = this;
    exchanges.last?.keepAlive(false);
    if (!session || session.closed || session.destroyed || this.hasAnnounced) return;
    this.hasAnnounced = true;
    session.goaway(0, maxStreamId);
  }

  /** Whether an unanswered exchange fulfils a condition. */
  private some(predicate: (exchange: Exchange) => boolean): boolean {
    return this.someExchange((exchange) => !exchange.isAnswered && predicate(exchange));
  }

  /** Creates no array: there may be very many connections. */
  private someExchange(predicate: (exchange: Exchange) => boolean): boolean {
    for (let each = this.exchanges.first; each; each = each.nextNode as Exchange | undefined)
      if (predicate(each)) return true;
    return false;
  }
}
