import type { FleetState } from '../../fleet/types.js';
import type { FleetAnswer } from '../server/fleet-state-source.js';
import { requestJson } from './request.js';

/** The data of the fleet's section, and of the dialog of a queue. */
export interface FleetSnapshot {
  readonly state: FleetState | undefined;
  readonly failure: string | undefined;
  /** The time of the state, and of the last answer. */
  readonly at: number;
  readonly now: number;
}

/** The last answer of the fleet. */
export class FleetFeed implements FleetSnapshot {
  /** The state of the last successful answer. */
  state: FleetState | undefined = undefined;
  /** Why the last request failed. */
  failure: string | undefined = undefined;
  /** The time of `state`, by the application's clock. */
  at = 0;
  /** The time of the last answer, or of the lack of it, by the same clock. */
  now = 0;
  private pending: Promise<void> | undefined = undefined;

  /** Requests the state, unless a request is pending. */
  poll(now: () => number): Promise<void> {
    return (this.pending ??= this.request(now).finally(() => (this.pending = undefined)));
  }

  private async request(now: () => number): Promise<void> {
    const answer = await requestJson<FleetAnswer>('fleet');
    this.now = now();
    if ('error' in answer) {
      this.failure = answer.error;
      return;
    }
    const { stale } = answer;
    this.state = answer;
    this.failure = stale?.error;
    this.at = this.now - (stale?.ageMs ?? 0);
  }
}
