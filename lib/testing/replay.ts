import { isDeepStrictEqual } from 'node:util';
import { cron } from '../cron.js';
import { ordered, parallel } from '../group.js';
import { expected, expectFunction, expectOptions } from '../internal/expect.js';
import type { Runnable } from '../runner.js';
import { supervise } from '../supervise.js';
import type { SimpleTask } from '../task.js';
import { drawDiagram } from './diagram.js';
import { lifeOf, type Life, type Part } from './life.js';
import type { Marble } from './marbles.js';
import type { RecordedEvent, Recording } from './recording.js';
import type { Scenario, World } from './scenario.js';
import { enact } from './script.js';
import { diagramOf, laggardsOf, signals } from './to-marbles.js';

/** What {@link replay} is told beside the recording. */
export interface ReplayOptions {
  /**
   * Makes the application of tasks that do what the recording shows: `task` gives that of a path, under its last name. Unless said, it
   * is put together as the recording shows it.
   */
  run?: (task: (path: string) => SimpleTask, world: World) => readonly Runnable[];
}

/**
 * Makes a scenario of a recording: its tasks take as long, yield, fail and obey as they were recorded, its signals come when they came, and
 * the marbles it expects are the recording's. An incident becomes a test of the application that is to survive it: hand it your own groups,
 * supervision and crons in `run`, and say in `expect` what should have happened.
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
  expectOptions(options, ['run']);
  if (options.run !== undefined) expectFunction('run', options.run);
  expectRecording(recording);
  const { events } = recording;
  // It may have been listened to before it was started.
  const from = events[0]?.at ?? recording.from;
  const rows = diagramOf({ ...recording, from });
  const cast = castOf({ ...recording, from });
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
    ...(!shutdown && { for: (events.at(-1)?.at ?? from) - from }),
    expect: drawDiagram(
      new Map([...rows].map(([name, row]) => [name, row.filter(({ mark }) => !fromOutside.includes(mark))])),
    ),
  };
}

/** What the world outside has brought about. */
const fromOutside = "%:'";

function expectRecording(recording: unknown): void {
  const { version, events, dropped } = (recording ?? {}) as Partial<Recording>;
  if (version !== 1 || !Array.isArray(events))
    throw new TypeError(expected('recording', 'what `record` has made', recording));
  if (dropped !== 0)
    throw new TypeError(expected('recording', 'whole, without events dropped from its start', dropped));
}

function drawRow(row: readonly Marble[]): string {
  return drawDiagram(new Map([['', row]])).trim();
}

/** Who plays, and how they go together. */
interface Cast {
  /** The paths of those that are in no group. */
  readonly top: readonly string[];
  /** A task that does what the one of a path did. */
  task(path: string): SimpleTask;
  /** A runnable that is put together as that of a path was. */
  rebuild(path: string): Runnable;
}

function castOf(recording: Recording): Cast {
  const byPath = new Map<string, RecordedEvent[]>();
  for (const event of recording.events) {
    if (event.task === undefined) continue;
    const told = byPath.get(event.task) ?? [];
    byPath.set(event.task, told);
    told.push(event);
  }
  const paths = [...byPath.keys()];
  const order = new Map(recording.events.map((event, place) => [event, place]));
  // A name may have a slash of its own: only a path that something is told of is a group.
  const groupOf = (path: string) =>
    paths.filter((other) => path.startsWith(`${other}/`)).sort((a, b) => b.length - a.length)[0];
  const membersOf = (path: string) => paths.filter((other) => groupOf(other) === path);
  const nameOf = (path: string) => path.slice((groupOf(path)?.length ?? -1) + 1);
  const eventsOf = (path: string) => {
    const events = byPath.get(path);
    if (!events) throw new RangeError(expected('path', `one of ${paths.map((one) => `\`${one}\``).join(', ')}`, path));
    return events;
  };
  const lost = new Set(recording.events.flatMap(({ outcomes = [] }) => outcomes.flatMap(laggardsOf)));
  const task = (path: string) => enact(nameOf(path), livesOf(eventsOf(path), recording.from, lost.has(path)));
  const rebuild = (path: string): Runnable => {
    const events = eventsOf(path);
    const members = membersOf(path);
    const whole =
      members.length > 0
        ? (inOrder(events, members.map(eventsOf), order) ? ordered : parallel)(nameOf(path), ...members.map(rebuild))
        : events.some(({ type }) => type === 'tick')
          ? recordedCron(task(path), events)
          : task(path);
    return isSupervised(events) ? recordedSupervision(whole, events) : whole;
  };
  return { top: paths.filter((path) => groupOf(path) === undefined), task, rebuild };
}

/** Whether members of a group began, or were stopped, one after the other. */
function inOrder(
  group: readonly RecordedEvent[],
  members: readonly (readonly RecordedEvent[])[],
  order: ReadonlyMap<RecordedEvent, number>,
): boolean {
  const place = (events: readonly RecordedEvent[], ...types: string[]) => {
    const found = events.find(({ type }) => types.includes(type));
    return found && { at: found.at, index: order.get(found) ?? 0 };
  };
  const pairs = members.slice(1).map((later, index) => [members[index] ?? [], later] as const);
  for (const [one, other] of pairs) {
    const [began, ready, next] = [
      place(one, 'initializing', 'ready'),
      place(one, 'ready'),
      place(other, 'initializing', 'ready'),
    ];
    if (!began || !next) continue;
    if (!ready || ready.index > next.index) return false;
    if (next.at > began.at) return true;
  }
  // All that go on are stopped at once, or each when those after it have ended, if it comes to that.
  const never = { at: Infinity, index: Infinity };
  const stopped = (events: readonly RecordedEvent[]) => place(events, 'cancelling') ?? never;
  const goesOn = (events: readonly RecordedEvent[], index: number) => {
    const last = events.findLast((event) => (order.get(event) ?? 0) < index)?.type;
    return last !== undefined && last !== 'finalizing' && last !== 'done';
  };
  const failed = (events: readonly RecordedEvent[]) =>
    place(
      events.filter(({ outcome }) => outcome?.error),
      'done',
    ) ?? never;
  const stops = [stopped(group), ...members.map(failed)];
  return members.some(
    (one, place) =>
      stops.some(({ at, index }) => stopped(one).at > at && goesOn(one, index)) ||
      members.slice(place + 1).some((other) => {
        const { index } = stopped(other);
        return index < stopped(one).index && goesOn(one, index);
      }),
  );
}

/** What a task did in each of its runs, and in the slots of a cron. */
function livesOf(events: readonly RecordedEvent[], from: number, lost: boolean): Life[] {
  const runs: RecordedEvent[][] = [[]];
  for (const event of events) {
    runs.at(-1)?.push(event);
    if (event.type === 'restarting' || event.type === 'done') runs.push([]);
  }
  return runs
    .filter((run, place) => run.length > 0 || place === 0)
    .flatMap((run) => {
      const marbles = [...diagramOf({ version: 1, from, events: run, dropped: 0 }).values()].flat();
      const finalizes = marbles.findIndex(({ mark }) => mark === ']');
      const life = marbles
        // A cancel that comes while it finalizes makes no difference to it.
        .filter(
          ({ mark }, place) => !fromOutside.includes(mark) && !(mark === '!' && finalizes !== -1 && place > finalizes),
        )
        .map(({ at, mark }) => ({ at, mark: mark === '<' ? '|' : mark }));
      // What was under way when the recording ends, or at the deadline.
      const stopping = '!]'.includes(life.findLast(({ mark }) => '!]|#'.includes(mark))?.mark ?? '|');
      if (stopping || (lost && run.at(-1) === events.at(-1))) life.push({ at: Infinity, mark: '?' });
      return life.some(({ mark }) => mark === '+') ? slotLives(life) : [lifeOf(life[0]?.mark === '!' ? [] : life)];
    });
}

/** The hooks of a cron, and for each slot what `execute` did: no more than can be seen. */
function slotLives(marbles: readonly Marble[]): Life[] {
  const places = marbles.flatMap(({ mark }, place) => (mark === '+' ? [place] : []));
  const { initialize, finalize } = lifeOf(marbles.filter(({ mark }) => !'+/*'.includes(mark) && !/\w/.test(mark)));
  return places.map((place, slot) => ({
    execute: slotPart(marbles.slice(place, places[slot + 1])),
    ...(initialize && { initialize }),
    ...(finalize && { finalize }),
  }));
}

/** What `execute` did from a `+` to the next; that of the last slot is seen to go on until the cron finalizes, or ends. */
function slotPart([tick, ...during]: readonly Marble[]): Part {
  const at = tick?.at ?? 0;
  const last = during.findIndex(({ mark }) => '*]|#?'.includes(mark));
  const end = during[last];
  const shown = during.slice(0, end && last).filter(({ mark }) => mark !== '/');
  if (end) shown.push({ ...end, mark: end.mark === '*' ? '#' : end.mark === '?' ? '?' : '|' });
  const part = lifeOf(shown.map((marble) => ({ ...marble, at: marble.at - at }))).execute;
  if (end) return part;
  const skipped = during.findLast(({ mark }) => mark === '/');
  return { ...part, ends: Math.max(0, part.values.at(-1)?.at ?? 0, skipped ? skipped.at - at + 1 : 0) };
}

/** The last that a Date can hold. */
const lastTime = 8.64e15;

function recordedCron(task: SimpleTask, events: readonly RecordedEvent[]): Runnable {
  const slots = events.flatMap(({ type, slot }) =>
    slot !== undefined && (type === 'tick' || type === 'skipped') ? [slot] : [],
  );
  const began = events.find(({ type }) => type === 'ready')?.at ?? 0;
  // One that was stopped, or goes on, had slots to come.
  const ended = events.some(({ type }) => type === 'finalizing' || type === 'done');
  if (!ended || events.some(({ type }) => type === 'cancelling')) slots.push(lastTime);
  const next = (after: number) => slots.toSorted((a, b) => a - b).find((slot) => slot > after);
  return cron(task, { next }, { immediate: slots.some((slot) => slot <= began), overlap: 'skip', tolerance: Infinity });
}

function isSupervised(events: readonly RecordedEvent[]): boolean {
  const outcome = events.at(-1)?.outcome;
  // Only who would have been started again is cancelled by what comes while it finalizes.
  const cancelled = outcome?.status === 'cancelled' && events.at(-2)?.type === 'finalizing';
  const told = events.some(({ type }) => type === 'restarting') || outcome?.error?.name === 'RestartLimitError';
  return told || (cancelled && events.at(-3)?.type !== 'cancelling');
}

function recordedSupervision(inner: Runnable, events: readonly RecordedEvent[]): Runnable {
  // How long it was until the next life, which a timer may have made longer than it was to be.
  const delays = events.flatMap(({ type, at, delay = 0 }, place) => {
    const next = events[place + 1];
    const began = next?.type === 'initializing' || next?.type === 'ready';
    return type === 'restarting' ? [began ? next.at - at : delay] : [];
  });
  const longest = Math.max(0, ...delays);
  const outcome = events.at(-1)?.outcome;
  let restart = 0;
  return supervise(inner, {
    restart: outcome?.status === 'completed' ? 'on-failure' : 'always',
    maxRestarts: outcome?.error?.name === 'RestartLimitError' ? delays.length : Infinity,
    within: Infinity,
    // The delay that chance makes of the longest.
    backoff: {
      initial: longest,
      max: longest,
      factor: 1,
      jitter: 1,
      random: () => (delays[restart++] ?? 0) / (2 * longest || 1),
    },
  });
}
