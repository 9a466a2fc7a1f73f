/** A request of a client: the bytes up to the point where the server must answer, and the text of its statement. */
export interface Request {
  readonly bytes: Buffer;
  /** Undefined for a request without a statement, such as a login. */
  readonly sql: string | undefined;
}

/** The code of a start message that asks for encryption, or for a cancel: its low half is 5678 and more. */
const minSpecialCode = 80_877_102;

/** Splits what a PostgreSQL client sends into requests. It knows no more of the protocol than the frames. */
export class FrontendParser {
  private buffer = Buffer.alloc(0);
  private started = false;
  /** The messages of an extended query, before its `Sync`. */
  private batch: Buffer[] = [];
  private sql: string | undefined = undefined;
  /** The texts of named statements. A later request has the name alone. */
  private readonly named = new Map<string, string>();

  /** Adds bytes. Returns the requests that they complete. */
  push(bytes: Buffer): Request[] {
    this.buffer = Buffer.concat([this.buffer, bytes]);
    const requests: Request[] = [];
    for (let message = this.nextMessage(); message; message = this.nextMessage()) {
      const request = this.started ? this.onMessage(message) : this.onStart(message);
      if (request) requests.push(request);
    }
    return requests;
  }

  private nextMessage(): Buffer | undefined {
    const { buffer, started } = this;
    // The first messages have no type.
    const start = started ? 1 : 0;
    if (buffer.length < start + 4) return undefined;
    const length = start + buffer.readInt32BE(start);
    if (buffer.length < length) return undefined;
    this.buffer = buffer.subarray(length);
    return buffer.subarray(0, length);
  }

  private onStart(bytes: Buffer): Request {
    this.started = bytes.readInt32BE(4) < minSpecialCode;
    return { bytes, sql: undefined };
  }

  private onMessage(message: Buffer): Request | undefined {
    const type = String.fromCharCode(message[0] ?? 0);
    if (type === 'Q') return { bytes: message, sql: textAt(message, 5)[0] };
    if (!'PBDECHS'.includes(type)) return { bytes: message, sql: undefined };
    this.batch.push(message);
    if (type === 'P') {
      const [name, end] = textAt(message, 5);
      [this.sql] = textAt(message, end);
      this.named.set(name, this.sql);
    } else if (type === 'B') {
      const [, end] = textAt(message, 5);
      this.sql ??= this.named.get(textAt(message, end)[0]);
    }
    if (type !== 'S') return undefined;
    const request = { bytes: Buffer.concat(this.batch), sql: this.sql };
    this.batch = [];
    this.sql = undefined;
    return request;
  }
}

/** Returns the text that begins at a position and ends with a zero, and the position after it. */
function textAt(message: Buffer, start: number): [text: string, end: number] {
  const end = message.indexOf(0, start);
  return [message.toString('utf8', start, end), end + 1];
}

/** Creates the answer of a server that refuses a statement. */
export function errorAnswer(code: string, text: string, isFatal: boolean): Buffer {
  const fields = [`S${isFatal ? 'FATAL' : 'ERROR'}`, `V${isFatal ? 'FATAL' : 'ERROR'}`, `C${code}`, `M${text}`];
  const body = Buffer.from(`${fields.join('\0')}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  const error = Buffer.concat([head, body]);
  // The server is ready for the next statement, outside of a transaction.
  return isFatal ? error : Buffer.concat([error, Buffer.from('Z\0\0\0\x05I', 'latin1')]);
}
