import type { FleetState } from '../../fleet/fleet-state.js';

/** What was last heard of the fleet. */
export class FleetFeed {
  /** Of the answer before, if there is none now. */
  state: FleetState | undefined = undefined;
  /** Why there is no answer now. */
  failure: string | undefined = undefined;
  /** By the application's clock. */
  at = 0;
  private asking: Promise<void> | undefined = undefined;

  /** One that is under way is enough. */
  ask(now: () => number): Promise<void> {
    return (this.asking ??= this.hear(now).finally(() => (this.asking = undefined)));
  }

  private async hear(now: () => number): Promise<void> {
    try {
      const response = await fetch('fleet', { signal: AbortSignal.timeout(10_000) });
      const answer = (await response.json()) as FleetState & { readonly error?: string };
      this.failure = response.ok ? undefined : (answer.error ?? `It answers with ${response.status}`);
      if (!response.ok) return;
      this.state = answer;
      this.at = now();
    } catch {
      this.failure = 'The inspector does not answer';
    }
  }
}
