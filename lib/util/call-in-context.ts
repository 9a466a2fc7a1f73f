import { runInAsyncContext, type AsyncContext } from './async-context.js';

/** Calls a function with captured `AsyncLocalStorage` stores. Returns its result. */
export function callInContext<T>(context: AsyncContext, call: () => T): T {
  const box: { result?: T } = {};
  runInAsyncContext(context, keepResult<T>, box, call);
  return box.result as T;
}

/**
 * Calls a function without any stores. For work that callers share, such as a batch, a timer or a connection: it must
 * not go on in the stores of the caller that happened to start it.
 */
export function callWithoutStores<T>(call: () => T): T {
  return callInContext(undefined, call);
}

function keepResult<T>(box: { result?: T }, call: () => T): void {
  box.result = call();
}
