import type { Application } from '../app/launch.js';
import { validateFunction, validateMs, validateOneOf, validateOptions, validateString } from '../util/validate.js';
import { optionNames } from '../app/orchestrate.js';
import type { AppEvent, OrchestrateOptions } from '../app/types.js';
import type { ShutdownReport } from '../app/report.js';
import type { Runnable } from '../task/runner.js';
import { parseDiagram } from './diagram.js';
import type { FakeSignals } from './fake-signals.js';
import { expectLetters } from './marbles.js';
import type { Recording } from '../recording/tape.js';
import type { VirtualClock } from './virtual-clock.js';

/** An application, what happens to it, and what is expected of it. Times are in ms of virtual time. */
export interface Scenario extends Omit<OrchestrateOptions, 'parent' | 'scheduler'> {
  /** Makes the tasks, anew for each time the scenario is run. */
  run: (world: ScenarioContext) => readonly Runnable[];
  /** What the clock shows at first; 0 in ms since 1970 unless said. */
  at?: string | number | Date;
  /** The signals that the process gets, as marbles: `I` is SIGINT, `T` SIGTERM, `H` SIGHUP, `Q` SIGQUIT, `1` and `2` SIGUSR1 and SIGUSR2. */
  signals?: string;
  /** What else happens, once all is started: whatever waits here waits in virtual time. */
  during?: (world: ScenarioContext & { readonly app: Application }) => unknown;
  /** For how long it is watched; until it ends, or nothing more is due, unless said. */
  duration?: number;
  /** As that of `runMain`. */
  exitCode?: 'zero' | 'signal';
  /** The letters by which rows show the values of tasks; a letter or a digit stands for itself. */
  values?: Readonly<Record<string, unknown>>;
  /** Rows of marbles: of tasks by their paths, of `signals` and of the `application`. Those that are not named are not looked at. */
  expect?: string;
  /** By how many ms a mark may come earlier or later than expected; 0 unless said. */
  tolerance?: number;
  /** What else is to be so: throws when it is not. */
  check?: (played: ScenarioResult) => unknown;
}

/** What a scenario has in place of the real world. */
export interface ScenarioContext {
  readonly clock: VirtualClock;
  /** A target for a `signalListener`, that gets the scenario's signals. */
  readonly signals: FakeSignals;
}

/** How a scenario went. */
export interface ScenarioResult {
  /** Of an application that has ended; `undefined` of one that was still going when nothing more was due, or `for` was over. */
  readonly report: ShutdownReport | undefined;
  /** Of one that `runMain` would have run; a second signal exits at once, without a report. */
  readonly exitCode: number | undefined;
  readonly events: readonly AppEvent[];
  readonly recording: Recording;
  /** All rows, drawn. */
  readonly marbles: string;
}

const own = ['run', 'at', 'signals', 'during', 'duration', 'exitCode', 'values', 'expect', 'tolerance', 'check'];
/** Those of `orchestrate` that a scenario has, too. */
export const inherited: readonly string[] = optionNames.filter((name) => name !== 'parent' && name !== 'scheduler');

/** @throws TypeError, RangeError and SyntaxError for what is no scenario. */
export function expectScenario(scene: Scenario): void {
  validateOptions(scene, [...own, ...inherited], 'scenario');
  validateFunction('run', scene.run);
  for (const name of ['during', 'check'] as const) if (scene[name] !== undefined) validateFunction(name, scene[name]);
  for (const name of ['signals', 'expect'] as const) if (scene[name] !== undefined) validateString(name, scene[name]);
  for (const name of ['duration', 'tolerance'] as const) if (scene[name] !== undefined) validateMs(name, scene[name]);
  validateOneOf('exitCode', ['zero', 'signal'], scene.exitCode ?? 'zero');
  expectLetters(scene.values ?? {});
  // Before anything is run.
  if (scene.expect !== undefined) parseDiagram(scene.expect);
}
