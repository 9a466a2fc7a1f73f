import { inspect } from 'node:util';
import { validateArray, validateNumber, validateOptions } from '../util/validate.js';
import { expectSound } from './invariants.js';
import { randomFrom } from './random.js';
import type { RecordedEvent } from '../recording/recorded.js';
import { judge, play } from './scenario.js';
import { ScenarioError } from './scenario-error.js';
import type { Scenario } from './scene.js';
import type { Staged } from './stage.js';

/** How much {@link explore} tries. */
export interface ExploreOptions {
  /** How many orders at most; 200 unless said. */
  runs?: number;
  /** Where chance begins: the same gives the same orders; 1 unless said. */
  seed?: number;
  /** The one order to try, as a failure has named it. */
  order?: readonly number[];
}

/** What {@link explore} has tried. */
export interface ExploreResult {
  /** How many orders. */
  readonly orders: number;
  /** Whether those were all there are. */
  readonly all: boolean;
}

/**
 * Runs a scenario in the orders in which what is due at one instant may happen: timers, signals, and promises that hooks have given
 * back, once they have settled. First as {@link scenario} does, then in the orders that depart from that once, twice and so on; when
 * those are more than it may try, it tries the last half by chance. Each time all that the scenario expects is to hold, and what holds of
 * every application: a task has one end, finalizes once, and does nothing after it.
 *
 * @returns how many orders it has tried, and whether those were all.
 * @throws ScenarioError for an order in which something does not hold, with what happened then as marbles: the one that departs least
 * from the usual. Its `cause` is what did not hold.
 *
 * @example
 * ```ts
 * import { ok } from 'node:assert';
 * import { setTimeout as delay } from 'node:timers/promises';
 * import { task } from 'rxjs-tasks';
 * import { explore, type Played } from 'rxjs-tasks/testing';
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
 * const scene = { run, check: ({ report }: Played) => ok(report?.clean, 'it is not clean') };
 * await explore(scene).catch((error: Error) => console.log(error.message.split('\n')[0]));
 * // → In an order that departs from the usual once: it is not clean
 * ```
 */
export async function explore(scene: Scenario, options: ExploreOptions = {}): Promise<ExploreResult> {
  validateOptions(options, ['runs', 'seed', 'order']);
  const { runs = 200, seed = 1 } = options;
  validateNumber('runs', 1, Infinity, runs);
  validateNumber('seed', -Infinity, Infinity, seed);
  if (options.order !== undefined) {
    validateArray('order', options.order);
    for (const choice of options.order) validateNumber('order', 0, Infinity, choice);
  }
  const fails = async (order: readonly number[]) => {
    const tried = await attempt(scene, (place) => order[place] ?? 0);
    if (tried.failure) throw failureOf(tried, tried.failure.error);
    return tried;
  };
  if (options.order) {
    await fails(options.order);
    return { orders: 1, all: false };
  }
  let orders = 0;
  let all = true;
  const queue: (readonly number[])[] = [[]];
  for (let order = queue.shift(); order; order = queue.shift()) {
    // What is left would be the first of very many: rather something of everything.
    if (orders >= runs / 2 && orders + queue.length >= runs) {
      await tryByChance(scene, runs - orders, seed);
      return { orders: runs, all: false };
    }
    orders++;
    const { choices } = await fails(order);
    // Each order is reached in one way: by its last departure from the usual.
    for (const [place, { due }] of choices.entries()) {
      if (place < order.length) continue;
      for (let choice = 1; choice < due; choice++) {
        if (queue.length < runs) queue.push([...choices.slice(0, place).map(({ chosen }) => chosen), choice]);
        else all = false;
      }
    }
  }
  return { orders, all };
}

/** Where several things were due, and which of them was the first to happen. */
interface Choice {
  readonly due: number;
  readonly chosen: number;
}

/** A scenario that has been run in one order. */
interface Attempt extends Staged {
  readonly choices: readonly Choice[];
}

/** @param choose which of so many things is first, at the nth time that there are several. */
async function attempt(scene: Scenario, choose: (place: number, due: number) => number): Promise<Attempt> {
  const choices: Choice[] = [];
  const staged = await play(scene, (due) => {
    const chosen = Math.min(choose(choices.length, due), due - 1);
    choices.push({ due, chosen });
    return chosen;
  });
  try {
    expectSound((await judge(scene, staged), staged.played));
    return { ...staged, choices };
  } catch (error) {
    return { ...staged, choices, failure: { error } };
  }
}

/** Tries orders by chance, and of one that fails what is left of it without the departures that do not matter. */
async function tryByChance(scene: Scenario, runs: number, seed: number): Promise<void> {
  const random = randomFrom(seed);
  for (let run = 0; run < runs; run++) {
    let failed = await attempt(scene, (_, due) => Math.floor(random() * due));
    if (!failed.failure) continue;
    for (let place = failed.choices.length - 1; place >= 0; place--) {
      if (failed.choices[place]?.chosen === 0) continue;
      const order = failed.choices.map(({ chosen }, other) => (other === place ? 0 : chosen));
      const less = await attempt(scene, (other) => order[other] ?? 0);
      if (less.failure) failed = less;
    }
    throw failureOf(failed, failed.failure?.error);
  }
}

function failureOf({ played, choices }: Attempt, error: unknown): Error {
  const order = choices.map(({ chosen }) => chosen);
  while (order.at(-1) === 0) order.pop();
  const departures = order.filter((chosen) => chosen > 0).length;
  const how =
    departures === 0
      ? 'the usual order'
      : `an order that departs from the usual ${departures === 1 ? 'once' : `${departures} times`}`;
  const message = error instanceof Error ? error.message : inspect(error);
  const again =
    departures === 0 ? [] : ['', `\`explore(scenario, { order: [${order.join(', ')}] })\` tries this one alone.`];
  const { events, from } = played.recording;
  const errors = new Set(events.flatMap(({ outcome }) => outcome?.error?.message ?? []));
  const lines = [`In ${how}: ${message}`, '', played.marbles, '', ...errors, ...storyOf(events, from), ...again];
  return new ScenarioError(lines.join('\n'), { cause: error });
}

/** What happened at the instants at which more than one thing did, in its order, which rows of marbles do not show. */
function storyOf(events: readonly RecordedEvent[], from: number): string[] {
  const instants = new Map<number, string[]>();
  for (const { at, type, task = 'application' } of events) {
    const told = instants.get(at) ?? [];
    instants.set(at, told);
    told.push(`${task} ${type}`);
  }
  return [...instants]
    .filter(([, told]) => told.length > 1)
    .map(([at, told]) => `At ${at - from} ms: ${told.join(', ')}`);
}
