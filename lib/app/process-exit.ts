import { killUnlessExited } from './watchdog.js';

/**
 * Exits when the output is flushed, or when it makes no progress for a second: its reader may be gone. A thread in a
 * blocking system call does not prevent it.
 */
export function exit(code: number): void {
  const streams = pendingStreams();
  if (streams.length === 0) exitNow(code);
  process.exitCode = code;
  exitUnlessFlushing(streams, code);
  void flushed(streams).then(() => exitNow(code));
}

/** Exits when the output makes no progress for a second. Returns the function that ends this. */
export function exitUnlessFlushing(streams: readonly NodeJS.WriteStream[], code: number): () => void {
  let pendingBefore = pendingBytes(streams);
  const timer = setInterval(() => {
    const pending = pendingBytes(streams);
    if (pending >= pendingBefore) exitNow(code);
    pendingBefore = pending;
  }, 1000);
  return () => clearInterval(timer);
}

function exitNow(code: number): never {
  killUnlessExited(code);
  process.exit(code);
}

export function pendingStreams(): NodeJS.WriteStream[] {
  return [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
}

/**
 * Returns the number of bytes not flushed yet. `writableLength` of one long chunk does not shrink until the end, so
 * libuv's count is added.
 */
function pendingBytes(streams: readonly NodeJS.WriteStream[]): number {
  return streams.reduce((sum, stream) => {
    const { _handle: handle, writableLength } = stream as NodeJS.WriteStream & {
      readonly _handle?: { readonly writeQueueSize?: number } | null;
    };
    return sum + writableLength + (handle?.writeQueueSize ?? 0);
  }, 0);
}

/** Resolves when everything written so far is flushed. */
export function flushed(streams: NodeJS.WriteStream[]): Promise<unknown> {
  return Promise.all(streams.map((stream) => new Promise((resolve) => stream.write('', resolve))));
}
