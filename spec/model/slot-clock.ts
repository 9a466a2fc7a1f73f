import type { ModelWorld } from './model-world.js';

/** A period in ms, or a cycle of gaps in ms that repeats since the epoch. */
export type Slots = number | readonly number[];

export interface Times {
  readonly immediate?: boolean;
  readonly startAt?: number;
  readonly stopAt?: number;
  readonly lastRun?: number;
  /** The last slot before the cron was started again. */
  readonly lastSlot?: number | undefined;
}

export interface DueSlots {
  readonly slots: readonly number[];
  /** The time at which the last slot was due by the clock, and the ms since then. */
  readonly due: number;
  readonly lateBy: number;
}

/** Returns the first slot of repeating gaps after a time. */
export function nextSlotOf(gaps: readonly number[], after: number): number {
  const cycle = gaps.reduce((sum, gap) => sum + gap);
  let slot = Math.floor(after / cycle) * cycle;
  for (let k = 0; slot <= after; k++) slot += gaps[k % gaps.length] ?? NaN;
  return slot;
}

/** The clock is read again at least every 30 s. */
const maxWaitMs = 30_000;
/** A clock that is behind by no more than this was not set back: the timer was early. */
export const earlyTimerMs = 50;

/**
 * «Slots come from the schedule, never from completion: slot k of a period is start + k·period, without drift. Slots
 * strictly increase: none fires twice, whatever the clock does. Periods follow elapsed time, so a stepped clock moves
 * their base; expressions follow the wall clock.»
 */
export class SlotClock {
  private readonly world: ModelWorld;
  private readonly slots: Slots;
  private readonly base: number;
  private readonly stopAt: number;
  private readonly listener: (due: DueSlots | 'exhausted') => void;
  /** The last slot of earlier runs, which does not fire again even if the clock was set back since. */
  private readonly lastSlot: number = -Infinity;
  private slot: number;
  /** The ms by which the clock of a period was set back. */
  private offset = 0;
  private stopTimer: () => void = () => undefined;
  private stopped = false;

  constructor(world: ModelWorld, slots: Slots, times: Times, listener: (due: DueSlots | 'exhausted') => void) {
    const { startAt = -Infinity, stopAt = Infinity, lastRun, lastSlot = -Infinity } = times;
    const isPeriod = typeof slots === 'number';
    const start = Math.max(world.now, startAt);
    this.world = world;
    this.slots = slots;
    this.stopAt = stopAt;
    this.listener = listener;
    this.base = lastRun ?? start;
    // «A period also runs at once»; «with `lastRun` the caller brings the last slot from before a restart».
    const { immediate = isPeriod && lastRun === undefined } = times;
    if (!isPeriod) this.lastSlot = lastSlot;
    this.slot = immediate ? start : this.slotAfter(Math.max(lastRun ?? world.now, startAt - 1));
  }

  start(): void {
    if (this.slot <= this.world.now) this.onTimer(this.world.now);
    else this.armTimer();
  }

  stop(): void {
    this.stopped = true;
    this.stopTimer();
  }

  private slotAfter(after: number): number {
    const { slots, base } = this;
    if (typeof slots !== 'number') return nextSlotOf(slots, Math.max(after, this.lastSlot));
    return base + (Math.max(0, Math.floor((after - base) / slots)) + 1) * slots;
  }

  private onTimer(expected: number): void {
    const { now } = this.world;
    const wasSetBack = this.detectSetBack(expected);
    const isPeriod = typeof this.slots === 'number';
    const time = isPeriod && !wasSetBack ? Math.max(now, expected) : now;
    if (this.slot < this.stopAt && this.slot - this.offset <= time) this.emitDue(now);
    this.armTimer();
  }

  /** Whether the clock is behind the elapsed time. */
  private detectSetBack(expected: number): boolean {
    const behind = expected - this.world.now;
    if (behind <= earlyTimerMs) return false;
    if (typeof this.slots === 'number') this.offset += behind;
    return true;
  }

  private emitDue(now: number): void {
    const dueSlots: number[] = [];
    do {
      dueSlots.push(this.slot);
      this.slot = this.slotAfter(this.slot);
    } while (this.slot < this.stopAt && this.slot - this.offset <= now);
    const due = (dueSlots.at(-1) ?? NaN) - this.offset;
    this.listener({ slots: dueSlots, due, lateBy: Math.max(0, now - due) });
  }

  private armTimer(): void {
    if (this.stopped) return;
    // «No slot comes at it or after; the runner ends after the last run.»
    if (this.slot >= this.stopAt) return this.listener('exhausted');
    const { now } = this.world;
    const wait = Math.min(Math.max(0, this.slot - this.offset - now), maxWaitMs);
    this.stopTimer = this.world.after(wait, () => this.onTimer(now + wait));
  }
}
