import {
  circuitBreaker,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  timeout,
  TimeoutStrategy,
  wrap,
  type IPolicy,
} from 'cockatiel';
import { from } from 'rxjs';
import { task, type SimpleTask } from 'rxjs-tasks';

export interface Patience {
  readonly tries: number;
  /** Of the wait before the second try; it doubles. In ms, as all times here. */
  readonly initialDelay: number;
  /** For each try. */
  readonly timeout: number;
  /** How many failures in a row open the circuit, and for how long. */
  readonly failures: number;
  readonly halfOpenAfter: number;
}

/** A policy for one service: whatever calls it takes this one object, so that they have its circuit in common. */
export function patience({ tries, initialDelay, timeout: ms, failures, halfOpenAfter }: Patience): IPolicy {
  const backoff = new ExponentialBackoff({ initialDelay });
  return wrap(
    // The wait for a try that nobody is interested in any more does not keep the process open.
    retry(handleAll, { maxAttempts: tries - 1, backoff }).dangerouslyUnref(),
    circuitBreaker(handleAll, { halfOpenAfter, breaker: new ConsecutiveBreaker(failures) }),
    timeout(ms, TimeoutStrategy.Aggressive),
  );
}

/** A task that makes a call under a policy. Its signal is aborted when the try's time is up, and when the task is cancelled. */
export function resilient<T>(
  name: string,
  policy: IPolicy,
  call: (signal: AbortSignal) => PromiseLike<T>,
): SimpleTask<T> {
  // As an Observable, which a cancel unsubscribes: the wait between two tries does not heed the signal.
  return task(name, (ctx) => from(policy.execute(({ signal }) => call(signal), ctx.signal)));
}
