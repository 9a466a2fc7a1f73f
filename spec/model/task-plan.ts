/**
 * The output of a hook: a value, or a source that commands control. A stream may throw an error, or an AbortError, in
 * its teardown.
 */
export type OutputKind =
  'value' | 'throws' | 'stream' | 'throwing teardown' | 'aborting teardown' | 'promise' | 'iterable';
/** The outputs of each hook of a task, one for each call, repeated. */
export interface TaskPlan {
  readonly initialize: readonly OutputKind[] | null;
  readonly execute: readonly OutputKind[];
  readonly finalize: readonly OutputKind[] | null;
  readonly grace: number | null;
  readonly startTimeout: number | null;
}
/** The error of a failure: its own, the cause of its context, one that wraps this cause, or an AbortError. */
export type FailureMode = 'fail' | 'fail with the cause' | 'fail wrapping the cause' | 'abort';
export type HookAction = 'emit' | 'complete' | FailureMode;
export type Which = 'first' | 'last';

/** An answer of a coordinator. */
export type LeaseAnswer = 'grant' | 'deny' | 'fail' | 'complete';

/** A coordinator's pending or granted lease of a slot. */
export interface LeaseRequest {
  answer(answer: LeaseAnswer): void;
}

export function pickFrom<T>(items: ReadonlySet<T>, which: Which): T | undefined {
  return which === 'first' ? [...items][0] : [...items].at(-1);
}

/** A hook call whose output is still pending. */
export interface PendingHook {
  emit(): void;
  complete(): void;
  fail(mode: FailureMode): void;
}

/** Controls the first or the last pending hook call. */
export function controlHook(pendingHooks: ReadonlySet<PendingHook>, which: Which, action: HookAction): void {
  const hook = pickFrom(pendingHooks, which);
  if (action === 'emit') hook?.emit();
  else if (action === 'complete') hook?.complete();
  else hook?.fail(action);
}
