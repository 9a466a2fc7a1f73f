import type { ReadableStreamLike } from 'rxjs';

/** What is pulled from, and told when no more will be. */
export interface PullSource<T> {
  next(): PromiseLike<IteratorResult<T, unknown>>;
  return?(): PromiseLike<unknown>;
}

/** The iterator of what is asynchronously iterable, with a `return` that does not wait for a read under way. */
export function toAsyncIterator<T>(stream: object): PullSource<T> | undefined {
  // A web stream is iterable too, but the `return` of its iterator waits for the read under way; the reader's `cancel` does not.
  if (hasMethod(stream, 'getReader')) return readerIterator((stream as ReadableStreamLike<T>).getReader());
  if (!(Symbol.asyncIterator in stream)) return undefined;
  const source = (stream as AsyncIterable<T>)[Symbol.asyncIterator]();
  if (!hasMethod(stream, 'destroy')) return source as PullSource<T>;
  // So does the `return` of a Node stream's, which `destroy` ends.
  const readable = stream as unknown as NodeStream;
  return {
    next: () => source.next(),
    return() {
      // Its iterator listens only once it has been read from.
      readable.once?.('error', () => undefined);
      readable.destroy(new DOMException('Cancelled', 'AbortError'));
      return Promise.resolve(source.return?.());
    },
  };
}

interface NodeStream {
  destroy(error: Error): void;
  once?(event: 'error', listener: () => void): unknown;
}

function readerIterator<T>(reader: StreamReader<T>): PullSource<T> {
  return {
    async next() {
      let done = true;
      try {
        const result = await reader.read();
        done = result.done;
        return result as IteratorResult<T, unknown>;
      } finally {
        if (done) reader.releaseLock();
      }
    },
    async return() {
      try {
        await reader.cancel?.();
      } finally {
        reader.releaseLock();
      }
    },
  };
}

/** RxJS's own type of a reader knows no `cancel`, though every reader of the web's streams has it. */
type StreamReader<T> = ReturnType<ReadableStreamLike<T>['getReader']> & { cancel?(): Promise<void> };

export function hasMethod(x: object, method: string): boolean {
  return typeof (x as Record<string, unknown>)[method] === 'function';
}
