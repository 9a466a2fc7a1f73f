import type { Db, PgBoss } from 'pg-boss';
import {
  defer,
  exhaustMap,
  map,
  merge,
  of,
  repeat,
  startWith,
  Subject,
  switchAll,
  takeUntil,
  timer,
  type Observable,
  type Subscription,
} from 'rxjs';
import { background, untilCancelled } from '../context/context.js';
import type { Context } from '../context/types.js';
import { messageOf } from '../util/describe-error.js';
import { kindOf } from './connection-errors.js';
import { ConnectionEvents } from './connection-events.js';
import { FleetConnectionError } from './errors.js';
import type { FleetEvent } from './types.js';

/** The wait between two retries, in ms: it doubles from the first to the second value. */
const [minRetryMs, maxRetryMs] = [100, 5000];
/** Time until an unanswered statement is sent again, in ms. */
const answerTimeoutMs = 5000;

/** The longest interval between polls while messages do not arrive, in ms. */
const deafPollMs = 1000;
/** The time limit for a close, in ms. A connection that is cut in silence would never answer. */
const closeTimeoutMs = 4000;

/** The connections of a process to a database. */
export interface DatabaseConnection {
  /** Whether messages of the database do not arrive. */
  readonly deaf: boolean;
  /**
   * Ends the connections when their statements are answered.
   *
   * @param cause the cause of the fleet's cancel, if it was cancelled.
   */
  close(cause?: unknown): Promise<void>;
  /** Rejects all unanswered and all later statements, and cuts the connections. */
  abandon(cause?: unknown): void;
}

/** The database of a fleet. Its connection may be lost at any time, and comes back. */
export class FleetDatabase {
  readonly boss: PgBoss;
  readonly schema: string;
  readonly setupTimeoutMs: number;
  private readonly events = new ConnectionEvents();
  private readonly db: Db;
  private readonly connection: DatabaseConnection;
  private readonly closing$ = new Subject<void>();
  private readonly deafened$ = new Subject<void>();
  /** Operations that only `close` waits for. */
  private readonly background = new Set<Promise<void>>();
  private readonly listeners: Promise<{ close(): Promise<void> } | undefined>[] = [];
  private isClosing = false;
  private closed: Promise<void> | undefined = undefined;

  /** @param setupTimeoutMs the time for which a missing table is waited for, in ms. */
  constructor(boss: PgBoss, schema: string, connection: DatabaseConnection, setupTimeoutMs = 10_000) {
    this.boss = boss;
    this.setupTimeoutMs = setupTimeoutMs;
    this.schema = schema;
    this.db = boss.getDb();
    this.connection = connection;
    // Errors of pg-boss's background work, which retries by itself.
    boss.on('error', (error) => this.report(error));
  }

  /** Whether messages of the database do not arrive, so that only polls find anything. */
  get deaf(): boolean {
    return this.connection.deaf;
  }

  /** Emits what happens to the connection. The first subscriber also gets the degradations from before. */
  get events$(): Observable<FleetEvent> {
    return this.events.events$;
  }

  /** Whether the database is closed, or about to be. */
  get closing(): boolean {
    return this.isClosing;
  }

  /** Executes a statement once. */
  async query<Row>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const { rows } = await this.db.executeSql(sql, [...values]);
    return rows as Row[];
  }

  /**
   * Executes a statement until it is answered, or up to `maxMs`. It may be executed more than once, and even after the
   * answer: it must be idempotent, and must not undo a later statement.
   *
   * @param hasValues whether the server may refuse the values for good. Default: if there are any.
   */
  queryWithRetry<Row>(
    sql: string,
    values?: readonly unknown[],
    maxMs?: number,
    hasValues: boolean = values !== undefined,
  ): Promise<readonly Row[]> {
    const pending = new Set<Promise<readonly Row[]>>();
    const query = () => {
      const answer = this.query<Row>(sql, values);
      pending.add(answer);
      void answer.catch(() => pending.delete(answer));
      // A slow statement gets more time with each try, and the first answer of all tries counts.
      return this.withTimeout(Promise.race(pending), pending.size * answerTimeoutMs);
    };
    return this.retry(query, maxMs, background, hasValues);
  }

  /** Waits up to `ms` for an answer. A connection that is cut without an error may not answer for a very long time. */
  async withTimeout<T>(answer: Promise<T>, ms: number): Promise<T> {
    let timeout: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => {
      timeout = setTimeout(() => reject(new FleetConnectionError(`The database did not answer within ${ms} ms`)), ms);
    });
    try {
      return await Promise.race([answer, expired]);
    } finally {
      clearTimeout(timeout);
    }
  }

  /**
   * Repeats an idempotent operation until it succeeds, up to `maxMs`. Whatever the server answers is waited out, except
   * the refusal of a value. A missing table is waited for as long as for the first connection.
   *
   * @param ctx ends the retries when it is cancelled.
   * @param hasValues whether the operation stores values of the application, which the server may refuse for good.
   */
  async retry<T>(operation: () => Promise<T>, maxMs?: number, ctx: Context = background, hasValues = true): Promise<T> {
    const startedAt = performance.now();
    const timeoutMs = maxMs ?? Infinity;
    let failed = false;
    for (let retryMs = minRetryMs; ; retryMs = Math.min(2 * retryMs, maxRetryMs)) {
      try {
        const result = await operation();
        if (!this.isClosing) this.events.onAnswer(failed);
        return result;
      } catch (error) {
        const kind = kindOf(error);
        const limitMs = kind === 'schema' ? Math.min(timeoutMs, this.setupTimeoutMs) : timeoutMs;
        const isOver = this.isClosing || ctx.cancelled || performance.now() - startedAt >= limitMs;
        if ((kind === 'value' && hasValues) || isOver) throw error;
        failed = true;
        this.report(error);
        await this.waitToRetry(retryMs, ctx);
      }
    }
  }

  /**
   * Waits before a retry, for a random time, so that not all processes try again at the same moment. Ends at the close,
   * or the cancel.
   */
  private async waitToRetry(retryMs: number, ctx: Context): Promise<void> {
    await new Promise<void>((resolve) => {
      timer(retryMs * (0.5 + Math.random()))
        .pipe(untilCancelled(ctx), takeUntil(this.closing$))
        .subscribe({ complete: resolve });
    });
  }

  /** Emits at each interval: each second while messages do not arrive, if that is sooner. */
  ticks(intervalMs: number): Observable<unknown> {
    const nextMs = () => (this.deaf ? Math.min(intervalMs, deafPollMs) : intervalMs);
    const tick$ = defer(() => timer(nextMs())).pipe(repeat());
    return merge(of(tick$), this.deafened$.pipe(map(() => tick$.pipe(startWith(0))))).pipe(switchAll());
  }

  /** Polls at each interval and at each hint, one poll at a time. */
  poll(intervalMs: number, hints$: Observable<unknown>, poll: () => Promise<void>): Subscription {
    return merge(this.ticks(intervalMs), hints$)
      .pipe(exhaustMap(() => poll().catch((error: unknown) => this.report(error))))
      .subscribe();
  }

  /**
   * Makes pg-boss maintain a queue, or all queues, now. It counts the jobs, and fails those that a process has lost. An
   * error is reported like those of pg-boss's own background work, and the next call tries again.
   */
  async maintain(queue?: string): Promise<void> {
    try {
      await this.boss.supervise(queue);
    } catch (error) {
      this.report(error);
    }
  }

  /** Listens to a channel until the close. Calls `onMissed` whenever messages may have been lost. */
  async listen(channel: string, onMessage: (text: string) => void, onMissed: () => void): Promise<void> {
    const listener = this.retry(async () => {
      // `disconnect` would not close a listener that starts after it.
      if (this.isClosing) throw new FleetConnectionError('The fleet is closed');
      return this.db.listen?.(channel, onMessage, onMissed);
    });
    this.listeners.push(listener);
    await listener;
  }

  /** Runs an operation that only `close` waits for. */
  runInBackground(operation: Promise<unknown>): void {
    const reported = operation.then(
      () => undefined,
      (error: unknown) => this.report(error),
    );
    const done = reported.finally(() => this.background.delete(done));
    this.background.add(done);
  }

  /** Stops all retries, and waits for the background operations. */
  async stopRetrying(): Promise<void> {
    this.isClosing = true;
    this.closing$.next();
    await Promise.all(this.background);
  }

  /**
   * Closes the connections, after `before`. Whatever is unanswered after a few seconds is abandoned.
   *
   * @param before what still needs the database.
   * @param cause the cause of the fleet's cancel, if it was cancelled.
   */
  close(before: () => Promise<void> = () => Promise.resolve(), cause?: unknown): Promise<void> {
    return (this.closed ??= this.disconnect(before, cause));
  }

  private async disconnect(before: () => Promise<void>, cause: unknown): Promise<void> {
    const timeout = setTimeout(() => this.abandon(cause), closeTimeoutMs);
    try {
      await before();
    } finally {
      await this.stopRetrying();
      for (const listener of await Promise.allSettled(this.listeners))
        if (listener.status === 'fulfilled') await listener.value?.close();
      await this.connection.close(cause);
      clearTimeout(timeout);
      this.events.close();
    }
  }

  private abandon(cause: unknown): void {
    this.isClosing = true;
    this.closing$.next();
    this.connection.abandon(cause);
  }

  /** Reports an error of the database as an event, or on the console if there is no listener. Repeats are left out. */
  report(error: unknown): void {
    if (this.isClosing) return;
    const kind = kindOf(error);
    if (kind === 'connection') this.events.onDisconnected(error);
    else if (kind !== 'conflict') this.events.onRefused(messageOf(error));
  }

  /** Polls more often, from now on while messages do not arrive. */
  onDeaf(): void {
    this.deafened$.next();
    this.onDegraded(
      'messages do not arrive, as through a connection pooler. Results, cancels and jobs are found by polling each ' +
        'second. The option `listenUrl` may lead past the pooler',
    );
  }

  emit(event: FleetEvent): void {
    this.events.emit(event);
  }

  /** Reports that the fleet works less well than it could. Repeats within a minute are left out. */
  onDegraded(what: string): void {
    this.events.onDegraded(what);
  }
}

/** Returns the ids of the jobs whose state a statement of pg-boss has changed. */
export function affectedJobs(response: object): readonly string[] {
  return (response as { readonly settled?: readonly string[] | null }).settled ?? [];
}
