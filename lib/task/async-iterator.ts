import type { ReadableStreamLike } from 'rxjs';
import { hasMethod } from '../util/has-members.js';

/** A source from which values are pulled. `return` ends it. */
export interface PullSource<T> {
  next(): PromiseLike<IteratorResult<T, unknown>>;
  return?(): PromiseLike<unknown>;
}

/** Returns the iterator of an async iterable. Its `return` does not wait for a pending read. */
export function toAsyncIterator<T>(stream: object): PullSource<T> | undefined {
  // A web stream is iterable, too, but its iterator's `return` waits for a pending read; the reader's `cancel` does
  // not.
  if (hasMethod(stream, 'getReader')) return readerIterator((stream as ReadableStreamLike<T>).getReader());
  if (!(Symbol.asyncIterator in stream)) return undefined;
  const iterator = (stream as AsyncIterable<T>)[Symbol.asyncIterator]();
  if (!hasMethod(stream, 'destroy')) return iterator as PullSource<T>;
  // The `return` of a Node stream's iterator waits, too; `destroy` ends the pending read.
  const readable = stream as unknown as NodeStream;
  return {
    next: () => iterator.next(),
    return() {
      // The iterator listens for errors only after its first read.
      readable.once?.('error', () => undefined);
      readable.destroy(new DOMException('Cancelled', 'AbortError'));
      return Promise.resolve(iterator.return?.());
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

/** The reader of a stream. RxJS's type has no `cancel`, though every reader of a web stream has it. */
type StreamReader<T> = ReturnType<ReadableStreamLike<T>['getReader']> & { cancel?(): Promise<void> };
