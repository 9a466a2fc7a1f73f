import type { Stage } from './stage.js';

/** A period in ms, or gaps that repeat since the epoch. */
export type Slots = number | readonly number[];

export interface Times {
  readonly immediate?: boolean;
  readonly startAt?: number;
  readonly stopAt?: number;
  readonly lastRun?: number;
}

export interface Due {
  readonly all: readonly number[];
  /** When the last of them was due by the clock, and by how much that is past. */
  readonly due: number;
  readonly lateBy: number;
}

/** The first slot after a time, of gaps that repeat. */
export function nextOf(gaps: readonly number[], after: number): number {
  const cycle = gaps.reduce((sum, gap) => sum + gap);
  let slot = Math.floor(after / cycle) * cycle;
  for (let k = 0; slot <= after; k++) slot += gaps[k % gaps.length] ?? NaN;
  return slot;
}

/** «looked at again at least every 30 s of a wait» */
const longestWait = 30_000;
/** A clock that lacks no more than that has not been set back: timers may be early. */
const tolerated = 50;

/**
 * «Slots come from the schedule, never from completion: slot k of a period is start + k·period, without drift. Slots strictly
 * increase: none fires twice, whatever the clock does. Periods follow elapsed time, so a stepped clock moves their base;
 * expressions follow the wall clock.»
 */
export class Timetable {
  private readonly stage: Stage;
  private readonly slots: Slots;
  private readonly base: number;
  private readonly stopAt: number;
  private readonly tell: (due: Due | 'none is left') => void;
  private slot: number;
  /** By how much the clock of a period has been set back. */
  private shift = 0;
  private stopTimer: () => void = () => undefined;
  private stopped = false;

  constructor(stage: Stage, slots: Slots, times: Times, tell: (due: Due | 'none is left') => void) {
    const { startAt = -Infinity, stopAt = Infinity, lastRun } = times;
    const isPeriod = typeof slots === 'number';
    const start = Math.max(stage.now, startAt);
    this.stage = stage;
    this.slots = slots;
    this.stopAt = stopAt;
    this.tell = tell;
    this.base = lastRun ?? start;
    // «A period also runs at once»; «with `lastRun` the caller brings the last slot from before a restart».
    const { immediate = isPeriod && lastRun === undefined } = times;
    this.slot = immediate ? start : this.next(Math.max(lastRun ?? stage.now, startAt - 1));
  }

  start(): void {
    if (this.slot <= this.stage.now) this.look(this.stage.now);
    else this.wait();
  }

  stop(): void {
    this.stopped = true;
    this.stopTimer();
  }

  private next(after: number): number {
    const { slots, base } = this;
    if (typeof slots !== 'number') return nextOf(slots, after);
    return base + (Math.max(0, Math.floor((after - base) / slots)) + 1) * slots;
  }

  private look(expected: number): void {
    const { now } = this.stage;
    const isSetBack = this.heed(expected);
    const isPeriod = typeof this.slots === 'number';
    const time = isPeriod && !isSetBack ? Math.max(now, expected) : now;
    if (this.slot < this.stopAt && this.slot - this.shift <= time) this.announce(now);
    this.wait();
  }

  /** Whether the clock lacks something to what it should show by the time that has passed. */
  private heed(expected: number): boolean {
    const behind = expected - this.stage.now;
    if (behind <= tolerated) return false;
    if (typeof this.slots === 'number') this.shift += behind;
    return true;
  }

  private announce(now: number): void {
    const all: number[] = [];
    do {
      all.push(this.slot);
      this.slot = this.next(this.slot);
    } while (this.slot < this.stopAt && this.slot - this.shift <= now);
    const due = (all.at(-1) ?? NaN) - this.shift;
    this.tell({ all, due, lateBy: Math.max(0, now - due) });
  }

  private wait(): void {
    if (this.stopped) return;
    // «No slot comes at it or after; the runner ends after the last run.»
    if (this.slot >= this.stopAt) return this.tell('none is left');
    const { now } = this.stage;
    const wait = Math.min(Math.max(0, this.slot - this.shift - now), longestWait);
    this.stopTimer = this.stage.after(wait, () => this.look(now + wait));
  }
}
