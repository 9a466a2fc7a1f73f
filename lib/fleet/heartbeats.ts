import { exhaustMap, merge, type Observable, type Subscription } from 'rxjs';
import { answerWithin } from './answer-within.js';
import type { FleetDatabase } from './fleet-database.js';
import { readCancelled } from './cancelled-jobs.js';
import type { JobStore, QueueClaim } from './job-store.js';

/** The number of heartbeats within the timeout of one. */
const heartbeatsPerTimeout = 4;

/** The owner of claimed jobs. */
export interface ClaimOwner {
  readonly claims: readonly QueueClaim[];
  /** This process no longer owns a job, or cannot be sure that it does. */
  onLost(claim: QueueClaim): void;
  /** The message about a cancel has not arrived, but a heartbeat has found it. */
  onCancelled(job: string): void;
}

/** The heartbeats of this process: one statement at each interval, for the claimed jobs of all its workers. */
export class Heartbeats {
  private readonly database: FleetDatabase;
  private readonly jobs: JobStore;
  private readonly timeoutMs: number;
  private readonly owners = new Set<ClaimOwner>();
  private readonly beating: Subscription;
  /** When the database last confirmed that this process owns all its claimed jobs. */
  private lastConfirmedAt = performance.now();

  /**
   * @param timeoutMs the time without a heartbeat after which this process has lost its jobs.
   * @param missed$ emits when the server may have crashed, which may have undone the last claims.
   */
  constructor(database: FleetDatabase, jobs: JobStore, timeoutMs: number, missed$: Observable<unknown>) {
    this.database = database;
    this.jobs = jobs;
    this.timeoutMs = timeoutMs;
    // More often while messages do not arrive: a heartbeat also finds the jobs that were cancelled.
    this.beating = merge(database.ticks(this.intervalMs), missed$)
      .pipe(exhaustMap(() => this.beat()))
      .subscribe();
  }

  /** Sends heartbeats for the owner's claims until the returned function is called. */
  add(owner: ClaimOwner): () => void {
    this.owners.add(owner);
    return () => void this.owners.delete(owner);
  }

  stop(): void {
    this.beating.unsubscribe();
  }

  private get intervalMs(): number {
    return this.timeoutMs / heartbeatsPerTimeout;
  }

  private async beat(): Promise<void> {
    const sentAt = performance.now();
    const held = Array.from(this.owners, (owner) => ({ owner, claims: owner.claims }));
    const claims = held.flatMap((each) => each.claims);
    let owned: ReadonlySet<string>;
    let cancelled: ReadonlySet<string> = new Set();
    try {
      const touched = claims.length === 0 ? [] : await this.touch(claims);
      owned = new Set(touched);
      this.lastConfirmedAt = sentAt;
      cancelled = await this.readCancelled(claims.filter(({ claim }) => !owned.has(claim.id)));
    } catch (error) {
      this.database.report(error);
      if (performance.now() - this.lastConfirmedAt < this.timeoutMs) return;
      owned = new Set();
    }
    for (const { owner, claims: each } of held)
      for (const claim of each) {
        const { id } = claim.claim;
        if (cancelled.has(id)) owner.onCancelled(id);
        else if (!owned.has(id)) owner.onLost(claim);
      }
  }

  private async readCancelled(claims: readonly QueueClaim[]): Promise<ReadonlySet<string>> {
    const keys = claims.map(({ queue, claim }) => ({ queue, job: claim.id }));
    return new Set(await answerWithin(readCancelled(this.database, keys), this.intervalMs));
  }

  private touch(claims: readonly QueueClaim[]): Promise<readonly string[]> {
    return answerWithin(this.jobs.touch(claims), this.intervalMs);
  }
}
