import type { Application } from '../app/launch.js';
import { orchestrateOptionNames } from '../app/orchestrate.js';
import type { ShutdownReport } from '../app/report.js';
import type { AppEvent, OrchestrateOptions } from '../app/types.js';
import type { Recording } from '../recording/types.js';
import type { Runnable } from '../task/runner.js';
import { validateFunction, validateMs, validateOneOf, validateString } from '../util/validate.js';
import { validateMembers, type OtherNames } from '../util/validate-options.js';
import { parseDiagram } from './diagram.js';
import type { FakeSignals } from './fake-signals.js';
import { validateLetters } from './marbles.js';
import { toEpoch, type VirtualClock } from './virtual-clock.js';

/** An application, what happens to it, and what is expected of it. Times are in ms of virtual time. */
export interface Scenario extends Omit<OrchestrateOptions, 'parent' | 'scheduler'> {
  /** Creates the tasks. It is called for each run of the scenario. */
  run: (context: ScenarioContext) => readonly Runnable[];
  /** Time that the clock shows first. Default: 0, in ms since 1970. */
  at?: string | number | Date | undefined;
  /**
   * Signals that the process receives, as marbles: `I` is SIGINT, `T` SIGTERM, `H` SIGHUP, `Q` SIGQUIT, `1` and `2` are
   * SIGUSR1 and SIGUSR2. None may come after the `duration`.
   */
  signals?: string | undefined;
  /** Acts on the application. It is called once all tasks have been started, and its timers are virtual. */
  during?: ((context: ScenarioContext & { readonly app: Application }) => unknown) | undefined;
  /** Duration of the scenario. Default: until the application has ended, or no timer is pending. */
  duration?: number | undefined;
  /** Exit code after a stop by a signal, as in `runMain`. Default: `'zero'`. */
  exitCode?: 'zero' | 'signal' | undefined;
  /** Values of tasks by the letters that rows show for them. Other letters and digits are shown as themselves. */
  values?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Expected rows of marbles: of tasks and the runs they start, by their paths, and of `signals`, `readiness` and
   * `application`. Other rows are ignored.
   */
  expect?: string | undefined;
  /** Maximum difference between the expected and the actual time of a mark. Default: 0. */
  tolerance?: number | undefined;
  /** Checks anything else, in real time. It throws, or rejects, when a check fails. */
  check?: ((result: ScenarioResult) => unknown) | undefined;
}

/** Substitutes of a scenario for the real world. */
export interface ScenarioContext {
  readonly clock: VirtualClock;
  /** Target for a `signalListener`. It receives the signals of the scenario. */
  readonly signals: FakeSignals;
}

/** Result of a scenario. */
export interface ScenarioResult {
  /** Report of the application. `undefined` if it was still running at the end of the scenario. */
  readonly report: ShutdownReport | undefined;
  /** Exit code that `runMain` would have set. A second signal exits immediately and leaves `report` undefined. */
  readonly exitCode: number | undefined;
  readonly events: readonly AppEvent[];
  readonly recording: Recording;
  /** Marbles of all rows. */
  readonly marbles: string;
}

const ownOptions = ['run', 'at', 'signals', 'during', 'duration', 'exitCode', 'values', 'expect', 'tolerance', 'check'];
/** Options that a scenario passes to `orchestrate`. */
export const orchestrateOptions: readonly string[] = /* @__PURE__ */ orchestrateOptionNames.filter(
  (name) => name !== 'parent' && name !== 'scheduler',
);

const otherNames: OtherNames = {
  observer: 'pass the `events` of the result to it',
  linger: 'a scenario ends with its application',
  tasks: 'run',
};

/** @throws TypeError, RangeError or SyntaxError for an invalid scenario. */
export function validateScenario(scenario: Scenario): void {
  validateMembers(scenario, [...ownOptions, ...orchestrateOptions], 'scenario', otherNames);
  validateFunction('run', scenario.run);
  for (const name of ['during', 'check'] as const)
    if (scenario[name] !== undefined) validateFunction(name, scenario[name]);
  for (const name of ['signals', 'expect'] as const)
    if (scenario[name] !== undefined) validateString(name, scenario[name]);
  for (const name of ['duration', 'tolerance'] as const)
    if (scenario[name] !== undefined) validateMs(name, scenario[name]);
  validateOneOf('exitCode', ['zero', 'signal'], scenario.exitCode ?? 'zero');
  if (scenario.values !== undefined) validateLetters(scenario.values);
  if (scenario.at !== undefined) toEpoch('at', scenario.at);
  // Finds invalid marbles before any task runs.
  if (scenario.expect !== undefined) parseDiagram(scenario.expect);
}
