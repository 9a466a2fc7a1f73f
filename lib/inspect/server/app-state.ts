import type { ApplicationInfo } from '../../app/application-info.js';
import type { TaskError } from '../../errors/errors.js';
import { toRecordedError } from '../../recording/to-recorded.js';
import type { RecordedError } from '../../recording/types.js';
import { snapshot, type Snapshot } from '../../task/snapshot.js';
import type { SlotHistory, SlotOutcome } from '../../task/types.js';
import type { InspectorAction } from './action-request.js';
import type { JobMessages } from './job-messages.js';
import { currentActionsByPath, type TaskAction } from './task-actions.js';

/** A `SlotHistory` in JSON. */
export interface SlotHistoryState extends Omit<SlotHistory, 'last'> {
  readonly last?: Omit<SlotOutcome, 'error'> & { readonly error?: RecordedError };
}

/** A `Snapshot` in JSON, with the path of its task. */
export interface TaskState extends Omit<Snapshot, 'lastError' | 'history' | 'members'> {
  readonly task: string;
  readonly lastError?: RecordedError;
  readonly history?: SlotHistoryState;
  /** The actions that make sense now, if the inspector has actions. */
  readonly actions?: readonly TaskAction[];
  readonly members?: readonly TaskState[];
}

/** The state of an application, as in `/snapshot`. */
export interface AppState {
  /** Distinguishes the runs of an application. */
  readonly boot: string;
  /** The time of the application's clock, in ms. */
  readonly now: number;
  readonly ready: boolean;
  /** The paths of the tasks that the application waits for to be ready, if it is not. */
  readonly waitingFor?: readonly string[];
  /** Present if `/fleet` has the state of a fleet. */
  readonly fleet?: true;
  /** The actions that the inspector performs, if it does. */
  readonly actions?: readonly InspectorAction[];
  readonly tasks: readonly TaskState[];
}

/** The parts of an inspector that its state shows. */
export interface StateParts {
  readonly boot: string;
  readonly hasFleet: boolean;
  readonly actions: readonly InspectorAction[] | undefined;
  /** Hides the messages of errors; `undefined` if all are shown. */
  readonly jobMessages: JobMessages | undefined;
}

/** Converts an error of the task at a path. */
type ToRecordedError = (error: TaskError, path: string) => RecordedError;

export function stateOf(application: ApplicationInfo, now: number, parts: StateParts): AppState {
  const { boot, hasFleet, actions, jobMessages } = parts;
  const { runners, ready, notReady } = application;
  const actionsByPath = actions && currentActionsByPath(runners);
  const toError: ToRecordedError = (error, path) =>
    jobMessages ? jobMessages.hideError(jobMessages.toRecordedError(error), path) : toRecordedError(error);
  return {
    boot,
    now,
    ready,
    ...(!ready && { waitingFor: notReady.map(({ path }) => path) }),
    ...(hasFleet && { fleet: true }),
    ...(actions && { actions }),
    tasks: runners.map((runner) => taskState(snapshot(runner), undefined, actionsByPath, toError)),
  };
}

function taskState(
  { lastError, history, members, ...rest }: Snapshot,
  parent: string | undefined,
  actionsByPath: ReadonlyMap<string, readonly TaskAction[]> | undefined,
  toError: ToRecordedError,
): TaskState {
  const task = parent === undefined ? rest.name : `${parent}/${rest.name}`;
  const actions = actionsByPath?.get(task) ?? [];
  return {
    task,
    ...rest,
    ...(lastError && { lastError: toError(lastError, task) }),
    ...(history && { history: historyState(history, task, toError) }),
    ...(actions.length > 0 && { actions }),
    ...(members && { members: members.map((member) => taskState(member, task, actionsByPath, toError)) }),
  };
}

function historyState({ last, ...counts }: SlotHistory, task: string, toError: ToRecordedError): SlotHistoryState {
  if (!last) return counts;
  const { error, ...run } = last;
  return { ...counts, last: { ...run, ...(error && { error: toError(error, task) }) } };
}
