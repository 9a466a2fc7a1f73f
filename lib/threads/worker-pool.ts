import { Piscina, queueOptionsSymbol } from 'piscina';
import { extname } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import type { Subscriber } from 'rxjs';
import { append, remove, type LinkedList } from '../util/linked-list.js';
import { callWithoutStores } from '../util/call-in-context.js';
import { logError } from '../util/log-error.js';
import { maxTimerMs } from '../util/timer.js';
import { PoolClosedError, PoolQueueError, ThreadExitError, ThreadMemoryError } from './errors.js';
import { isLateError, isOpenChannel, type Job, type LateError } from './messages.js';
import { deserializeError, isSerializedThrow } from './serialize-error.js';
import { ThreadRun, type CallOptions, type ThreadRunOwner } from './thread-run.js';

/** Options of a pool, validated and with their defaults. */
export interface PoolConfig {
  readonly name: string;
  readonly threads: number;
  readonly idleTimeout: number;
  readonly memoryLimit: number | undefined;
  readonly queueLimit: number;
  /** The URL of the program of a thread. Default: that of this library. */
  readonly program: string | undefined;
}

/**
 * Returns the URL of this library's program of a thread: JavaScript in dist, TypeScript when this runs from source.
 *
 * @throws Error in a bundle that is a CommonJS module, which has no URL.
 */
function ownProgram(): string {
  const { url } = import.meta as Partial<ImportMeta>;
  if (url === undefined) throw new Error('Expected the option `workerFile`, because this is a bundle');
  return new URL(`./worker${extname(url)}`, url).href;
}

/** Returns the port on which piscina receives the results of a thread. Piscina does not export the key to it. */
function resultPortOf(thread: object): MessagePort | undefined {
  const fields = thread as Record<symbol, { port?: MessagePort } | undefined>;
  const [key] = Object.getOwnPropertySymbols(thread);
  return key && fields[key]?.port;
}

/**
 * The threads of a pool, and the queue of the runs that wait for one, as a linked list. Piscina never gets more runs
 * than it may have threads. Its own queue reorders abortable runs, does not count them against its limit, and does not
 * start a thread for them after another one was aborted.
 */
export class WorkerPool implements ThreadRunOwner, LinkedList<ThreadRun> {
  first: ThreadRun | undefined = undefined;
  last: ThreadRun | undefined = undefined;
  private waitingCount = 0;
  private readonly running = new Map<number, ThreadRun>();
  private readonly config: PoolConfig;
  private piscina: Piscina | undefined = undefined;
  /** The threads whose exit is watched. */
  private readonly watched = new WeakSet();
  /** Why no more runs are accepted; `undefined` while they are. */
  private closed: ErrorOptions | undefined = undefined;
  /** The last of the ends. The pool may be opened before it has ended, and be closed again. */
  private ending = Promise.resolve();
  private onRelease: () => void = () => undefined;
  private lastId = 0;

  constructor(config: PoolConfig) {
    this.config = config;
  }

  open(): void {
    this.closed = undefined;
  }

  add(job: Omit<Job, 'id' | 'channelOpened'>, options: CallOptions, subscriber: Subscriber<unknown>): void {
    const { name, threads, queueLimit } = this.config;
    // The code that creates the Observable may have unsubscribed.
    if (subscriber.closed) return;
    if (this.closed) return subscriber.error(new PoolClosedError(name, this.closed));
    const channelOpened = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const run = new ThreadRun(this, { ...job, id: ++this.lastId, channelOpened }, options, subscriber);
    const busy = this.running.size >= threads;
    if (busy && this.waitingCount >= queueLimit) return subscriber.error(new PoolQueueError(name, queueLimit));
    subscriber.add(() => run.cancel());
    if (!busy) return this.start(run);
    append<ThreadRun>(this, run);
    this.waitingCount++;
  }

  /** Accepts no more runs, ends the threads when none is left, and resolves when they have ended. */
  close(reason: ErrorOptions = {}): Promise<void> {
    this.closed ??= reason;
    return (this.ending = this.ending.then(() => this.endThreads()));
  }

  release(run: ThreadRun): void {
    if (run.list) this.dequeue(run);
    else this.running.delete(run.job.id);
    const { first } = this;
    if (first && this.running.size < this.config.threads) {
      this.dequeue(first);
      this.start(first);
    }
    this.onRelease();
  }

  toPublicError(error: unknown): unknown {
    if (isSerializedThrow(error)) return deserializeError(error);
    const { name, memoryLimit } = this.config;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') return new ThreadMemoryError(name, memoryLimit, { cause: error });
    // Piscina reports the exit of a thread in this message alone.
    const exitCode = /^worker exited with code: (\d+)$/.exec(message)?.[1];
    return exitCode === undefined ? error : new ThreadExitError(name, Number(exitCode), { cause: error });
  }

  /** Writes an error for which no run waits any more. */
  private logLateError({ lateError, url, name }: LateError): void {
    const cause = deserializeError(lateError);
    const message = `\`${name}\` of ${url} failed in a thread of ${this.config.name} after it had returned`;
    const error = new Error(message, { cause });
    // The frames of this library say nothing about the error.
    error.stack = `Error: ${message}`;
    logError(error);
  }

  private async endThreads(): Promise<void> {
    while (this.closed && this.piscina) {
      if (this.running.size > 0) {
        await new Promise<void>((resolve) => (this.onRelease = resolve));
        continue;
      }
      const { piscina } = this;
      this.piscina = undefined;
      await piscina.destroy();
    }
  }

  private dequeue(run: ThreadRun): void {
    remove(run);
    this.waitingCount--;
  }

  private start(run: ThreadRun): void {
    this.running.set(run.job.id, run);
    // A thread that starts for the run outlives it.
    callWithoutStores(() => {
      const piscina = (this.piscina ??= this.createPiscina());
      // Properties with a symbol as their key are not sent to the thread.
      run.start(piscina, { ...run.job, [queueOptionsSymbol]: run });
      if (!run.claimed) this.watchStart(piscina);
    });
  }

  /** Fails a run if the thread that starts for it exits. Piscina reports only the exit of one that has a job. */
  private watchStart(piscina: Piscina): void {
    for (const thread of piscina.threads) {
      if (this.watched.has(thread)) continue;
      this.watched.add(thread);
      // Results have a port of their own, and an offer of a channel can always be read.
      thread.on('messageerror', (cause) => {
        const failure = `A function failed in a thread of ${this.config.name} after it had returned`;
        logError(new Error(`${failure}; its error cannot be read`, { cause }));
      });
      thread.once('exit', (exitCode) => {
        // Piscina first fails the run of a thread that had one.
        setImmediate(() => {
          if (piscina === this.piscina && piscina.threads.length < this.running.size)
            this.failWaiting(new ThreadExitError(this.config.name, exitCode));
        });
      });
    }
  }

  /** Fails the first run that no thread has taken. Returns whether there is one. */
  private failWaiting(error: unknown): boolean {
    const run = [...this.running.values()].find(({ claimed }) => !claimed);
    run?.fail(error);
    return run !== undefined;
  }

  private createPiscina(): Piscina {
    const { threads, idleTimeout, memoryLimit, program = ownProgram() } = this.config;
    const piscina = new Piscina({
      filename: program,
      name: 'runJob',
      // Otherwise an idle thread is blocked, with the timers and sockets of the calls that have returned.
      atomics: 'disabled',
      minThreads: 0,
      maxThreads: threads,
      // Piscina has no timer for `Infinity`, and a timer that is too long would fire at once.
      idleTimeout: idleTimeout > maxTimerMs ? Infinity : idleTimeout,
      recordTiming: false,
      ...(memoryLimit !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } }),
      loadBalancer(task, workers) {
        const free = workers.find(({ currentUsage }) => currentUsage === 0);
        if (free) (task[queueOptionsSymbol] as ThreadRun).onClaim(resultPortOf(free));
        return free ?? null;
      },
    });
    piscina.on('message', (message: unknown) => {
      if (isLateError(message)) return this.logLateError(message);
      if (!isOpenChannel(message)) return;
      const run = this.running.get(message.jobId);
      if (run) run.onChannelOpen(message.port);
      else message.port.close();
    });
    // An error of a thread without a job: it failed to start. Fail a run that waits for it, which would never settle.
    piscina.on('error', (error: unknown) => {
      if (!this.failWaiting(error)) logError(this.toPublicError(error));
    });
    return piscina;
  }
}
