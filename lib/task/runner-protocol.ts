import type { CompositeTask, MemberRole } from './composite.js';
import type { Outcome, TaskRunner } from './types.js';

/** The state of a runner beyond its public members. Other copies of this package read it. */
export interface RunnerView extends Pick<CompositeTask<unknown>, 'members' | 'memberName' | 'transparent' | 'history'> {
  /** The runners that were started under the context of the current run, and have not ended. */
  readonly children?: readonly TaskRunner[];
  /** The numbers of the runs that were started under the context of the current or last run. */
  readonly childCounts?: Outcome['children'];
  readonly outcome?: Outcome;
  readonly since?: number;
  /** Whether the current run was cancelled, or has ended its work. */
  readonly stopping?: boolean;
}

/** The part of a runner that several copies of this package read of each other's runners. */
export interface ReadableRunner {
  /** The role of the runner in its group or application, if it is not a mere member. */
  readonly role: MemberRole | undefined;
  /** Returns the runner's state beyond its public members. */
  inspect(): RunnerView;
}

// Registered, so that all copies have the same symbols. The number is the version of what the methods return: a copy
// does not read another version.
export const readRole: unique symbol = Symbol.for('rxjs-tasks.role.1');
export const readView: unique symbol = Symbol.for('rxjs-tasks.inspect.1');

/** Lets other copies of this package read the runners with this prototype. */
export function makeReadable(prototype: ReadableRunner): void {
  Object.defineProperties(prototype, {
    [readRole]: {
      value(this: ReadableRunner): unknown {
        return this.role;
      },
    },
    [readView]: {
      value(this: ReadableRunner): unknown {
        return this.inspect();
      },
    },
  });
}
