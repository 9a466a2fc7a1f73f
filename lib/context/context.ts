import { asyncScheduler, Observable, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import type { CancelFunc, Context } from './types.js';
import { DeadlineError } from '../errors/errors.js';
import { after } from '../util/timer.js';
import { validateMs, validateOptions, validateScheduler } from '../util/validate.js';
import { CancelContext } from './cancel-context.js';
import { toContext } from './abort-signal-context.js';

class Background extends CancelContext {
  protected override attach(): void {
    // It is never cancelled: whoever waits for that need not be kept.
  }
}

/**
 * The context that is never cancelled, on RxJS's `asyncScheduler`: the root of all others.
 *
 * @example
 * ```ts
 * import { background, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel(background);
 * cancel(new Error('enough'));
 * console.log(ctx.cancelled, background.cancelled); // → true false
 * ```
 */
export const background: Context = new Background(asyncScheduler);

/**
 * A context of its own and the function that cancels it. It is cancelled with its parent, too; with a cancelled parent it
 * is so from the start. Call the function when the work is over, so that nothing stays behind in the parent.
 *
 * @param parent a context or an AbortSignal, {@link background} unless said.
 * @param options `scheduler` replaces the parent's for this context and its descendants.
 * @throws TypeError when the parent is neither, or for an option that does not exist.
 *
 * @example
 * ```ts
 * import { withCancel } from 'rxjs-tasks';
 *
 * const [app, stop] = withCancel();
 * const [request] = withCancel(app);
 * request.cancelled$.subscribe((cause) => console.log(String(cause))); // → Error: shutting down
 * stop(new Error('shutting down'));
 * stop(new Error('again'));
 * ```
 */
export function withCancel(
  parent: Context | AbortSignal = background,
  options?: { scheduler?: SchedulerLike },
): [Context, CancelFunc] {
  if (options !== undefined) validateOptions(options, ['scheduler']);
  if (options?.scheduler !== undefined) validateScheduler(options.scheduler);
  const above = toContext(parent);
  const scope = new CancelContext(options?.scheduler ?? above.scheduler, above);
  return [scope, (cause) => CancelContext.cancel(scope, cause)];
}

/**
 * As {@link withCancel}, and cancelled with a {@link DeadlineError} after `ms` by the parent's scheduler. Cancelling it
 * earlier clears the timer.
 *
 * @param ms from 0 and up; `Infinity` sets no deadline.
 * @throws RangeError for a negative number or NaN, TypeError for what is no number or no context.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs';
 * import { withTimeout } from 'rxjs-tasks';
 *
 * const [ctx] = withTimeout(5);
 * console.log(String(await firstValueFrom(ctx.cancelled$))); // → DeadlineError: Not done within 5 ms
 * ```
 */
export function withTimeout(ms: number, parent: Context | AbortSignal = background): [Context, CancelFunc] {
  validateMs('ms', ms);
  const [ctx, cancel] = withCancel(parent);
  const timer = after(ctx.scheduler, ms, () => cancel(new DeadlineError(ms)));
  toContext(ctx).onCancel(() => timer.unsubscribe());
  return [ctx, cancel];
}

/**
 * Completes the stream when the context is cancelled: `takeUntil(ctx.cancelled$)`, at a cost that does not depend on how
 * many others wait. Under a cancelled context the source is not subscribed. Unsubscribing leaves nothing in the context.
 *
 * @throws TypeError when `ctx` is neither a context nor an AbortSignal.
 *
 * @example
 * ```ts
 * import { interval } from 'rxjs';
 * import { untilCancelled, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel();
 * interval(1000).pipe(untilCancelled(ctx)).subscribe({ complete: () => console.log('over') }); // → over
 * cancel();
 * ```
 */
export function untilCancelled<T>(ctx: Context | AbortSignal): MonoTypeOperatorFunction<T> {
  const scope = toContext(ctx);
  return (source) =>
    new Observable((subscriber) => {
      subscriber.add(scope.onCancel(() => subscriber.complete()));
      if (!subscriber.closed) source.subscribe(subscriber);
    });
}
