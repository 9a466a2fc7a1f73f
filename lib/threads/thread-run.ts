import type { Piscina } from 'piscina';
import { asyncScheduler, type Subscriber, type Subscription } from 'rxjs';
import type { MessagePort, Transferable } from 'node:worker_threads';
import { after } from '../util/timer.js';
import { ListNode } from '../util/linked-list.js';
import { allSent, type Job, type Word } from './job.js';

/** Whose run it is. */
export interface RunHost {
  /** It needs its thread, or its place among those who wait for one, no longer. */
  over(run: ThreadRun): void;
  /** What its subscriber is told of what has gone wrong. */
  explain(error: unknown): unknown;
}

/** How a job is run. */
export interface RunTerms {
  readonly transfer: readonly Transferable[];
  /** In ms. */
  readonly grace: number;
}

/** One run of a job, from when it is subscribed until it has left its thread. */
export class ThreadRun extends ListNode {
  readonly job: Job;
  /** Whether a thread has taken it: one that is only coming up may fail to. */
  taken = false;
  private readonly host: RunHost;
  private readonly terms: RunTerms;
  private readonly subscriber: Subscriber<unknown>;
  private readonly kill = new AbortController();
  private line: MessagePort | undefined = undefined;
  private grace: Subscription | undefined = undefined;
  private isOver = false;

  constructor(host: RunHost, job: Job, terms: RunTerms, subscriber: Subscriber<unknown>) {
    super();
    this.host = host;
    this.job = job;
    this.terms = terms;
    this.subscriber = subscriber;
  }

  start(piscina: Piscina, job: object): void {
    const { signal } = this.kill;
    piscina.run(job, { signal, transferList: [...this.terms.transfer] }).then(
      (value: unknown) => {
        if (this.isOver) return;
        this.end();
        if (value !== allSent) this.subscriber.next(value);
        this.subscriber.complete();
      },
      (error: unknown) => this.fail(error),
    );
  }

  /** The thread has opened a line. */
  opened(line: MessagePort): void {
    this.line = line;
    const read = () => line.postMessage('read' satisfies Word);
    line.on('message', (value: unknown) => {
      this.subscriber.next(value);
      read();
    });
    read();
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    this.cut();
    this.subscriber.error(this.host.explain(error));
  }

  /** Nobody wants its values any longer. */
  leave(): void {
    if (this.isOver) return;
    const { line, terms } = this;
    if (!line || terms.grace === 0) return this.cut();
    line.postMessage('stop' satisfies Word);
    this.grace = after(asyncScheduler, terms.grace, () => this.cut());
  }

  /** Ends it, and the thread that still runs it. */
  private cut(): void {
    // Before anyone else gets its turn: piscina makes a new thread only for whom it has room when it comes.
    this.kill.abort('left');
    this.end();
  }

  private end(): void {
    this.isOver = true;
    this.grace?.unsubscribe();
    this.line?.close();
    this.host.over(this);
  }
}
