import type { Cluster } from 'node:cluster';
import { CancelledError } from '../errors/errors.js';

/** Calls a function when the IPC channel to the parent process ends. Returns the function that ends this. */
export function onEndOfChannel(stop: (cause: unknown) => void): () => void {
  const listener = () => {
    // A worker of a cluster exits at once when its primary is gone, unless it is to be disconnected.
    const { worker } = process.getBuiltinModule('node:cluster') as unknown as Cluster;
    if (worker) worker.exitedAfterDisconnect = true;
    stop(new CancelledError('The IPC channel to the parent process has ended'));
  };
  // It has ended before if it is no longer connected. A process without a channel has no such member.
  const { connected } = process as { readonly connected?: boolean };
  if (connected === false) queueMicrotask(listener);
  // Before the listener of the cluster, which exits.
  process.prependOnceListener('disconnect', listener);
  return () => process.off('disconnect', listener);
}
