import { isDeepStrictEqual } from 'node:util';
import { invalid, validateFunction, validateOptions } from '../util/validate.js';
import type { Runnable } from '../task/runner.js';
import type { SimpleTask } from '../task/types.js';
import { castOf } from './cast.js';
import { drawDiagram } from './diagram.js';
import { fromOutside } from './lives.js';
import type { Marble } from './marbles.js';
import type { Scenario, ScenarioContext } from './scene.js';
import type { Recording } from '../recording/tape.js';
import { diagramOf, signals } from './to-marbles.js';

/** What {@link replay} is told beside the recording. */
export interface ReplayOptions {
  /**
   * Makes the application of tasks that do what the recording shows: `task` gives that of a path, under its last name. Unless said, it
   * is put together as the recording shows it.
   */
  run?: (task: (path: string) => SimpleTask, world: ScenarioContext) => readonly Runnable[];
}

/**
 * Makes a scenario of a recording: its tasks take as long, yield, fail and obey as they were recorded, its signals come when they came, and
 * the marbles it expects are the recording's. An incident becomes a test of the application that is to survive it: hand it your own groups,
 * supervision and crons in `run`, and say in `expect` what should have happened. Its `tolerance` is 20 ms, because in real time what comes
 * of something may come later.
 *
 * Without a `run` it puts together what the recording gives away: groups by their paths, `ordered` when their members start or stop one after
 * the other; `supervise`, with its delays, where something restarts; crons with the slots that they had, whose runs take no time
 * unless they yield, fail or keep a slot from running. What only the world outside can bring about, missed and overdue
 * slots and what came late, is not expected again.
 *
 * @throws TypeError for what is no recording, or one whose first events were dropped.
 *
 * @example
 * ```ts
 * import { ordered } from 'rxjs-tasks';
 * import { replay, scenario, script } from 'rxjs-tasks/testing';
 *
 * const run = () => [ordered('shop', script('db', '[-->---#]-|'), script('http', '[->(!])-|'))];
 * const { recording, marbles } = await scenario({ run });
 * const again = await scenario(replay(JSON.parse(JSON.stringify(recording))));
 * console.log(again.marbles === marbles); // → true
 * ```
 */
export function replay(recording: Recording, options: ReplayOptions = {}): Scenario {
  validateOptions(options, ['run']);
  if (options.run !== undefined) validateFunction('run', options.run);
  expectRecording(recording);
  // Of a recorder under way it is what has been recorded until now.
  const { version, events, dropped } = recording;
  // It may have been listened to before it was started.
  const from = events[0]?.at ?? recording.from;
  const whole: Recording = { version, from, events, dropped };
  const rows = diagramOf(whole);
  const cast = castOf(whole);
  const cancelled = events.findIndex(({ type }) => type === 'cancelled');
  const shutdown = events.find(({ type }) => type === 'shutdown');
  const [asked, stopped] = [events.find(({ type }) => type === 'draining'), events[cancelled]];
  const stop = asked ?? stopped;
  const failed = events.findIndex(
    ({ type, task, outcome }) => type === 'done' && cast.top.includes(task ?? '') && outcome?.error,
  );
  const byFailure =
    failed >= 0 && failed < cancelled && isDeepStrictEqual(stopped?.cause, events[failed]?.outcome?.error);
  const lost = shutdown?.outcomes?.some(({ status }) => status === 'timed-out') === true;
  // What a signal or a failure has not brought about, a task has asked for, or whoever had the application's handle.
  const byHand = stop && !stop.cause?.signal && (asked ?? !byFailure);
  // One that was cut short by a failure, or by the end of all, would have been longer.
  const drained = asked && stopped && isDeepStrictEqual(stopped.cause, asked.cause);
  return {
    run: (world) =>
      options.run ? options.run((path) => cast.task(path), world) : cast.top.map((path) => cast.rebuild(path)),
    at: from,
    signals: drawRow(rows.get(signals) ?? []),
    ...(byHand && {
      during: ({ app, clock }) =>
        void clock.schedule(() => void app.stop(new Error(stop.cause?.message)), stop.at - from),
    }),
    ...(asked && { drainDelay: drained ? stopped.at - asked.at : Infinity }),
    ...(lost && stopped && { timeout: shutdown.at - stopped.at }),
    ...(failed >= 0 && !byFailure && { onFailure: 'continue' }),
    ...(!shutdown && { duration: (events.at(-1)?.at ?? from) - from }),
    tolerance: realTime,
    expect: drawDiagram(
      new Map([...rows].map(([name, row]) => [name, row.filter(({ mark }) => !fromOutside.includes(mark))])),
    ),
  };
}

/** In real time what comes of something may come a few ms later. */
const realTime = 20;

function expectRecording(recording: unknown): void {
  const { version, events, dropped } = (recording ?? {}) as Partial<Recording>;
  if (version !== 1 || !Array.isArray(events))
    throw new TypeError(invalid('recording', 'what `record` has made', recording));
  if (dropped !== 0) throw new TypeError(invalid('recording', 'whole, without events dropped from its start', dropped));
}

function drawRow(row: readonly Marble[]): string {
  return drawDiagram(new Map([['', row]])).trim();
}
