import type { Piscina } from 'piscina';
import { asyncScheduler, type Subscriber, type Subscription } from 'rxjs';
import type { MessagePort, Transferable } from 'node:worker_threads';
import { after } from '../util/timer.js';
import { ListNode } from '../util/linked-list.js';
import { streamed, type ControlMessage, type Job } from './messages.js';

/** Options of a run, which stay in the main thread. */
export interface CallOptions {
  readonly transfer: Transferable[];
  /** In ms. */
  readonly grace: number;
}

/** The owner of a run: the pool of threads. */
export interface ThreadRunOwner {
  /** Frees the thread of a run that has ended, or removes it from the queue. */
  release(run: ThreadRun): void;
  /** Returns the error that the subscriber receives. */
  toPublicError(error: unknown): unknown;
}

/** One run of a job, from its subscription until it has left its thread. */
export class ThreadRun extends ListNode {
  readonly job: Job;
  /** Whether a thread has taken the run. A thread that is still starting may fail before it does. */
  claimed = false;
  private resultPort: MessagePort | undefined = undefined;
  private readonly owner: ThreadRunOwner;
  private readonly options: CallOptions;
  private readonly subscriber: Subscriber<unknown>;
  private readonly abortController = new AbortController();
  private port: MessagePort | undefined = undefined;
  private cancelled = false;
  private graceTimer: Subscription | undefined = undefined;
  private ended = false;

  constructor(owner: ThreadRunOwner, job: Job, options: CallOptions, subscriber: Subscriber<unknown>) {
    super();
    this.owner = owner;
    this.job = job;
    this.options = options;
    this.subscriber = subscriber;
  }

  start(piscina: Piscina, job: object): void {
    const { signal } = this.abortController;
    piscina.run(job, { signal, transferList: this.options.transfer }).then(
      (value: unknown) => {
        this.end();
        if (value !== streamed) this.subscriber.next(value);
        this.subscriber.complete();
      },
      (error: unknown) => this.fail(error),
    );
  }

  /** Called when a thread takes the run. Piscina would wait for ever for a result that cannot be read from its port. */
  onClaim(resultPort: MessagePort | undefined): void {
    this.claimed = true;
    this.resultPort = resultPort?.on('messageerror', this.onUnreadable);
  }

  /** Receives values on the port that the thread has opened. */
  onChannelOpen(port: MessagePort): void {
    this.port = port;
    if (this.cancelled) this.abort();
    const acknowledge = () => port.postMessage('ack' satisfies ControlMessage);
    port.on('message', (value: unknown) => {
      this.subscriber.next(value);
      acknowledge();
    });
    port.on('messageerror', this.onUnreadable);
    acknowledge();
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.interrupt();
    this.subscriber.error(this.owner.toPublicError(error));
  }

  /** Asks the function to stop, and interrupts it after its grace. Without a channel it cannot be asked. */
  cancel(): void {
    if (this.ended) return;
    const { job, options } = this;
    if (options.grace === 0 || Atomics.load(job.channelOpened, 0) === 0) return this.interrupt();
    this.cancelled = true;
    this.abort();
    this.graceTimer = after(asyncScheduler, options.grace, () => this.interrupt());
  }

  private readonly onUnreadable = (cause: unknown): void => {
    const { name, url } = this.job;
    const message = `A value or an error of \`${name}\` of ${url} cannot be read here; it may be nested too deeply`;
    this.fail(new RangeError(message, { cause }));
  };

  private abort(): void {
    this.port?.postMessage('abort' satisfies ControlMessage);
  }

  /** Ends the run, and the thread if it still runs the job. */
  private interrupt(): void {
    // Abort first: releasing starts the next run, and piscina adds a thread only if it has room at that moment.
    this.abortController.abort('unsubscribed');
    this.end();
  }

  private end(): void {
    this.ended = true;
    this.graceTimer?.unsubscribe();
    this.port?.close();
    this.resultPort?.off('messageerror', this.onUnreadable);
    this.owner.release(this);
  }
}
