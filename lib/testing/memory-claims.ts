import { Observable, Subscription, type SchedulerLike } from 'rxjs';
import type { WorkerLimits } from '../fleet/worker-options.js';
import { callWithoutStores } from '../util/call-in-context.js';
import { LinkedSubject } from '../util/linked-subject.js';
import { after } from '../util/timer.js';
import type { MemoryJob } from './memory-job.js';

/** The claims of the jobs of a queue: each of them, and the moments at which one may be possible. */
export class MemoryClaims {
  /** The pause of the queue. */
  paused: { readonly by: string; readonly at: number } | undefined = undefined;
  private readonly scheduler: SchedulerLike;
  private readonly open: ReadonlySet<MemoryJob>;
  private readonly work = new LinkedSubject<undefined>();
  /** The times of the claims that a rate counts. */
  private claimedAt: number[] = [];
  private timer = Subscription.EMPTY;
  private timerAt = Infinity;

  /** @param open the jobs of the queue that have not ended. */
  constructor(scheduler: SchedulerLike, open: ReadonlySet<MemoryJob>) {
    this.scheduler = scheduler;
    this.open = open;
  }

  /** Emits when a worker may get a job that it did not get before. */
  get work$(): Observable<undefined> {
    return new Observable((subscriber) => {
      subscriber.add(this.work.asObservable().subscribe(subscriber));
      subscriber.add(() => {
        if (!this.work.observed) this.stopTimer();
      });
      this.watchDelays();
    });
  }

  notify(): void {
    this.work.next(undefined);
  }

  /** Notifies the workers of a job that has come to wait, at the time at which it may start. */
  notifyOf(job: MemoryJob): void {
    if (job.dueAt > this.scheduler.now()) this.notifyAt(job.dueAt);
    else this.notify();
  }

  /** Whether a job may start, unless a limit keeps it waiting. */
  get isDue(): boolean {
    const now = this.scheduler.now();
    return !this.paused && [...this.open].some((job) => job.isDue(now));
  }

  /** Claims the job that starts next, if there is one. */
  claim({ groupConcurrency = Infinity, rate }: WorkerLimits): MemoryJob | undefined {
    if (this.paused) return undefined;
    const now = this.scheduler.now();
    const full = this.fullGroups(groupConcurrency);
    let next: MemoryJob | undefined;
    for (const job of this.open)
      if (job.isDue(now) && !full.has(job.group) && (!next || job.startsBefore(next))) next = job;
    if (!next || (rate && this.isExceeded(rate, now))) return undefined;
    next.claim(now);
    return next;
  }

  /** Returns the groups of which no further job may start. */
  private fullGroups(groupConcurrency: number): ReadonlySet<string | undefined> {
    const full = new Set<string | undefined>();
    if (groupConcurrency === Infinity) return full;
    const active = new Map<string, number>();
    for (const { group, state } of this.open) {
      if (group === undefined || state !== 'active') continue;
      const count = (active.get(group) ?? 0) + 1;
      active.set(group, count);
      if (count >= groupConcurrency) full.add(group);
    }
    return full;
  }

  /** Whether as many jobs have started within the time as may start. If not, counts one more. */
  private isExceeded({ jobs, per }: NonNullable<WorkerLimits['rate']>, now: number): boolean {
    this.claimedAt = this.claimedAt.filter((at) => at > now - per);
    const [first = now] = this.claimedAt;
    const isExceeded = this.claimedAt.length >= jobs;
    if (isExceeded) this.notifyAt(first + per);
    else this.claimedAt.push(now);
    return isExceeded;
  }

  private watchDelays(): void {
    const now = this.scheduler.now();
    for (const { dueAt } of this.open) if (dueAt > now) this.notifyAt(dueAt);
  }

  private notifyAt(time: number): void {
    if (!this.work.observed || time >= this.timerAt) return;
    this.timer.unsubscribe();
    this.timerAt = time;
    this.timer = callWithoutStores(() => after(this.scheduler, time - this.scheduler.now(), () => this.onTimer()));
  }

  private onTimer(): void {
    this.stopTimer();
    this.watchDelays();
    this.notify();
  }

  private stopTimer(): void {
    this.timer.unsubscribe();
    this.timerAt = Infinity;
  }
}
