import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerResponse, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { ListNode } from '../util/linked-list.js';

/** A request and its answer, in the list of those of a connection until the answer is closed. */
export abstract class Exchange extends ListNode {
  readonly answer: ServerResponse | ServerHttp2Stream;
  private readonly body: Readable;

  constructor(body: Readable, answer: ServerResponse | ServerHttp2Stream) {
    super();
    this.body = body;
    this.answer = answer;
  }

  /** The method and the path, without the query, which may contain secrets. */
  abstract readonly name: string;

  /** Whether it is an event stream or a tunnel, which have no end of their own. */
  abstract readonly isEndless: boolean;

  /** Whether the whole answer has been handed to the operating system. */
  get isAnswered(): boolean {
    return this.answer.writableFinished || this.answer.destroyed;
  }

  /** Whether the handler can only go on, or the answer only end, when the client sends or reads something. */
  get waitsForClient(): boolean {
    const { body, answer } = this;
    if (answer.writableEnded || answer.writableNeedDrain) return true;
    // With a listener of `readable`, as in `for await`, the body does not flow.
    const isRead = body.readableFlowing === true || body.listenerCount('readable') > 0;
    return isRead && !body.readableEnded && !body.destroyed && body.readableLength === 0;
  }

  /** Sets whether the connection is kept after this answer, where the protocol has a header for that. */
  abstract keepAlive(keep: boolean): void;
}

/** A request of HTTP/1. */
export class Http1Exchange extends Exchange {
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly mayKeepAlive: boolean;
  private isEventStream: boolean | undefined = undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super(request, response);
    this.request = request;
    this.response = response;
    this.mayKeepAlive = response.shouldKeepAlive;
  }

  get name(): string {
    return nameOf(this.request.method, this.request.url);
  }

  get isEndless(): boolean {
    // `getHeader` does not return the headers that were passed to `writeHead`.
    const { _header: head } = this.response as ServerResponse & { readonly _header?: string | null };
    if (!head) return isEventStream(this.response.getHeader('content-type'));
    return (this.isEventStream ??= /^content-type: *text\/event-stream/im.test(head));
  }

  keepAlive(keep: boolean): void {
    this.response.shouldKeepAlive = keep && this.mayKeepAlive;
  }
}

/** A request of HTTP/2. */
export class Http2Exchange extends Exchange {
  private readonly stream: ServerHttp2Stream;
  private readonly headers: IncomingHttpHeaders;
  private isEventStream: boolean | undefined = undefined;
  /** The answer of a listener of `request`. It has the headers that are not sent yet. */
  response: Http2ServerResponse | undefined = undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    super(stream, stream);
    this.stream = stream;
    this.headers = headers;
  }

  get name(): string {
    return nameOf(this.headers[':method'], this.headers[':path']);
  }

  get isEndless(): boolean {
    if (this.headers[':method'] === 'CONNECT') return true;
    const { headersSent, sentHeaders } = this.stream as ServerHttp2Stream & {
      readonly sentHeaders: OutgoingHttpHeaders;
    };
    if (!headersSent) return isEventStream(this.response?.getHeader('content-type'));
    return (this.isEventStream ??= isEventStream(contentTypeOf(sentHeaders)));
  }

  keepAlive(): void {
    // HTTP/2 closes a session by a frame, not by a header.
  }
}

function nameOf(method = '', target = ''): string {
  return `${method} ${target.split('?', 1)[0]}`;
}

/** Node keeps the names of the headers as the handler has written them. */
function contentTypeOf(headers: OutgoingHttpHeaders): unknown {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
}

function isEventStream(contentType: unknown): boolean {
  return String(contentType).toLowerCase().startsWith('text/event-stream');
}
