const shortest = 200;
const longest = 14 * 86_400_000;

/** Which time is shown. */
export class View {
  /** How much, in ms. */
  span = 60_000;
  /** Until when; `undefined` is until now, as that goes on. */
  private until: number | undefined = undefined;

  get follows(): boolean {
    return this.until === undefined;
  }

  /** A little is left free after now. */
  to(now: number): number {
    return this.until ?? now + this.span * 0.02;
  }

  from(now: number): number {
    return this.to(now) - this.span;
  }

  hold(now: number): void {
    this.until = this.to(now);
  }

  follow(): void {
    this.until = undefined;
  }

  /** @param at the time that stays where it is; while it follows now, that is now. */
  zoom(factor: number, at: number): void {
    const before = this.span;
    this.span = Math.min(longest, Math.max(shortest, before * factor));
    if (this.until !== undefined) this.until = at + (this.until - at) * (this.span / before);
  }

  /** By a part of what is shown. Going beyond now is to follow it. */
  move(part: number, now: number): void {
    const to = this.to(now) + part * this.span;
    this.until = to >= now + this.span * 0.02 ? undefined : to;
  }

  show(from: number, now: number): void {
    this.span = Math.min(longest, Math.max(shortest, (now - from) * 1.04));
    this.until = undefined;
  }
}
