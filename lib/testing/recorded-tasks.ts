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
  /** Creates a task that does what the recording shows. Its name is the last part of the path. */
  create(path: string): SimpleTask;
}

export function recordedTasks({ events, from }: Recording): RecordedTasks {
  const eventsByPath = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    if (event.task === undefined) continue;
    const own = eventsByPath.get(event.task);
    if (own) own.push(event);
    else eventsByPath.set(event.task, [event]);
  }
  const paths = [...eventsByPath.keys()];
  // A slash may be part of a name, so only a path with events of its own is a group.
  const groupOf = (path: string) => pathsAbove(path).find((other) => eventsByPath.has(other));
  const nameOf = (path: string) => path.slice((groupOf(path)?.length ?? -1) + 1);
  const outcomes = events
    .flatMap(({ outcome, outcomes = [] }) => (outcome ? [outcome] : outcomes))
    .flatMap(allOutcomes);
  const parents = new Set(outcomes.flatMap(({ task, children }) => (children ? [task] : [])));
  const groups = new Set(outcomes.flatMap(({ task, children }) => (children ? [] : [task])));
  const isReady = (path: string) => eventsByPath.get(path)?.some(({ type }) => type === 'ready') === true;
  const indexOfFirst = (path: string, type?: RecordedEvent['type']) =>
    events.findIndex((event) => event.task === path && event.type === (type ?? event.type));
  // Without the outcome of a task that still runs: a group is ready when its members have started.
  const startsChild = (path: string, child: string) =>
    parents.has(path) || (!groups.has(path) && indexOfFirst(path, 'ready') < indexOfFirst(child) && isReady(path));
  const isChild = (path: string): boolean => {
    const group = groupOf(path);
    return group !== undefined && (startsChild(group, path) || isChild(group));
  };
  const timedOut = new Set(
    events.flatMap(({ outcomes = [] }) => outcomes.flatMap(unfinishedTasks).map(({ task }) => task)),
  );
  return {
    isChild,
    create(path) {
      const own = eventsByPath.get(path);
      if (!own) {
        const known = paths.map((each) => `\`${printableName(each)}\``).join(', ');
        throw new RangeError(invalid('path', `one of ${printable(known)}`, path));
      }
      return scriptedTask(nameOf(path), scriptsOf(own, from, timedOut.has(path)));
    },
  };
}

function allOutcomes(outcome: RecordedOutcome): RecordedOutcome[] {
  return [outcome, ...(outcome.members ?? []).flatMap(allOutcomes)];
}
