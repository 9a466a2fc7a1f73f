import { isDeepStrictEqual } from 'node:util';
import { validateRecording } from '../recording/validate-recording.js';
import type { RecordedError, RecordedEvent, Recording } from '../recording/types.js';
import type { Runnable } from '../task/runner.js';
import type { SimpleTask } from '../task/types.js';
import { invalid, validateFunction } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import { drawDiagram } from './diagram.js';
import type { Marble } from './marbles.js';
import { recordedTasks, type RecordedTasks } from './recorded-tasks.js';
import type { Scenario, ScenarioContext } from './scenario-types.js';
import { diagramOf, signalsRow } from './to-marbles.js';

/** Options of {@link replay}. */
export interface ReplayOptions {
  /**
   * Creates the application. `task(path)` returns a task that does what was recorded; its name is the end of the path.
   * If a dynamic group had several members in turn under this path, each call returns the next of them. It throws a
   * RangeError for a path that was not recorded.
   */
  run: (task: (path: string) => SimpleTask, context: ScenarioContext) => readonly Runnable[];
}

/** Default `tolerance` of a replay, in ms: in real time effects come later than in virtual time. */
const replayTolerance = 20;

/**
 * Turns a recording into a scenario. Its tasks take as long, yield, fail and react to a cancel as recorded. Its signals
 * come at the recorded times, and it expects the recorded marbles.
 *
 * An incident becomes a test of the application that should survive it. Put your own groups, supervision and crons
 * around the tasks in `run`, and put into `expect` what should have happened. The `tolerance` is 20 ms, because in real
 * time effects come later. In a cron, a run that yields nothing, does not fail and skips no other slot takes no time. A
 * replay does not expect what only the outside world causes: overdue slots, late results, and missed slots, except
 * those of a pause. Its tasks start no runs themselves, but take as long as they did with these.
 *
 * A replay does not control crons and dynamic groups. It expects the recorded controls, so `run` calls them by the
 * `clock` of its context: `trigger`, `pause`, `resume` and `reschedule`, `add`, `replace` and `remove`.
 *
 * @throws TypeError without `run`, for an invalid recording, and for a recording whose first events were dropped.
 *
 * @example
 * ```ts
 * import { ordered } from 'rxjs-tasks';
 * import { replay, scenario, script } from 'rxjs-tasks/testing';
 *
 * const run = () => [ordered('shop', script('db', '[-->---#]-|'), script('http', '[->(!])-|'))];
 * const { recording, marbles } = await scenario({ run });
 *
 * const repeated = await scenario(
 *   replay(JSON.parse(JSON.stringify(recording)), {
 *     run: (task) => [ordered('shop', task('shop/db'), task('shop/http'))],
 *   }),
 * );
 * console.log(repeated.marbles === marbles); // → true
 * ```
 */
export function replay(recording: Recording, options: ReplayOptions): Scenario {
  const { run } = validateReplayOptions(options);
  validateComplete(recording);
  const { version, events, dropped } = recording;
  // The recording may have begun long before the application was started.
  const from = events[0]?.at ?? recording.from;
  // Events of a recorder that is still recording must not be added later.
  const fixed: Recording = { version, from, events, dropped };
  const tasks = recordedTasks(fixed);
  const rows = diagramOf({ ...fixed, events: events.filter((event) => !isExternal(event)) });
  const expected = [...rows].filter(([name]) => !tasks.isChild(name));
  return {
    run: (context) => run(tasks.creator(), context),
    at: from,
    signals: drawRow(rows.get(signalsRow) ?? []),
    ...stopOptions(fixed, tasks),
    tolerance: replayTolerance,
    expect: drawDiagram(new Map(expected)),
  };
}

/** Events of the outside world, such as a slow machine, or of code that is not in the tasks, such as an option. */
const externalTypes: readonly RecordedEvent['type'][] = [
  'missed',
  'overdue',
  'result-dropped',
  'teardown-failed',
  'option-failed',
  'future-failed',
  'operated',
];

/** Whether a replay does not expect an event. A pause in the replay causes the missed slots of a recorded pause. */
function isExternal({ type, reason }: RecordedEvent): boolean {
  return externalTypes.includes(type) && reason !== 'paused';
}

/** Returns the options with which a scenario stops as the recorded application did. */
function stopOptions({ events, from }: Recording, tasks: RecordedTasks): Partial<Scenario> {
  const shutdown = events.find(({ type }) => type === 'shutdown');
  const draining = events.find(({ type }) => type === 'draining');
  const cancelled = events.find(({ type }) => type === 'cancelled');
  const hasFailed = events.some((event, index) => {
    const { task = '' } = event;
    // A supervised task has not failed if it restarts, with everything that it is made of.
    const restarts = (later: RecordedEvent) =>
      later.type === 'restarting' && `${task}/`.startsWith(`${later.task ?? ''}/`);
    return errorOf(event) && !tasks.isChild(task) && !events.slice(index).some(restarts);
  });
  // The failure of a member stops the application before the member and its group have ended.
  const isStoppedByFailure =
    cancelled?.cause !== undefined && events.some((event) => isDeepStrictEqual(errorOf(event), cancelled.cause));
  const hasTimedOut = shutdown?.outcomes?.some(({ status }) => status === 'timed-out') === true;
  const stop = draining ?? cancelled;
  // If neither a signal nor a failure stopped the application, a task or its owner did.
  const isStoppedByHand = stop && !stop.cause?.signal && (draining ?? !isStoppedByFailure);
  // A drain that a failure or the end of all tasks cut short would have lasted longer.
  const isDrainComplete = draining && cancelled && isDeepStrictEqual(cancelled.cause, draining.cause);
  return {
    ...(isStoppedByHand && {
      during: ({ app, clock }) =>
        void clock.schedule(() => void app.stop(new Error(stop.cause?.message)), stop.at - from),
    }),
    ...(draining && { drainDelay: isDrainComplete ? cancelled.at - draining.at : Infinity }),
    ...(hasTimedOut && cancelled && { timeout: shutdown.at - cancelled.at }),
    ...(hasFailed && !isStoppedByFailure && { onFailure: 'continue' }),
    ...(!shutdown && { duration: (events.at(-1)?.at ?? from) - from }),
  };
}

/** Returns the error of a task's failure. */
function errorOf({ type, error, outcome }: RecordedEvent): RecordedError | undefined {
  return type === 'failed' ? error : type === 'done' ? outcome?.error : undefined;
}

/** Accepts `undefined`, so that the error of a call without options names `run`. */
function validateReplayOptions(options: Partial<ReplayOptions> = {}): ReplayOptions {
  validateOptions(options, ['run'], 'replay');
  validateFunction('run', options.run);
  return options as ReplayOptions;
}

function validateComplete(recording: Recording): void {
  validateRecording(recording);
  const { dropped } = recording;
  if (dropped !== 0) throw new TypeError(invalid('recording', 'complete, without dropped events', dropped));
}

function drawRow(row: readonly Marble[]): string {
  return drawDiagram(new Map([['', row]])).trim();
}
