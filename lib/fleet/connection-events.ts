import { defer, merge, type Observable } from 'rxjs';
import { messageOf } from '../util/describe-error.js';
import { LinkedSubject } from '../util/linked-subject.js';
import { logError } from '../util/log-error.js';
import { printable } from '../util/printable.js';
import { FleetConnectionError } from './errors.js';
import type { FleetEvent } from './types.js';

/** The time within which a degradation is not reported again, in ms. */
const repeatMs = 60_000;
/** The maximum number of degradations that are kept apart. */
const maxDegradations = 20;
/** The time for which a degradation waits for the first listener, in ms. */
const firstListenerMs = 2000;

/** The events of a connection. Without a listener the console gets the bad ones. */
export class ConnectionEvents {
  private readonly emitted = new LinkedSubject<FleetEvent>();
  private disconnected = false;
  /** The time at which each current degradation was last seen, by `performance.now()`. Repeats are included. */
  private readonly degradations = new Map<string, number>();
  /** Those that end when the database accepts the statement. */
  private readonly refusals = new Set<string>();
  /** Degradations from before the first listener. */
  private readonly unheard = new Set<FleetEvent & { type: 'degraded' }>();

  /** Emits what happens to the connection. The first subscriber also gets the degradations from before. */
  get events$(): Observable<FleetEvent> {
    return defer(() => {
      const unheard = [...this.unheard];
      this.unheard.clear();
      return merge(unheard, this.emitted.asObservable());
    });
  }

  emit(event: FleetEvent): void {
    this.emitted.next(event);
  }

  /** Reports that the fleet works less well than it could. Repeats within a minute are left out. */
  onDegraded(what: string): void {
    const now = performance.now();
    const isRepeat = now - (this.degradations.get(what) ?? -Infinity) < repeatMs;
    // A few kinds at a time, however many different texts there are.
    if (this.degradations.size >= maxDegradations) this.clearAll();
    this.degradations.set(what, now);
    if (isRepeat) return;
    const event = { type: 'degraded', at: Date.now(), what } as const;
    if (this.emitted.observed) return this.emitted.next(event);
    // An application subscribes to the events only after it has connected.
    this.unheard.add(event);
    setTimeout(() => {
      if (this.unheard.delete(event)) console.warn(`The fleet is degraded: ${printable(what)}`);
    }, firstListenerMs).unref();
  }

  /** Reports that the database refuses a statement, for now. */
  onRefused(message: string): void {
    const what = `The database refuses a statement: ${message}`;
    this.onDegraded(what);
    this.refusals.add(what);
  }

  /** @param afterRetry whether the same operation failed before. */
  onAnswer(afterRetry: boolean): void {
    if (!this.disconnected && !(afterRetry && this.refusals.size > 0)) return;
    this.disconnected = false;
    if (afterRetry) this.endRefusals();
    this.emitted.next({ type: 'reconnected', at: Date.now() });
  }

  private clearAll(): void {
    this.degradations.clear();
    this.refusals.clear();
  }

  private endRefusals(): void {
    for (const what of this.refusals) this.degradations.delete(what);
    this.refusals.clear();
  }

  onDisconnected(reason: unknown): void {
    if (this.disconnected) return;
    this.disconnected = true;
    // No `cause`: the driver's error may contain the connection with its credentials.
    const error = new FleetConnectionError(`The database is unreachable: ${messageOf(reason)}`);
    if (this.emitted.observed) this.emitted.next({ type: 'disconnected', at: Date.now(), error });
    // Without a listener the error must still be reported.
    else logError(error);
  }

  /** Drops what no listener has received. */
  close(): void {
    this.unheard.clear();
  }
}
