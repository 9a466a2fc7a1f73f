import type { ServerResponse } from 'node:http';
import { gzip } from 'node:zlib';

/** A shorter body fits into a packet, and would hardly become shorter. */
const minGzipBytes = 1400;
/** Compresses fast: the state of an application is requested every few seconds. */
const gzipOptions = { level: 1 };

export function sendError(response: ServerResponse, status: number, error: string): void {
  sendJson(response, status, { error });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`);
}

/** Sends a body, compressed if it is long and the client accepts that. */
export function send(response: ServerResponse, status: number, type: string, text: string): void {
  const body = Buffer.from(text);
  const write = (bytes: Buffer, encoding?: 'gzip') =>
    response
      .writeHead(status, {
        'content-type': type,
        'content-length': bytes.length,
        vary: 'accept-encoding',
        ...(encoding && { 'content-encoding': encoding }),
      })
      .end(bytes);
  if (body.length < minGzipBytes || !acceptsGzip(response.req.headers['accept-encoding'])) write(body);
  else gzip(body, gzipOptions, (error, compressed) => (error ? write(body) : write(compressed, 'gzip')));
}

function acceptsGzip(header: string | string[] = ''): boolean {
  return String(header)
    .toLowerCase()
    .split(',')
    .some((part) => {
      const [coding, quality = 'q=1'] = part.split(';').map((text) => text.trim());
      return coding === 'gzip' && Number(quality.replace('q=', '')) > 0;
    });
}
