import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerResponse, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Subject, type Observable } from 'rxjs';
import { remove } from '../util/linked-list.js';
import { Connection } from './connection.js';
import { Http1Exchange, Http2Exchange, type Exchange } from './exchange.js';

/** The open connections of a server, as its events describe them. */
export class Connections {
  private readonly open = new Set<Connection>();
  private readonly bySocket = new WeakMap<object, Connection>();
  private readonly bySession = new WeakMap<object, Connection>();
  /** The connection of the latest event of a socket. */
  private latest: Connection | undefined = undefined;
  private latestStream: Http2Exchange | undefined = undefined;
  private closeAfterAnswers = false;
  private readonly changes = new Subject<void>();

  /** Emits when a request is over, or a connection is closed. */
  readonly changed$: Observable<void> = this.changes.asObservable();

  get all(): Connection[] {
    return [...this.open];
  }

  /** Follows an event of the server. */
  onEvent(event: string | symbol, [first, second]: readonly unknown[]): void {
    switch (event) {
      case 'connection':
        return this.addSocket(first as Socket);
      case 'secureConnection':
        return this.replaceSocket(first as Socket);
      case 'session':
        return this.addSession(first as ServerHttp2Session);
      case 'stream':
        return this.addStream(first as ServerHttp2Stream, second as IncomingHttpHeaders);
      case 'request':
      case 'checkContinue':
      case 'checkExpectation':
        if (first instanceof IncomingMessage) this.addRequest(first, second as ServerResponse);
        else this.addResponse(second as Http2ServerResponse);
        return;
      case 'upgrade':
      case 'connect':
        if (first instanceof IncomingMessage) this.upgrade(first.socket);
    }
  }

  /** Announces to all clients, now and later, that their connections close. */
  announceClose(): void {
    this.closeAfterAnswers = true;
    for (const connection of this.open) connection.closeAfterAnswer();
  }

  private addSocket(socket: Socket): void {
    const connection = new Connection(socket);
    this.latest = connection;
    this.open.add(connection);
    this.bySocket.set(socket, connection);
    if (this.closeAfterAnswers) connection.closeAfterAnswer();
    socket.once('close', () => {
      this.open.delete(connection);
      this.changes.next();
    });
  }

  /** Continues with the socket that TLS has put around another one. */
  private replaceSocket(socket: Socket): void {
    const encrypted = encryptedOf(socket);
    const connection = encrypted && this.bySocket.get(encrypted);
    if (!connection) return this.addSocket(socket);
    this.latest = connection;
    connection.socket = socket;
    this.bySocket.set(socket, connection);
  }

  private addSession(session: ServerHttp2Session): void {
    // Node emits this event while it handles that of the socket. `session.socket` is only a proxy.
    if (!this.latest) return;
    this.latest.session = session;
    this.bySession.set(session, this.latest);
  }

  private addStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const connection = stream.session && this.bySession.get(stream.session);
    if (connection) this.addExchange(connection, (this.latestStream = new Http2Exchange(stream, headers)));
  }

  /** Node emits the event of a request of HTTP/2 while it handles that of its stream. */
  private addResponse(response: Http2ServerResponse): void {
    const { latestStream } = this;
    if (latestStream?.answer === response.stream) latestStream.response = response;
  }

  private addRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.bySocket.get(request.socket);
    // A listener of `checkContinue` may emit `request` for the same answer.
    if (connection && !connection.has(response)) this.addExchange(connection, new Http1Exchange(request, response));
  }

  private addExchange(connection: Connection, exchange: Exchange): void {
    connection.add(exchange);
    // Not `once`, which takes longer: there may be very many, and each closes once.
    exchange.answer.on('close', () => {
      remove(exchange);
      if (this.changes.observed) this.changes.next();
    });
  }

  private upgrade(socket: Socket): void {
    const connection = this.bySocket.get(socket);
    if (connection) connection.isUpgraded = true;
  }
}

/** Returns the socket or stream that TLS has put a socket around. */
function encryptedOf(socket: Socket): Duplex | undefined {
  const { _parent: parent, _handle: handle } = socket as Socket & {
    readonly _parent?: Socket;
    readonly _handle?: { readonly _parentWrap?: { readonly stream?: Duplex } } | null;
  };
  // Node wraps a stream that is no socket, and TLS the wrapper.
  return parent ?? handle?._parentWrap?.stream;
}
