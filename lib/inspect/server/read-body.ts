import type { IncomingMessage } from 'node:http';

/**
 * Reads the body of a request. Resolves with `'too long'` when it has more bytes than the limit, and never if the
 * client ends the connection before the body.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too long'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        request.pause();
        return resolve('too long');
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    // The server ends the connection of a request that takes too long.
    request.on('error', () => undefined);
  });
}
