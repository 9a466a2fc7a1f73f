import { invalid } from '../util/validate.js';
import { compareDiagrams, parseDiagram } from './diagram.js';
import { parseRow } from './marbles.js';
import { expectScenario, type ScenarioResult, type Scenario } from './scene.js';
import { Stage, type Staged } from './stage.js';
import { ScenarioError } from './scenario-error.js';
import { diagramOf, letters } from './to-marbles.js';
import { virtualClock } from './virtual-clock.js';
import { virtualGlobals } from './virtual-globals.js';

let underWay = false;

/**
 * Runs an application in virtual time, as `runMain` runs it in a process: signals, drain, deadline, report and exit code come
 * out as they do there, and neither a second passes nor a process ends. Promises, RxJS's timers, `setTimeout`, `node:timers/promises`
 * and `Date` are virtual meanwhile; files, sockets and `AbortSignal.timeout` are not, so give what needs them something in their place.
 *
 * Works with every test runner: it rejects when something is not as expected. One scenario is run at a time.
 *
 * @returns how it went.
 * @throws ScenarioError when the marbles are not those expected, with both under one another; what `check` or `during` throws;
 * SyntaxError for what is no marble, TypeError and RangeError for other bad input; all of them by rejection.
 *
 * @example
 * ```ts
 * import { ordered } from 'rxjs-tasks';
 * import { scenario, script } from 'rxjs-tasks/testing';
 *
 * const { report, exitCode } = await scenario({
 *   run: () => [ordered('shop', script('db', '[-->---(!])-|'), script('http', '[->--(!])--|'))],
 *   signals: '         ----------T',
 *   drainDelay: 5,
 *   expect: `
 *     signals      ----------T
 *     shop/db      [-->------------   --(!])-|
 *     shop/http    ---[->---------(!])--|
 *     readiness    ----->----<
 *     application  ----------~----!   ---   -|
 *   `,
 * });
 * console.log(report?.clean, exitCode); // → true 0
 * ```
 */
export async function scenario(scene: Scenario): Promise<ScenarioResult> {
  return judge(scene, await play(scene));
}

/** Runs a scenario; of things due at one instant the first to happen is the one that `order` chooses. */
export async function play(scene: Scenario, order?: (due: number) => number): Promise<Staged> {
  expectScenario(scene);
  const sent = parseRow(scene.signals ?? '').marbles.map(({ at, mark }) => ({ at, signal: signalOf(mark) }));
  const clock = virtualClock(scene.at);
  if (order) clock.order = order;
  if (underWay) throw new Error('Expected one scenario at a time, because it replaces the timers of the whole process');
  underWay = true;
  const restore = virtualGlobals(clock);
  try {
    return await new Stage(scene, clock).play(sent);
  } finally {
    restore();
    underWay = false;
  }
}

/** Whether all is as the scenario expects it. */
export async function judge(scene: Scenario, { played, failure, rows }: Staged): Promise<ScenarioResult> {
  if (failure) throw failure.error;
  const wanted = parseDiagram(scene.expect ?? '');
  const unknown = [...wanted.keys()].find((name) => !rows.includes(name));
  if (unknown !== undefined) throw new ScenarioError(invalid('expect', `rows of ${listed(rows)}`, unknown));
  compareDiagrams(wanted, diagramOf(played.recording), scene.tolerance);
  await scene.check?.(played);
  return played;
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function signalOf(letter: string): NodeJS.Signals {
  for (const [signal, its] of Object.entries(letters)) if (its === letter) return signal as NodeJS.Signals;
  throw new SyntaxError(
    `Expected the letters of signals to be of ${Object.entries(letters)
      .map(([signal, its]) => `\`${its}\` (${signal})`)
      .join(', ')}, got \`${letter}\``,
  );
}
