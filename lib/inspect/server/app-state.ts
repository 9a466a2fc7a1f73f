import type { ApplicationInfo } from '../../app/application-info.js';
import { toRecordedError } from '../../recording/to-recorded.js';
import type { RecordedError } from '../../recording/types.js';
import { snapshot, type Snapshot } from '../../task/snapshot.js';

/** A `Snapshot` in JSON, with the path of its task. */
export interface TaskState extends Omit<Snapshot, 'lastError' | 'members'> {
  readonly task: string;
  readonly lastError?: RecordedError;
  readonly members?: readonly TaskState[];
}

/** The state of an application, as in `/snapshot`. */
export interface AppState {
  /** Distinguishes the runs of an application. */
  readonly boot: string;
  /** The time of the application's clock, in ms. */
  readonly now: number;
  readonly ready: boolean;
  /** Present if `/fleet` has the state of a fleet. */
  readonly fleet?: true;
  readonly tasks: readonly TaskState[];
}

export function stateOf({ runners, ready }: ApplicationInfo, boot: string, now: number, hasFleet: boolean): AppState {
  return {
    boot,
    now,
    ready,
    ...(hasFleet && { fleet: true }),
    tasks: runners.map((runner) => taskState(snapshot(runner))),
  };
}

function taskState({ lastError, members, ...rest }: Snapshot, parent?: string): TaskState {
  const task = parent === undefined ? rest.name : `${parent}/${rest.name}`;
  return {
    task,
    ...rest,
    ...(lastError && { lastError: toRecordedError(lastError) }),
    ...(members && { members: members.map((member) => taskState(member, task)) }),
  };
}
