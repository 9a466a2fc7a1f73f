import { AsyncLocalStorage, AsyncResource, executionAsyncResource } from 'node:async_hooks';

/**
 * The `AsyncLocalStorage` stores of the code that started or subscribed something; `undefined` for none.
 *
 * Node runs a callback in the stores of the code that created its timer, promise or request. Wherever one caller's
 * callback goes on with another caller's work, the library has to switch to the stores of that other caller:
 *
 * - An Observable that a hook returned: its values, its end and its teardown (`task/hook-output.ts`). Someone else may
 *   emit, and a cancel unsubscribes it. With its end, `finalize` and the end of the run follow.
 * - An async iterable or a promise that a cancel interrupts (`task/hook-output.ts`).
 * - A run whose hook ended while a cancel was being propagated, or that waits for its children (`task/run.ts`).
 * - Subscribers of `done$`, `ready$`, `results$` and `events$` (`util/linked-list.ts`, `util/linked-subject.ts`), of a
 *   future (`future/future.ts`), and of an application's `ready$` (`app/ready-stream.ts`).
 * - The start of a member or a task after others, whose hooks may have entered a store (`group/group-run.ts`,
 *   `app/app-run.ts`), and of each slot of a cron (`cron/slot-run.ts`).
 * - A restart that a caller of `restart` may have asked for (`supervision/supervised-run.ts`).
 * - A timer that several crons share (`cron/slot-clock.ts`), and the answers of a coordinator (`cron/slot-run.ts`).
 * - A custom runner's events, values and end (`task/custom-runner.ts`).
 * - A call that is postponed because the call stack is deep (`util/nested-calls.ts`).
 * - The outcomes of a join (`app/join.ts`), and the events of an application (`app/app-run.ts`).
 * - The jobs of a worker: handlers start and are cancelled in the stores of the code that started the worker, whatever
 *   message, poll, heartbeat or end of another job is the reason (`fleet/worker-run.ts`, and for a fleet in memory
 *   `testing/memory-worker-run.ts`).
 * - The results that a fleet awaits, of many jobs with one statement (`fleet/job-results.ts`), and leases, which are
 *   renewed together (`fleet/leases.ts`); the results of a fleet in memory (`testing/memory-connection.ts`).
 * - The values and the end of a run in a thread, which another run may have created or freed
 *   (`threads/thread-pool.ts`).
 * - The timers of a virtual clock, which a test fires (`testing/virtual-clock.ts`).
 *
 * Work that callers share runs without any stores (`util/call-in-context.ts`): the connections, timers, polls and
 * heartbeats of a fleet (`fleet/connect-fleet.ts`), its messages (`fleet/notify-channel.ts`, `fleet/hints.ts`), batches
 * (`fleet/batcher.ts`), progress (`fleet/progress-writer.ts`), the renewals of a follower (`fleet/event-followers.ts`),
 * and threads (`threads/worker-pool.ts`).
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
  layout ??= detectLayout();
  if (layout.isUnused()) return undefined;
  const resource = newResource();
  return layout.hasStores(resource) ? resource : undefined;
}

/** Calls a function with captured stores. */
export function runInAsyncContext<O, A>(
  context: AsyncContext,
  call: (object: O, argument: A) => void,
  object: O,
  argument: A,
): void {
  layout ??= detectLayout();
  if (!context && layout.isUnused()) {
    runUnused(layout, call, object, argument);
    return;
  }
  // With `enterWith`, the function may set a store. A resource for this call alone keeps it from the next call.
  const resource = context ?? (emptyResource ??= withoutStores(newResource())).runInAsyncScope(newResource);
  resource.runInAsyncScope(call, undefined, object, argument);
}

/**
 * Calls a function with captured stores, which other calls use, too. They do not get a store that the function enters:
 * in Node 20 and 22, `enterWith` would set it in the captured stores.
 */
export function startInAsyncContext<O, A>(
  context: AsyncContext,
  call: (object: O, argument: A) => void,
  object: O,
  argument: A,
): void {
  layout ??= detectLayout();
  // If it enters the first store of the process, later calls do not get that store either.
  if (!context && layout.isUnused()) call(object, argument);
  else runInAsyncContext(context?.runInAsyncScope(newResource), call, object, argument);
}

/**
 * Calls a function for one object after the other, each with its own captured stores. While nothing in this process
 * uses stores, this is checked once for each object, not twice.
 */
export function runEachInAsyncContext<O extends { readonly asyncContext: AsyncContext }>(
  next: () => O | undefined,
  call: (object: O, argument: undefined) => void,
): void {
  layout ??= detectLayout();
  let unused = layout.isUnused();
  for (let object = next(); object; object = next()) {
    if (unused && !object.asyncContext) unused = runUnused(layout, call, object, undefined);
    else runInAsyncContext(object.asyncContext, call, object, undefined);
  }
}

/**
 * Calls a function while nothing in this process uses stores. The function may be the first to use one. Returns whether
 * stores are still unused.
 */
function runUnused<O, A>(layout: Layout, call: (object: O, argument: A) => void, object: O, argument: A): boolean {
  let unused: boolean;
  try {
    call(object, argument);
  } finally {
    unused = layout.isUnused();
    if (!unused) layout.clear(executionAsyncResource());
  }
  return unused;
}

/** A resource in which nothing runs but the creation of others without stores. */
let emptyResource: AsyncResource | undefined;

/** The way in which this runtime keeps the stores of a resource. */
let layout: Layout | undefined;

interface Layout {
  /** Whether nothing in this process uses stores so far. Quicker than `hasStores`. */
  isUnused(): boolean;
  hasStores(resource: AsyncResource): boolean;
  /** Removes the stores of a resource. Called only if nothing used stores a moment ago. */
  clear(resource: object): void;
}

/** In Node 20 and 22, the name of a storage's field, and the description of the symbol in it. */
const storeProperty = 'kResourceStore';

function detectLayout(): Layout {
  const symbols = symbolsOf(newResource());
  // Not by the version, because flags of Node change it.
  if (storeProperty in new AsyncLocalStorage()) return new PropertyLayout(symbols.filter(isId));
  const frame = symbols.find(({ description }) => description === 'context_frame');
  return frame ? new FrameLayout(frame) : hiddenLayout;
}

/** Each store is a property of its own (Node 20 and 22). */
class PropertyLayout implements Layout {
  private readonly ids: readonly symbol[];
  private unused = true;
  /** The property of a store that was found before. */
  private known: symbol | undefined = undefined;

  constructor(ids: readonly symbol[]) {
    this.ids = ids;
  }

  isUnused(): boolean {
    // Node gives promises an id from the first use on.
    const [id] = this.ids;
    return (this.unused &&= id !== undefined && valueOf(Promise.resolve(), id) === undefined);
  }

  hasStores(resource: AsyncResource): boolean {
    const { ids, known } = this;
    // A list of the symbols takes longer than all else here.
    if (known && valueOf(resource, known) !== undefined) return true;
    this.known = symbolsOf(resource).find((symbol) => !ids.includes(symbol) && valueOf(resource, symbol) !== undefined);
    return this.known !== undefined;
  }

  clear(resource: object): void {
    for (const symbol of symbolsOf(resource))
      if (symbol.description === storeProperty) Object.assign(resource, { [symbol]: undefined });
  }
}

/** All stores are in one Map (Node 24). A store that was left may still be in it, as `undefined`. */
class FrameLayout implements Layout {
  private readonly frame: symbol;

  constructor(frame: symbol) {
    this.frame = frame;
  }

  isUnused(): boolean {
    return false;
  }

  hasStores(resource: AsyncResource): boolean {
    const stores = valueOf(resource, this.frame) as Map<unknown, unknown> | undefined;
    if (stores) for (const store of stores.values()) if (store !== undefined) return true;
    return false;
  }

  clear(): void {
    // Never called, because stores may always be in use.
  }
}

/** Stores cannot be seen, as on Bun and Deno. */
const hiddenLayout: Layout = {
  isUnused: () => false,
  hasStores: () => true,
  clear: () => undefined,
};

function withoutStores(resource: AsyncResource): AsyncResource {
  for (const symbol of symbolsOf(resource)) if (!isId(symbol)) Object.assign(resource, { [symbol]: undefined });
  return resource;
}

function symbolsOf(resource: object): symbol[] {
  return Object.getOwnPropertySymbols(resource);
}

function valueOf(resource: object, symbol: symbol): unknown {
  return (resource as Record<symbol, unknown>)[symbol];
}

function isId({ description }: symbol): boolean {
  return description === 'async_id_symbol' || description === 'trigger_async_id_symbol';
}

function newResource(): AsyncResource {
  return new AsyncResource('rxjs-tasks');
}
