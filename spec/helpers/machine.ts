import { VirtualTimeScheduler } from 'rxjs';

/** A machine in virtual time: timers go by the time that passes, and the clock may be set. */
export class Machine extends VirtualTimeScheduler {
  private ahead: number;

  constructor(now = 0) {
    super();
    this.ahead = now;
    this.now = () => this.frame + this.ahead;
  }

  /** Time passes. */
  run(ms: number): void {
    const until = this.frame + ms;
    for (let action = this.actions[0]; action && action.delay <= until; action = this.actions[0]) {
      this.actions.shift();
      // Whatever has blocked the machine meanwhile has made it late.
      this.frame = Math.max(this.frame, action.delay);
      const error = action.execute(action.state, action.delay) as Error | undefined;
      if (error) throw error;
    }
    this.frame = Math.max(this.frame, until);
  }

  /** Sets the clock forward, or back. A sleep looks the same: timers stand still, and the clock has gone on. */
  setClock(byMs: number): void {
    this.ahead += byMs;
  }

  /** Time passes, and no timer fires. */
  block(ms: number): void {
    this.frame += ms;
  }

  /** How many timers are set. */
  get timers(): number {
    return this.actions.length;
  }
}
