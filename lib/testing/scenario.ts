import { printable } from '../util/printable.js';
import { invalid } from '../util/validate.js';
import { compareDiagrams, parseDiagram } from './diagram.js';
import { parseRow } from './marbles.js';
import { explainWait } from './explain-wait.js';
import { ScenarioError } from './scenario-error.js';
import { ScenarioRun, type ScenarioRunResult, type ScheduledSignal } from './scenario-run.js';
import { validateScenario, type Scenario, type ScenarioResult } from './scenario-types.js';
import { diagramOf, signalLetters } from './to-marbles.js';
import { virtualClock } from './virtual-clock.js';
import { virtualGlobals } from './virtual-globals.js';

let isRunning = false;

/**
 * Runs an application in virtual time, as `runMain` runs it in a process. Signals, drain, deadline, report and exit
 * code are the same, but no real time passes and no process exits. Promises, RxJS timers, `setTimeout`,
 * `node:timers/promises` and `Date` are virtual. Files, sockets and `AbortSignal.timeout` are not, so replace what
 * needs them.
 *
 * It works with every test runner, because it rejects when an expectation fails. One scenario runs at a time.
 *
 * @throws ScenarioError when the marbles differ from the expected ones; it shows both. SyntaxError for invalid marbles,
 * TypeError and RangeError for other invalid input, and what `check` or `during` throws. All of them are rejections.
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
export async function scenario(definition: Scenario): Promise<ScenarioResult> {
  return verify(definition, await runScenario(definition));
}

/**
 * Runs a scenario without comparing its result with what is expected.
 *
 * @param order Chooses which of the timers due at one instant fires first.
 */
export async function runScenario(definition: Scenario, order?: (due: number) => number): Promise<ScenarioRunResult> {
  validateScenario(definition);
  const signals = scheduledSignals(definition);
  const clock = virtualClock(definition.at);
  if (order) clock.order = order;
  if (isRunning)
    throw new Error(
      'Expected one scenario at a time, because it replaces the timers of the whole process. ' +
        'Await the one before. One whose test has timed out goes on; a `duration` or a signal ends it',
    );
  isRunning = true;
  const restore = virtualGlobals(clock);
  try {
    return await new ScenarioRun(definition, clock).run(signals);
  } finally {
    restore();
    isRunning = false;
  }
}

/** Compares a run with what is expected. @throws ScenarioError when they differ, and what the run has thrown. */
export async function verify(
  definition: Scenario,
  { result, failure, rows, waiting }: ScenarioRunResult,
): Promise<ScenarioResult> {
  if (failure) throw failure.error;
  const expected = parseDiagram(definition.expect ?? '');
  const unknown = [...expected.keys()].find((name) => !rows.mayHave(name));
  if (unknown !== undefined) {
    const names = [...rows.names].map((name) => `\`${name}\``).join(', ');
    throw new ScenarioError(invalid('expect', `rows of ${names}`, unknown));
  }
  // A task that only waits for its cancel, in `execute`, is meant to last.
  const stuck = waiting.filter(({ hook }) => hook !== 'execute' || result.report !== undefined);
  const note = stuck.length > 0 ? explainWait(stuck) : '';
  compareDiagrams(expected, diagramOf(result.recording), definition.tolerance, note);
  await definition.check?.(result);
  return result;
}

/** @throws SyntaxError for invalid marbles; RangeError for a signal that would come after the end. */
function scheduledSignals({ signals = '', duration = Infinity }: Scenario): ScheduledSignal[] {
  return parseRow(signals).map(({ at, mark }) => {
    if (at > duration)
      throw new RangeError(`Expected \`signals\` to be within the \`duration\` of ${duration} ms, got one at ${at} ms`);
    return { at, signal: signalOf(mark) };
  });
}

function signalOf(letter: string): NodeJS.Signals {
  const letters = Object.entries(signalLetters);
  const [signal] = letters.find(([, each]) => each === letter) ?? [];
  if (signal !== undefined) return signal as NodeJS.Signals;
  const known = letters.map(([name, each]) => `\`${each}\` (${name})`).join(', ');
  throw new SyntaxError(`Expected the letters of signals to be among ${known}, got \`${printable(letter)}\``);
}
