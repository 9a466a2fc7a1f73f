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
  /** The wait before the second try, in ms like all times here. It doubles with each try. */
  readonly initialDelay: number;
  /** For each try. */
  readonly timeout: number;
  /** Consecutive failures that open the circuit, and the time it stays open. */
  readonly failures: number;
  readonly halfOpenAfter: number;
}

/** Makes the policy of one service. All callers share this object, and with it the circuit. */
export function patience({ tries, initialDelay, timeout: ms, failures, halfOpenAfter }: Patience): IPolicy {
  const backoff = new ExponentialBackoff({ initialDelay });
  return wrap(
    // A wait whose task was cancelled does not keep the process open.
    retry(handleAll, { maxAttempts: tries - 1, backoff }).dangerouslyUnref(),
    circuitBreaker(handleAll, { halfOpenAfter, breaker: new ConsecutiveBreaker(failures) }),
    timeout(ms, TimeoutStrategy.Aggressive),
  );
}

/**
 * Makes a task that calls under a policy. The signal is aborted at the try's timeout, and when the task is cancelled.
 */
export function resilient<T>(
  name: string,
  policy: IPolicy,
  call: (signal: AbortSignal) => PromiseLike<T>,
): SimpleTask<T> {
  // As an Observable, which a cancel unsubscribes, because the wait between two tries ignores the signal.
  return task(name, (ctx) => from(policy.execute(({ signal }) => call(signal), ctx.signal)));
}
