import { Piscina, queueOptionsSymbol } from 'piscina';
import { extname, join as pathOf } from 'node:path';
import type { Subscriber } from 'rxjs';
import { append, remove, type LinkedList } from '../util/linked-list.js';
import { PoolClosedError, PoolQueueError, ThreadExitError, ThreadMemoryError } from './errors.js';
import { isOpening, type Job } from './job.js';
import { ThreadRun, type RunHost, type RunTerms } from './thread-run.js';
import { fromThrown, isThrown } from './thrown.js';

/** How a crew works. */
export interface CrewTerms {
  readonly name: string;
  readonly threads: number;
  readonly idleTimeout: number;
  readonly memoryLimit: number | undefined;
  readonly queueLimit: number;
}

// JavaScript in dist, TypeScript where this is run as that.
const workerFile = pathOf(import.meta.dirname, `worker${extname(import.meta.filename)}`);

/**
 * The threads of a pool, and those who wait for one, as a chain. Piscina never has more runs than it may have threads: of those that can be
 * aborted its own queue changes the order, does not count them, and lets them wait beside an aborted thread's empty place.
 */
export class Crew implements RunHost, LinkedList<ThreadRun> {
  first: ThreadRun | undefined = undefined;
  last: ThreadRun | undefined = undefined;
  private waiting = 0;
  private readonly running = new Map<number, ThreadRun>();
  private readonly terms: CrewTerms;
  private piscina: Piscina | undefined = undefined;
  private closed: { readonly cause: unknown } | undefined = undefined;
  private awaitingEnd: (() => void)[] = [];
  private runs = 0;

  constructor(terms: CrewTerms) {
    this.terms = terms;
  }

  open(): void {
    this.closed = undefined;
  }

  add(job: Omit<Job, 'id'>, terms: RunTerms, subscriber: Subscriber<unknown>): void {
    const { name, threads, queueLimit } = this.terms;
    if (this.closed) return subscriber.error(new PoolClosedError(name, this.closed));
    const run = new ThreadRun(this, { ...job, id: ++this.runs }, terms, subscriber);
    const busy = this.running.size >= threads;
    if (busy && this.waiting >= queueLimit) return subscriber.error(new PoolQueueError(name, queueLimit));
    subscriber.add(() => run.leave());
    if (!busy) return this.start(run);
    append<ThreadRun>(this, run);
    this.waiting++;
  }

  /** Takes no more runs, ends the threads when there are none left, and resolves when they have ended. */
  async close(cause?: unknown): Promise<void> {
    this.closed ??= { cause };
    if (this.running.size > 0) await new Promise<void>((resolve) => this.awaitingEnd.push(resolve));
    const { piscina } = this;
    this.piscina = undefined;
    await piscina?.destroy();
  }

  over(run: ThreadRun): void {
    if (run.list) {
      remove(run);
      this.waiting--;
    } else this.running.delete(run.job.id);
    const { first: next } = this;
    if (next && this.running.size < this.terms.threads) {
      remove(next);
      this.waiting--;
      this.start(next);
    }
    if (this.running.size === 0) for (const resolve of this.awaitingEnd.splice(0)) resolve();
  }

  explain(error: unknown): unknown {
    if (isThrown(error)) return fromThrown(error);
    const { name, memoryLimit } = this.terms;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') return new ThreadMemoryError(name, memoryLimit, { cause: error });
    // The one way in which piscina tells it.
    const exitCode = /^worker exited with code: (\d+)$/.exec(message)?.[1];
    return exitCode === undefined ? error : new ThreadExitError(name, Number(exitCode), { cause: error });
  }

  private start(run: ThreadRun): void {
    this.running.set(run.job.id, run);
    this.piscina ??= this.makePiscina();
    // What has a symbol for its key is not sent.
    run.start(this.piscina, { ...run.job, [queueOptionsSymbol]: run });
  }

  private makePiscina(): Piscina {
    const { threads, idleTimeout, memoryLimit } = this.terms;
    const piscina = new Piscina({
      filename: workerFile,
      name: 'work',
      minThreads: 0,
      maxThreads: threads,
      idleTimeout,
      recordTiming: false,
      ...(memoryLimit !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } }),
      loadBalancer(task, workers) {
        const free = workers.find(({ currentUsage }) => currentUsage === 0);
        if (free) (task[queueOptionsSymbol] as ThreadRun).taken = true;
        return free ?? null;
      },
    });
    piscina.on('message', (message: unknown) => {
      if (!isOpening(message)) return;
      const run = this.running.get(message.openedBy);
      if (run) run.opened(message.port);
      else message.port.close();
    });
    // A thread that had nothing to do: one that did not come up, for which a run waits, which else would wait for ever.
    piscina.on('error', (error: unknown) => {
      const run = [...this.running.values()].find(({ taken }) => !taken);
      if (run) run.fail(error);
      else console.error(this.explain(error));
    });
    return piscina;
  }
}
