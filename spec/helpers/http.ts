import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request with any headers, the `Host` included, which `fetch` would set itself, and any target, which it would mend. */
export async function ask(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
  target?: string,
): Promise<Answer> {
  const response = await open(url, headers, method, target);
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}

/** The same as far as its head. */
export function open(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
  target?: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { headers, method, agent: false, ...(target !== undefined && { path: target }) }, resolve)
      .on('error', reject)
      .end();
  });
}

export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** What a server sends, until one of it is wanted no more. */
export async function* serverSent(response: IncomingMessage): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const),
      );
      text = text.slice(end + 2);
      const data = fields.get('data');
      if (data !== undefined)
        yield { id: fields.get('id'), event: fields.get('event') ?? 'message', data: JSON.parse(data) as unknown };
    }
  }
}
