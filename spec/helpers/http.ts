import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

export interface HttpAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request with any headers and any target. `fetch` would set `Host` itself, and normalize the target. */
export async function httpRequest(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
  target?: string,
  requestBody?: string,
): Promise<HttpAnswer> {
  const response = await openResponse(url, headers, method, target, requestBody);
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}

/** Sends a request, and resolves when the head of its response has arrived. */
export function openResponse(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
  target?: string,
  requestBody?: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { headers, method, agent: false, ...(target !== undefined && { path: target }) }, resolve)
      .on('error', reject)
      .end(requestBody);
  });
}

export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** Parses the server-sent events of a response. */
export async function* serverSentEvents(response: IncomingMessage): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const fields = new Map(
        lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const),
      );
      const data = fields.get('data');
      if (data !== undefined)
        yield { id: fields.get('id'), event: fields.get('event') ?? 'message', data: JSON.parse(data) as unknown };
    }
  }
}
