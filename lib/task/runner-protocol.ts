import type { MemberRole } from './composite.js';
import type { RunnerView } from './runner.js';

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
