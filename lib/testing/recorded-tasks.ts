import type { RecordedEvent, RecordedOutcome, Recording } from '../recording/types.js';
import type { SimpleTask } from '../task/types.js';
import { pathsAbove } from '../util/paths-above.js';
import { printable, printableName } from '../util/printable.js';
import { invalid } from '../util/validate.js';
import { scriptedTask } from './scripted-task.js';
import { scriptsOf } from './scripts-from-recording.js';
import { unfinishedTasks } from '../app/unfinished-tasks.js';

/** Tasks of a recording, by path. */
export interface RecordedTasks {
  /** Whether a path is that of a run that another task has started, or of a part of such a run. */
  isChild(path: string): boolean;
  /**
   * Returns a function that creates a task that does what the recording shows. Its name is the last part of the path.
   * If a dynamic group had several members in turn under this path, each call creates the next of them.
   */
  creator(): (path: string) => SimpleTask;
}

export function recordedTasks({ events, from }: Recording): RecordedTasks {
  const paths = new Set(events.flatMap(({ task }) => (task === undefined ? [] : [task])));
  const outcomes = events
    .flatMap(({ outcome, outcomes = [] }) => (outcome ? [outcome] : outcomes))
    .flatMap(allOutcomes);
  const pathsOf = (are: (outcome: RecordedOutcome) => unknown) => new Set(outcomes.filter(are).map(({ task }) => task));
  const ended = pathsOf(() => true);
  const parents = pathsOf(({ children }) => children);
  const composites = pathsOf(({ children, members }) => children ?? members);
  const added = new Set(events.flatMap(({ type, task, key }) => (type === 'added' ? [`${task}/${key}`] : [])));
  // A member of a dynamic group may become a group when it is replaced.
  const mayHaveParts = (path: string) =>
    paths.has(path) && (composites.has(path) || added.has(path) || !ended.has(path));
  // A slash may be part of a name, so a path above this one may be of no group.
  const groupOf = (path: string) => pathsAbove(path).find(mayHaveParts);
  const nameOf = (path: string) => path.slice((groupOf(path)?.length ?? -1) + 1);
  const isReadyBefore = (path: string, other: string) =>
    events.find(({ type, task }) => task === other || (task === path && type === 'ready'))?.task === path;
  // Without the outcome of a task that still runs: a group is ready when its members have started.
  const startsChild = (path: string, child: string) =>
    !added.has(child) && (parents.has(path) || (!ended.has(path) && isReadyBefore(path, child)));
  const isChild = (path: string): boolean => {
    const group = groupOf(path);
    return group !== undefined && (startsChild(group, path) || isChild(group));
  };
  const timedOut = new Set(
    events.flatMap(({ outcomes = [] }) => outcomes.flatMap(unfinishedTasks).map(({ task }) => task)),
  );
  return {
    isChild,
    creator() {
      const counts = new Map<string, number>();
      return (path) => {
        if (!paths.has(path)) {
          const known = Array.from(paths, (each) => `\`${printableName(each)}\``).join(', ');
          throw new RangeError(invalid('path', `one of ${printable(known)}`, path));
        }
        const count = counts.get(path) ?? 0;
        counts.set(path, count + 1);
        const members = eventsOfMembers(events, path);
        const last = members.length - 1;
        const own = members[Math.min(count, last)] ?? [];
        return scriptedTask(nameOf(path), scriptsOf(own, from, count >= last && timedOut.has(path)));
      };
    },
  };
}

/** Returns the events of a path: for each of the members that a dynamic group had in turn under it, or above it. */
function eventsOfMembers(events: readonly RecordedEvent[], path: string): RecordedEvent[][] {
  const members: RecordedEvent[][] = [];
  let current: RecordedEvent[] | undefined;
  for (const event of events) {
    if (event.type === 'added' && `${path}/`.startsWith(`${event.task}/${event.key}/`)) current = undefined;
    if (event.task !== path) continue;
    if (!current) members.push((current = []));
    current.push(event);
  }
  return members;
}

function allOutcomes(outcome: RecordedOutcome): RecordedOutcome[] {
  return [outcome, ...(outcome.members ?? []).flatMap(allOutcomes)];
}
