import { MessageChannel, parentPort, type MessagePort } from 'node:worker_threads';
import type { Opening, Word } from './job.js';

/** How many values may be on their way: enough that a thread does not wait for each to be read, and no more than a few. */
const most = 16;

/** The thread's end of a line. */
export class Line {
  private readonly port: MessagePort;
  private readonly stopping = new AbortController();
  /** The opening is to be read, too: only then does its reader know of what comes after. */
  private unread = 1;
  private heard: () => void = () => undefined;

  constructor(id: number) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    port1.on('message', (word: Word) => {
      if (word === 'read') this.unread--;
      else this.stopping.abort();
      this.heard();
    });
    const opening: Opening = { openedBy: id, port: port2 };
    parentPort?.postMessage(opening, [port2]);
  }

  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** Sends values until there are no more, or nobody wants them, in which case their iterator is told. */
  async send(values: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    try {
      for await (const value of values) {
        this.port.postMessage(value);
        this.unread++;
        await this.until(most - 1);
        if (this.signal.aborted) return;
      }
    } finally {
      // How it ends is told by another way, and must not be there before them.
      await this.until(0);
    }
  }

  close(): void {
    this.port.close();
  }

  private async until(unread: number): Promise<void> {
    while (this.unread > unread && !this.signal.aborted) await new Promise<void>((heard) => (this.heard = heard));
  }
}
