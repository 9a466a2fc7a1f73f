import type { ApplicationInfo } from '../app/application-info.js';
import { recordedError, type RecordedError } from '../recording/recorded.js';
import { snapshot, type Snapshot } from '../task/snapshot.js';

/** A `Snapshot` as JSON holds it, with its path. */
export interface TaskState extends Omit<Snapshot, 'lastError' | 'members'> {
  readonly task: string;
  readonly lastError?: RecordedError;
  readonly members?: readonly TaskState[];
}

/** What an application is doing, as `/snapshot` tells it. */
export interface AppState {
  /** Tells this run of the application from others. */
  readonly boot: string;
  /** By the application's clock, in ms. */
  readonly now: number;
  readonly ready: boolean;
  /** Present when there is a fleet, of which `/fleet` tells. */
  readonly fleet?: true;
  readonly tasks: readonly TaskState[];
}

export function stateOf({ runners, ready }: ApplicationInfo, boot: string, now: number, fleet: boolean): AppState {
  return {
    boot,
    now,
    ready,
    ...(fleet && { fleet }),
    tasks: runners.map((runner) => taskState(snapshot(runner))),
  };
}

function taskState({ lastError, members, ...rest }: Snapshot, above?: string): TaskState {
  const task = above === undefined ? rest.name : `${above}/${rest.name}`;
  return {
    task,
    ...rest,
    ...(lastError && { lastError: recordedError(lastError) }),
    ...(members && { members: members.map((member) => taskState(member, task)) }),
  };
}
