const guarded = new WeakSet<NodeJS.WriteStream>();

/**
 * Keeps a write to stdout or stderr from ending this process when the reader is gone, as after `| head`. The output is
 * then lost. This holds until the process exits, because finalizers and the code after the application write, too.
 */
export function tolerateClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (guarded.has(stream)) continue;
    guarded.add(stream);
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (isReaderGone(error, stream) || stream.listenerCount('error') > 1) return;
      // As without a listener.
      process.nextTick(() => {
        throw error;
      });
    });
  }
}

/** Whether the reader of a pipe, or the terminal, is gone. */
function isReaderGone({ code }: NodeJS.ErrnoException, stream: NodeJS.WriteStream): boolean {
  return code === 'EPIPE' || (code === 'EIO' && stream.isTTY);
}
