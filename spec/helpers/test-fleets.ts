import type { SchedulerLike } from 'rxjs';
import type { Fleet } from 'rxjs-tasks/fleet';
import { memoryFleet, virtualClock, type MemoryFleet, type VirtualClock } from 'rxjs-tasks/testing';

/** Processes of one fleet, and the time by which they run. */
export interface TestFleets {
  /** The scheduler of the applications. */
  readonly scheduler: SchedulerLike | undefined;
  connect(options?: { readonly name?: string }): Promise<Fleet>;
  close(): Promise<void>;
  now(): number;
  pause(ms: number): Promise<void>;
  waitUntil(holds: () => boolean | Promise<boolean>): Promise<void>;
}

/** Processes of one fleet in memory. A ms of its time passes at each turn of the event loop. */
export class MemoryFleets implements TestFleets {
  readonly scheduler: VirtualClock = virtualClock('2026-03-01T12:00:00Z');
  private fleet: MemoryFleet | undefined;
  private readonly open: Fleet[] = [];
  private passing: NodeJS.Immediate | undefined;

  connect({ name = 'memory' }: { readonly name?: string } = {}): Promise<Fleet> {
    this.passing ??= setImmediate(() => this.pass());
    const fleet = this.fleet?.process(name) ?? memoryFleet({ name, scheduler: this.scheduler });
    this.fleet ??= fleet;
    this.open.push(fleet);
    return Promise.resolve(fleet);
  }

  async close(): Promise<void> {
    for (const fleet of this.open.splice(0).reverse()) await fleet.close();
    clearImmediate(this.passing);
    this.fleet = this.passing = undefined;
  }

  now(): number {
    return this.scheduler.now();
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.scheduler.schedule(() => resolve(), ms));
  }

  async waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (const start = this.now(); !(await holds()); await this.pause(1))
      if (this.now() - start > 86_400_000) throw new Error(`Still false after a day: ${holds.toString()}`);
  }

  private pass(): void {
    this.passing = setImmediate(() => this.pass());
    this.scheduler.advance(1);
  }
}
