import type { RecordedEvent } from '../recording/types.js';
import { messageOf } from '../util/describe-error.js';
import { printable, printableLines } from '../util/printable.js';
import { checkInvariants } from './invariants.js';
import { runScenario, verify } from './scenario.js';
import { maxMessage, ScenarioError } from './scenario-error.js';
import type { ScenarioRunResult } from './scenario-run.js';
import type { Scenario } from './scenario-types.js';

/** A moment at which several timers were due, and the one that fired first. */
export interface Choice {
  readonly due: number;
  readonly chosen: number;
}

/** Result of a scenario in one order. */
export interface ExplorationRunResult extends ScenarioRunResult {
  readonly choices: readonly Choice[];
}

/**
 * Runs and verifies a scenario in one order.
 *
 * @param choose Returns which of `due` timers fires first at the choice with this index.
 */
export async function runInOrder(
  scenario: Scenario,
  choose: (index: number, due: number) => number,
): Promise<ExplorationRunResult> {
  const choices: Choice[] = [];
  const run = await runScenario(scenario, (due) => {
    const chosen = Math.min(choose(choices.length, due), due - 1);
    choices.push({ due, chosen });
    return chosen;
  });
  try {
    await verify(scenario, run);
    checkInvariants(run.result);
    return { ...run, choices };
  } catch (error) {
    return { ...run, choices, failure: { error } };
  }
}

/** Creates the error of a failed run. It shows the order, the marbles and how to repeat the run. */
export function explorationError({ result, choices }: ExplorationRunResult, error: unknown): ScenarioError {
  const order = choices.map(({ chosen }) => chosen);
  while (order.at(-1) === 0) order.pop();
  const departures = order.filter((chosen) => chosen > 0).length;
  const orderName =
    departures === 0
      ? 'the usual order'
      : `an order that departs from the usual ${departures === 1 ? 'once' : `${departures} times`}`;
  const message = messageOf(error);
  const hint =
    departures === 0 ? '' : `\n\n\`explore(scenario, { order: [${order.join(', ')}] })\` repeats this order.`;
  const { events, from } = result.recording;
  const errors = new Set(events.flatMap(({ outcome }) => outcome?.error?.message ?? []));
  const instants = describeInstants(events, from);
  const lines = [`In ${orderName}: ${message}`, '', result.marbles, '', ...errors, ...instants];
  // Cut without its end, which matters most.
  const text = printableLines(lines.join('\n'), Math.max(0, maxMessage - hint.length));
  return new ScenarioError(text + hint, { cause: error });
}

/** Lists the order of events of the same instant, which marbles do not show. */
function describeInstants(events: readonly RecordedEvent[], from: number): string[] {
  const instants = new Map<number, string[]>();
  for (const { at, type, task = 'application' } of events) {
    const descriptions = instants.get(at) ?? [];
    instants.set(at, descriptions);
    descriptions.push(`${printable(task)} ${type}`);
  }
  return [...instants]
    .filter(([, descriptions]) => descriptions.length > 1)
    .map(([at, descriptions]) => `At ${at - from} ms: ${descriptions.join(', ')}`);
}
