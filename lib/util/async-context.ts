import { AsyncResource, executionAsyncResource } from 'node:async_hooks';

/**
 * The `AsyncLocalStorage` stores of the code that started or subscribed something; `undefined` for none.
 *
 * Node runs a callback in the stores of the code that created its timer, promise or request. Wherever one caller's
 * callback goes on with another caller's work, the library has to switch to the stores of that other caller:
 *
 * - An Observable that a hook returned: its values, its end and its teardown (`task/hook-output.ts`). Someone else may
 *   emit, and a cancel unsubscribes it. With its end, `finalize` and the end of the run follow.
 * - An async iterable or a promise that a cancel interrupts (`task/hook-output.ts`).
 * - Subscribers of `done$`, `ready$`, `results$` and `events$` (`util/linked-list.ts`, `util/linked-subject.ts`), of a
 *   future (`future/future.ts`), and of an application's `ready$` (`app/ready-stream.ts`).
 * - A timer that several crons share (`cron/slot-clock.ts`), and the answers of a coordinator (`cron/slot-run.ts`).
 * - A custom runner's events, values and end (`task/custom-runner.ts`).
 * - The outcomes of a join (`app/pending-runners.ts`), and the events of an application (`app/app-run.ts`).
 *
 * A promise needs no switch, because its continuation has the stores of the code that registered it. Listeners of a
 * cancel (`cancelled$`, `signal`) run in the stores of the code that cancels.
 */
export type AsyncContext = AsyncResource | undefined;

/**
 * Returns the stores of the current code. Where the runtime shows whether there are any, an object is kept only if
 * there are: very many tasks may be started without.
 */
export function captureAsyncContext(): AsyncContext {
  storage ??= detectStorage();
  if (storage === 'properties' && Object.getOwnPropertySymbols(executionAsyncResource()).length === 0) return undefined;
  const resource = newResource();
  return hasStores(resource) ? resource : undefined;
}

/** Calls a method of an object with captured stores. */
export function runInAsyncContext<This, A>(
  context: AsyncContext,
  method: (this: This, argument: A) => void,
  object: This,
  argument: A,
): void {
  const resource = context ?? (emptyResource ??= withoutStores(newResource()));
  resource.runInAsyncScope(method, object, argument);
  // With `enterWith`, the method may have set a store for everything else that was started without one.
  if (!context && hasStores(resource)) withoutStores(resource);
}

/** The resource of everything that was started without a store. */
let emptyResource: AsyncResource | undefined;

/**
 * Where this runtime keeps the stores of a resource: in properties of its own (Node 20 and 22), or in one property
 * (Node 24). Others, such as Bun, do not show them.
 */
let storage: 'properties' | 'hidden' | symbol | undefined;

function detectStorage(): NonNullable<typeof storage> {
  const symbols = Object.getOwnPropertySymbols(newResource());
  return (
    symbols.find(({ description }) => description === 'context_frame') ?? (symbols.some(isId) ? 'properties' : 'hidden')
  );
}

function hasStores(resource: AsyncResource): boolean {
  if (typeof storage === 'symbol') return valuesOf(resource)[storage] !== undefined;
  const symbols = Object.getOwnPropertySymbols(resource);
  // Only the two ids: no store was ever set.
  if (storage === 'properties' && symbols.length === 2) return false;
  return symbols.some((symbol) => !isId(symbol) && valuesOf(resource)[symbol] !== undefined) || storage === 'hidden';
}

function withoutStores(resource: AsyncResource): AsyncResource {
  for (const key of Object.getOwnPropertySymbols(resource)) if (!isId(key)) valuesOf(resource)[key] = undefined;
  return resource;
}

function valuesOf(resource: object): Record<symbol, unknown> {
  return resource as Record<symbol, unknown>;
}

function isId({ description }: symbol): boolean {
  return description === 'async_id_symbol' || description === 'trigger_async_id_symbol';
}

function newResource(): AsyncResource {
  return new AsyncResource('rxjs-tasks');
}
