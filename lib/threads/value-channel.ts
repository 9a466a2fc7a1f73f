import { MessageChannel, parentPort, type MessagePort } from 'node:worker_threads';
import type { ControlMessage, Job, OpenChannel } from './messages.js';

/** The maximum number of unacknowledged values: a thread need not wait for each, and memory stays bounded. */
const highWaterMark = 16;

/**
 * The thread's end of the channel on which a job sends its values and receives its abort. The main thread closes it.
 * Until then it acknowledges all values, after an abort, too.
 */
export class ValueChannel {
  private readonly port: MessagePort;
  private readonly abortController = new AbortController();
  /** Starts at 1 for the `OpenChannel` message: the main thread listens to the port only after it has received that. */
  private unacknowledged = 1;
  private onControlMessage: () => void = () => undefined;

  constructor({ id: jobId, channelOpened }: Job) {
    Atomics.store(channelOpened, 0, 1);
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    port1.on('message', (message: ControlMessage) => {
      if (message === 'ack') this.unacknowledged--;
      else this.abortController.abort();
      this.onControlMessage();
    });
    const open: OpenChannel = { jobId, port: port2 };
    parentPort?.postMessage(open, [port2]);
  }

  get signal(): AbortSignal {
    return this.abortController.signal;
  }

  /** Sends all values. After an abort it stops and closes their iterator. */
  async send(values: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    try {
      for await (const value of values) {
        this.port.postMessage(value);
        this.unacknowledged++;
        await this.whenAcknowledged(highWaterMark - 1);
        if (this.signal.aborted) return;
      }
    } finally {
      // The result of the job takes another port and must not overtake the values.
      await this.whenAcknowledged(0);
    }
  }

  /** Resolves when at most `count` messages are unacknowledged. */
  private async whenAcknowledged(count: number): Promise<void> {
    while (this.unacknowledged > count) await new Promise<void>((resolve) => (this.onControlMessage = resolve));
  }
}
