import type { ApplicationInfo } from '../../app/application-info.js';
import { toRecordedError } from '../../recording/to-recorded.js';
import type { RecordedError } from '../../recording/types.js';
import { snapshot, type Snapshot } from '../../task/snapshot.js';
import type { SlotHistory, SlotOutcome } from '../../task/types.js';

/** A `SlotHistory` in JSON. */
export interface SlotHistoryState extends Omit<SlotHistory, 'last'> {
  readonly last?: Omit<SlotOutcome, 'error'> & { readonly error?: RecordedError };
}

/** A `Snapshot` in JSON, with the path of its task. */
export interface TaskState extends Omit<Snapshot, 'lastError' | 'history' | 'members'> {
  readonly task: string;
  readonly lastError?: RecordedError;
  readonly history?: SlotHistoryState;
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
  readonly tasks: readonly TaskState[];
}

export function stateOf(application: ApplicationInfo, boot: string, now: number, hasFleet: boolean): AppState {
  const { runners, ready, notReady } = application;
  return {
    boot,
    now,
    ready,
    ...(!ready && { waitingFor: notReady.map(({ path }) => path) }),
    ...(hasFleet && { fleet: true }),
    tasks: runners.map((runner) => taskState(snapshot(runner))),
  };
}

function taskState({ lastError, history, members, ...rest }: Snapshot, parent?: string): TaskState {
  const task = parent === undefined ? rest.name : `${parent}/${rest.name}`;
  return {
    task,
    ...rest,
    ...(lastError && { lastError: toRecordedError(lastError) }),
    ...(history && { history: historyState(history) }),
    ...(members && { members: members.map((member) => taskState(member, task)) }),
  };
}

function historyState({ last, ...counts }: SlotHistory): SlotHistoryState {
  if (!last) return counts;
  const { error, ...run } = last;
  return { ...counts, last: { ...run, ...(error && { error: toRecordedError(error) }) } };
}
