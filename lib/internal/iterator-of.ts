import type { ReadableStreamLike } from 'rxjs';

/** The iterator of what is asynchronously iterable, with a `return` that does not wait for a read under way. */
export function iteratorOf<T>(stream: object): AsyncIterator<T> | undefined {
  // A web stream is iterable too, but the `return` of its iterator waits for the read under way; the reader's `cancel` does not.
  if (has(stream, 'getReader')) return readerIterator((stream as ReadableStreamLike<T>).getReader());
  if (!(Symbol.asyncIterator in stream)) return undefined;
  const source = (stream as AsyncIterable<T>)[Symbol.asyncIterator]();
  if (!has(stream, 'destroy')) return source;
  // So does the `return` of a Node stream's, which `destroy` ends.
  const readable = stream as unknown as NodeStream;
  return {
    next: () => source.next(),
    async return() {
      // Its iterator listens only once it has been read from.
      readable.once?.('error', () => undefined);
      readable.destroy(new DOMException('Cancelled', 'AbortError'));
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}

interface NodeStream {
  destroy(error: Error): void;
  once?(event: 'error', listener: () => void): unknown;
}

function readerIterator<T>(reader: StreamReader<T>): AsyncIterator<T> {
  return {
    async next() {
      try {
        const { done, value } = await reader.read();
        if (!done) return { done, value };
      } catch (error) {
        reader.releaseLock();
        throw error;
      }
      reader.releaseLock();
      return { done: true, value: undefined };
    },
    async return() {
      try {
        await reader.cancel?.();
      } finally {
        reader.releaseLock();
      }
      return { done: true, value: undefined };
    },
  };
}

/** RxJS's own type of a reader knows no `cancel`, though every reader of the web's streams has it. */
type StreamReader<T> = ReturnType<ReadableStreamLike<T>['getReader']> & { cancel?(): Promise<void> };

export function has(x: object, method: string): boolean {
  return typeof (x as Record<string, unknown>)[method] === 'function';
}
