import type { Db, PgBoss } from 'pg-boss';
import { exhaustMap, merge, Subject, takeUntil, timer, type Observable, type Subscription } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';
import { reportUnhandled } from '../util/report-unhandled.js';
import { FleetConnectionError } from './errors.js';
import type { FleetEvent } from './job-event.js';

/** The waits between two tries, in ms: doubling, from the first to the last. */
const [firstWait, longestWait] = [100, 5000];
/** How long an answer is waited for before it is asked again, in ms. */
const answerWithin = 5000;

/** The database, whose connection may be lost at any time and comes back. */
export class Connection {
  readonly boss: PgBoss;
  readonly schema: string;
  readonly events: LinkedSubject<FleetEvent> = new LinkedSubject<FleetEvent>();
  private readonly database: Db;
  private readonly end: () => Promise<void>;
  private readonly closing$ = new Subject<void>();
  /** What nobody waits for but the close. */
  private readonly besides = new Set<Promise<void>>();
  private readonly listeners: Promise<{ close(): Promise<void> } | undefined>[] = [];
  private lost = false;
  private hurried = false;
  private ended: Promise<void> | undefined = undefined;

  constructor(boss: PgBoss, schema: string, end: () => Promise<void>) {
    this.boss = boss;
    this.schema = schema;
    this.database = boss.getDb();
    this.end = end;
    // Of whatever pg-boss does by itself in the background, which tries again by itself.
    boss.on('error', (error) => this.noticed(error));
  }

  /** Whether it is closed, or about to be. */
  get closing(): boolean {
    return this.hurried;
  }

  /** Runs one statement, once. */
  async query<Row>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const { rows } = await this.database.executeSql(sql, [...values]);
    return rows as Row[];
  }

  /** Runs a statement that bears to be run twice, until one of its runs is answered, or for so many ms. */
  ask<Row>(sql: string, values?: readonly unknown[], patience?: number): Promise<readonly Row[]> {
    const runs = new Set<Promise<readonly Row[]>>();
    return this.patiently(() => {
      const run = this.query<Row>(sql, values);
      runs.add(run);
      void run.catch(() => runs.delete(run));
      // What merely takes long is given more time with each run, and any of them may answer.
      return this.promptly(Promise.race(runs), runs.size * answerWithin);
    }, patience);
  }

  /** Waits for an answer for so many ms: a connection that is cut in silence gives none for very long. */
  async promptly<T>(answer: Promise<T>, ms: number): Promise<T> {
    let late: NodeJS.Timeout | undefined;
    const none = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new FleetConnectionError(`No answer of the database within ${ms} ms`)), ms);
    });
    try {
      return await Promise.race([answer, none]);
    } finally {
      clearTimeout(late);
    }
  }

  /** Goes on trying while the connection is lost, for so many ms: whatever is tried must bear to be done twice. */
  async patiently<T>(work: () => Promise<T>, patience?: number): Promise<T> {
    const until = performance.now() + (patience ?? Infinity);
    for (let wait = firstWait; ; wait = Math.min(2 * wait, longestWait)) {
      try {
        const result = await work();
        this.tell(false);
        return result;
      } catch (error) {
        if (!isPassing(error) || this.hurried || performance.now() >= until) throw error;
        if (isLost(error)) this.tell(true, error);
        await new Promise<void>((resolve) => {
          timer(wait).pipe(takeUntil(this.closing$)).subscribe({ complete: resolve });
        });
      }
    }
  }

  /** Looks each so many ms and at each hint, at one thing at a time. */
  poll(every: number, hints$: Observable<unknown>, look: () => Promise<void>): Subscription {
    return merge(timer(every, every), hints$)
      .pipe(exhaustMap(() => look().catch(unlessLost)))
      .subscribe();
  }

  /** Has messages of a channel told, and each time that some may have been missed, until the close. */
  async listen(channel: string, message: (text: string) => void, missed: () => void): Promise<void> {
    const listener = this.patiently(async () => {
      // What begins after the close has looked for listeners would be closed by nobody.
      if (this.hurried) throw new FleetConnectionError('The fleet is closed');
      return this.database.listen?.(channel, message, missed);
    });
    this.listeners.push(listener);
    await listener;
  }

  /** Has something done that nobody waits for but the close. */
  aside(work: Promise<unknown>): void {
    const done = work.then(() => undefined, unlessLost).finally(() => this.besides.delete(done));
    this.besides.add(done);
  }

  /** From now on nothing is tried again. Waits for what is done aside. */
  async hurry(): Promise<void> {
    this.hurried = true;
    this.closing$.next();
    await Promise.all(this.besides);
  }

  async close(): Promise<void> {
    await this.hurry();
    await (this.ended ??= this.hangUp());
  }

  private async hangUp(): Promise<void> {
    for (const listener of await Promise.allSettled(this.listeners))
      if (listener.status === 'fulfilled') await listener.value?.close();
    await this.end();
  }

  private noticed(error: unknown): void {
    if (this.hurried) return;
    if (isLost(error)) this.tell(true, error);
    else console.error(error);
  }

  private tell(lost: boolean, reason?: unknown): void {
    if (this.lost === lost || this.hurried) return;
    this.lost = lost;
    const at = Date.now();
    if (!lost) return this.events.next({ type: 'reconnected', at });
    // The driver's own error may have the connection with it, and that what it was made with.
    const error = new FleetConnectionError(`The database is out of reach: ${(reason as Error).message}`);
    if (this.events.observed) this.events.next({ type: 'disconnected', at, error });
    // With nobody listening it must not be lost.
    else console.error(error);
  }
}

const codes = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Whether an error says that there is no connection, or none any more, rather than that a statement is wrong. */
export function isLost(error: unknown): boolean {
  if (error instanceof FleetConnectionError) return true;
  const { code, message } = error as { code?: unknown; message?: unknown };
  // 08: connection exceptions; 57P: the server goes down, or comes up; 53300: it has too many connections.
  if (typeof code === 'string' && (codes.has(code) || /^(08|57P0|53300)/.test(code))) return true;
  return /connection (terminated|ended|error)|timeout (expired|exceeded)|heartbeat timed out|not (queryable|opened)|is closed$/i.test(
    String(message),
  );
}

/** What is lost with a connection is nobody's error. */
export function unlessLost(error: unknown): void {
  if (!isLost(error)) reportUnhandled(error);
}

/** Whether the same statement may do at the next try: there is no connection, or another statement was in its way. */
export function isPassing(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  // A serialization failure, and a deadlock: those of two statements that lock the same jobs in another order.
  return isLost(error) || code === '40001' || code === '40P01';
}

/** Whose state a statement of pg-boss has changed. */
export function settledBy(response: object): readonly string[] {
  return (response as { readonly settled?: readonly string[] | null }).settled ?? [];
}
