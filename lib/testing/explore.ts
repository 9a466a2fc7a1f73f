import { validateArray, validateInteger, validateNumber } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import { explorationError, runInOrder } from './exploration-run.js';
import type { Scenario } from './scenario-types.js';
import { seededRandom } from './seeded-random.js';

/** Options of {@link explore}. */
export interface ExploreOptions {
  /** Maximum number of orders to try. Default: 200. */
  runs?: number | undefined;
  /** Seed of the random orders. The same seed yields the same orders. Default: 1. */
  seed?: number | undefined;
  /** The only order to try, as the error of a failed exploration shows it. */
  order?: readonly number[] | undefined;
}

/** Result of {@link explore}. */
export interface ExploreResult {
  /** Number of orders that were tried. */
  readonly orders: number;
  /** Whether these were all possible orders. */
  readonly all: boolean;
}

/**
 * Runs a scenario in the different orders in which events of the same instant may happen: timers, signals, and promises
 * of hooks. It begins with the order of `scenario`, and continues with orders that depart from it once, twice and
 * so on. If there are more orders than `runs`, the second half is random. Each order must meet the expectations of the
 * scenario and what holds for every application: a task ends once, finalizes once, and does nothing after its end.
 *
 * @throws ScenarioError for an order that fails, with its marbles. Of several failing orders it is one with the fewest
 * departures from the usual one. Its `cause` is the failure. TypeError and RangeError for invalid options. All of them
 * are rejections.
 *
 * @example
 * ```ts
 * import { ok } from 'node:assert';
 * import { setTimeout as delay } from 'node:timers/promises';
 * import { task } from 'rxjs-tasks';
 * import { explore, type ScenarioResult } from 'rxjs-tasks/testing';
 *
 * const run = () => {
 *   let price: number | undefined;
 *   const prices = task('prices', async () => {
 *     await delay(10);
 *     price = 42;
 *   });
 *   const shop = task('shop', async () => {
 *     await delay(10);
 *     if (price === undefined) throw new Error('There is no price yet');
 *   });
 *   return [prices, shop];
 * };
 * const check = ({ report }: ScenarioResult) => ok(report?.clean, 'it is not clean');
 * await explore({ run, check }).catch((error: Error) => console.log(error.message.split('\n')[0]));
 * // → In an order that departs from the usual once: it is not clean
 * ```
 */
export async function explore(scenario: Scenario, options: ExploreOptions = {}): Promise<ExploreResult> {
  validateOptions(options, ['runs', 'seed', 'order'], 'explore');
  const { runs = 200, seed = 1 } = options;
  if (runs !== Infinity) validateInteger('runs', 1, Infinity, runs);
  validateNumber('seed', -Infinity, Infinity, seed);
  if (options.order !== undefined) {
    validateArray('order', options.order);
    for (const choice of options.order) validateInteger('order', 0, Infinity, choice);
    await tryOrder(scenario, options.order);
    return { orders: 1, all: false };
  }
  let orders = 0;
  const queue: (readonly number[])[] = [[]];
  for (let order = queue.shift(); order; order = queue.shift()) {
    // The rest of a long queue would only vary the first choices, so random orders cover more.
    if (orders >= runs / 2 && orders + queue.length >= runs) {
      await tryRandomOrders(scenario, runs - orders, seed);
      return { orders: runs, all: false };
    }
    orders++;
    const { choices } = await tryOrder(scenario, order);
    // Only choices after the last departure vary, so that each order is tried once.
    for (const [index, { due }] of choices.entries()) {
      if (index < order.length) continue;
      for (let choice = 1; choice < due && queue.length < runs; choice++)
        queue.push([...choices.slice(0, index).map(({ chosen }) => chosen), choice]);
    }
  }
  return { orders, all: true };
}

/** @throws ScenarioError when the scenario fails in this order. */
async function tryOrder(scenario: Scenario, order: readonly number[]) {
  const run = await runInOrder(scenario, (index) => order[index] ?? 0);
  if (run.failure) throw explorationError(run, run.failure.error);
  return run;
}

/** Tries random orders. Removes from a failing one the departures that do not matter. */
async function tryRandomOrders(scenario: Scenario, runs: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  for (let run = 0; run < runs; run++) {
    let failed = await runInOrder(scenario, (_, due) => Math.floor(random() * due));
    if (!failed.failure) continue;
    for (let index = failed.choices.length - 1; index >= 0; index--) {
      if (failed.choices[index]?.chosen === 0) continue;
      const order = failed.choices.map(({ chosen }, other) => (other === index ? 0 : chosen));
      const simpler = await runInOrder(scenario, (other) => order[other] ?? 0);
      if (simpler.failure) failed = simpler;
    }
    throw explorationError(failed, failed.failure?.error);
  }
}
