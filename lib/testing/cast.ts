import { ordered, parallel } from '../group/group.js';
import { invalid } from '../util/validate.js';
import type { Runnable } from '../task/runner.js';
import type { SimpleTask } from '../task/types.js';
import { enact } from './enact.js';
import { livesOf } from './lives.js';
import { isSupervised, recordedCron, recordedSupervision } from './policies.js';
import type { RecordedEvent } from '../recording/recorded.js';
import type { Recording } from '../recording/tape.js';
import { laggardsOf } from './to-marbles.js';

/** Who plays, and how they go together. */
export interface Cast {
  /** The paths of those that are in no group. */
  readonly top: readonly string[];
  /** A task that does what the one of a path did. */
  task(path: string): SimpleTask;
  /** A runnable that is put together as that of a path was. */
  rebuild(path: string): Runnable;
}

export function castOf(recording: Recording): Cast {
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
    if (!events) throw new RangeError(invalid('path', `one of ${paths.map((one) => `\`${one}\``).join(', ')}`, path));
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
        : events.some(({ type }) => type === 'slot-started')
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
