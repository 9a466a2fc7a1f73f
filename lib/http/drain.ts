import type { Observable } from 'rxjs';
import { printable } from '../util/printable.js';
import type { Connection } from './connection.js';
import type { Connections } from './connections.js';

/** The time between two samples of each connection, in ms. */
const sampleMs = 100;

/** The largest number of requests that an error names. */
const maxNames = 5;

/** The times that limit a drain. */
export interface DrainOptions {
  /** Emits when event streams and tunnels have had their time. */
  readonly graceOver$: Observable<unknown>;
  /** Emits when everything must end. */
  readonly deadline$: Observable<unknown>;
}

/**
 * Ends each connection when its requests are answered. When no request is left that could still be answered, ends event
 * streams, tunnels, and the connections of clients that neither send nor read. Settles when no connection is left: it
 * rejects if the deadline has cut off requests.
 */
export function drain(connections: Connections, { graceOver$, deadline$ }: DrainOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let graceIsOver = false;
    let next: NodeJS.Immediate | undefined;
    const cutOff: string[] = [];

    const check = () => {
      clearImmediate(next);
      next = undefined;
      const open = connections.all;
      if (open.length === 0) return end();
      for (const connection of open) connection.end();
      if (open.some(({ isWorking }) => isWorking)) return;
      for (const connection of open)
        if (connection.isEndless ? graceIsOver : connection.isStalled) connection.socket.destroy();
    };
    const end = () => {
      clearInterval(samples);
      subscription.unsubscribe();
      if (cutOff.length === 0) resolve();
      else reject(new Error(`Closed before the deadline without an answer: ${list(cutOff)}`));
    };

    const samples = setInterval(() => {
      for (const connection of connections.all) connection.sample();
      check();
    }, sampleMs);
    // One check for all connections that close together, because it takes a time for each open one.
    const subscription = connections.changed$.subscribe(() => (next ??= setImmediate(check)));
    subscription.add(
      graceOver$.subscribe(() => {
        graceIsOver = true;
        check();
      }),
    );
    subscription.add(
      deadline$.subscribe(() => {
        for (const connection of connections.all) {
          cutOff.push(...requestsIn(connection));
          connection.socket.destroy();
        }
      }),
    );
    check();
  });
}

/** Returns the names of the requests on a connection that its handlers or its client still work on. */
function requestsIn(connection: Connection): string[] {
  return connection.isWorking
    ? connection.unanswered.filter(({ isEndless }) => !isEndless).map(({ name }) => printable(name, 120))
    : [];
}

function list(names: readonly string[]): string {
  const more = names.length - maxNames;
  return names.slice(0, maxNames).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
