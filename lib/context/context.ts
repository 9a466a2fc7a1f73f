import { asyncScheduler, Observable, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { DeadlineError } from '../errors/errors.js';
import { after } from '../util/timer.js';
import { validateMs, validateScheduler } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { toContext } from './abort-signal-context.js';
import { CancelContext } from './cancel-context.js';
import type { CancelFunc, Context } from './types.js';

class Background extends CancelContext {
  protected override attach(): void {
    // Never cancelled, so children and listeners need not be stored.
  }
}

/**
 * The root of all contexts. It is never cancelled, and its scheduler is RxJS's `asyncScheduler`.
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
export const background: Context = /* @__PURE__ */ new Background(asyncScheduler);

/**
 * Creates a child context and a function that cancels it. The child is also cancelled with its parent, immediately if
 * the parent already is. Call the function when the work has ended, so that the parent no longer stores the child.
 *
 * @param parent a context or an AbortSignal. Default: {@link background}.
 * @param options `scheduler`: the scheduler for this context and its descendants. Default: the parent's.
 * @throws TypeError when the parent is neither, when the scheduler is not one, or for an unknown option.
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
  options?: { scheduler?: SchedulerLike | undefined },
): [Context, CancelFunc] {
  const scheduler = options && readOptions(options, ['scheduler'], 'withCancel').scheduler;
  if (scheduler !== undefined) validateScheduler(scheduler);
  const parentContext = toContext(parent);
  const context = new CancelContext(scheduler ?? parentContext.scheduler, parentContext);
  return [context, (cause) => CancelContext.cancel(context, cause)];
}

/**
 * Creates a context as {@link withCancel} does, and cancels it with a {@link DeadlineError} after `ms` on the parent's
 * scheduler. An earlier cancel clears the timer.
 *
 * @param ms the timeout in ms, from 0 and up. `Infinity` sets no timeout.
 * @throws RangeError for a negative number or NaN; TypeError when `ms` is not a number, or `parent` not a context.
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
 * Completes the stream when the context is cancelled, and unsubscribes from the source. If the context is already
 * cancelled, the source is not subscribed. Equivalent to `takeUntil(ctx.cancelled$)`, but shorter and about twice as
 * fast. Both cost O(1) for each subscriber, because `cancelled$` is backed by a linked list.
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
  const context = toContext(ctx);
  return (source) =>
    new Observable((subscriber) => {
      subscriber.add(context.onCancel(() => subscriber.complete()));
      if (!subscriber.closed) source.subscribe(subscriber);
    });
}
