/** A server-sent event. */
export interface ServerEvent {
  readonly type: string;
  readonly id: string | undefined;
  readonly data: string;
}

/**
 * Reads the server-sent events of a response until it ends, and calls `onRetry` with the delay that the server wants
 * before the next request. An `EventSource` would send no header.
 */
export async function readServerEvents(
  body: ReadableStream<Uint8Array>,
  onEvent: (event: ServerEvent) => void,
  onRetry: (ms: number) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = fieldsOf(block);
      const retry = fields.get('retry');
      if (retry !== undefined) onRetry(Number(retry));
      const data = fields.get('data');
      if (data !== undefined) onEvent({ type: fields.get('event') ?? 'message', id: fields.get('id'), data });
    }
  }
}

/** Returns the fields of an event by their names. A line without a name is a comment, which keeps proxies awake. */
function fieldsOf(block: string): ReadonlyMap<string, string> {
  return new Map(
    block.split('\n').map((line) => {
      const end = line.indexOf(':');
      return [line.slice(0, end), line.slice(end + 1).replace(/^ /, '')] as const;
    }),
  );
}
