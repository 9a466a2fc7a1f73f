import type { TaskError } from '../errors/errors.js';
import { invalid } from '../util/validate.js';
import type { TaskHistory } from './composite.js';
import { inspectRunner } from './runner-access.js';
import { isTaskRunner } from './runner.js';
import type { RunnerView } from './runner-protocol.js';
import type { SlotHistory, TaskRunner } from './types.js';

/** The current state of a task and of its members. */
export interface Snapshot {
  readonly name: string;
  readonly status: TaskRunner['status'];
  /** The number of restarts of a supervised task since its supervised run began. */
  readonly restarts: number;
  /** The last error: of the failed run, of the last restart, or of the last failed slot of a cron. */
  readonly lastError?: TaskError;
  /**
   * The time of the last change of the status, in ms; `undefined` before the first start. For a task that is neither in
   * a group nor in an application: the time at which its run began or ended.
   */
  readonly since?: number;
  /** The next slot of a cron, in ms. */
  readonly nextAt?: number;
  /** Whether a cron is paused. */
  readonly paused?: boolean;
  /** The number of a cron's slots that are running. */
  readonly running?: number;
  /** The runs and slots of a cron so far. */
  readonly history?: SlotHistory;
  /** The number of runs that this entry stands for, if there are several: children of one name share an entry. */
  readonly count?: number;
  /**
   * The members of a group, in their order. Then, of any task, the running children of the current run: one entry for
   * each name, with the state of the child that was started last.
   */
  readonly members?: readonly Snapshot[];
  /** The number of runs that were started under the context of the current or last run, and of those that failed. */
  readonly children?: { readonly started: number; readonly failed: number };
}

/**
 * Returns the current state of a runner and of everything it is made of.
 *
 * @throws TypeError when it is not a runner.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { ordered, snapshot, supervise, task } from 'rxjs-tasks';
 *
 * const db = task('db', { initialize: () => NEVER, execute: () => NEVER });
 * const app = ordered('app', db, supervise(task('worker', () => NEVER)));
 * app.start().subscribe();
 * const { members = [] } = snapshot(app);
 * console.log(members.map(({ name, status }) => `${name} ${status}`)); // → [ 'db initializing', 'worker idle' ]
 * ```
 */
export function snapshot(runner: TaskRunner): Snapshot {
  if (!isTaskRunner(runner)) throw new TypeError(invalid('runner', 'a TaskRunner', runner));
  // Loops, because runners may be nested deeper than the call stack.
  const root = new Entry(runner);
  const entries = [root];
  for (const entry of entries) for (const member of entry.addMembers()) entries.push(member);
  for (const entry of entries.reverse()) entry.describe();
  return root.snapshot;
}

/** One entry of a snapshot, described after its members. */
class Entry {
  snapshot!: Snapshot;
  private readonly runner: TaskRunner;
  private readonly name: string;
  private readonly view: RunnerView;
  private readonly members: Entry[] = [];
  private readonly count: number;

  constructor(runner: TaskRunner, name: string = runner.toString(), count = 1) {
    this.runner = runner;
    this.name = name;
    this.count = count;
    this.view = inspectRunner(runner);
  }

  addMembers(): readonly Entry[] {
    const { members = [], memberName, children = [] } = this.view;
    const lastOfName = new Map<string, TaskRunner>();
    const counts = new Map<string, number>();
    for (const child of children) {
      const name = child.toString();
      lastOfName.set(name, child);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const member of members) this.members.push(new Entry(member, memberName?.(member)));
    for (const [name, child] of lastOfName) this.members.push(new Entry(child, name, counts.get(name)));
    return this.members;
  }

  describe(): void {
    const { runner, name, view, count } = this;
    const { transparent, history, outcome, since } = view;
    const snapshots = this.members.map((member) => member.snapshot);
    const inner = transparent ? snapshots[0] : undefined;
    const members = inner ? inner.members : view.members || snapshots.length > 0 ? snapshots : undefined;
    const children = view.childCounts ?? inner?.children;
    const nextAt = history?.nextAt ?? inner?.nextAt;
    const lastError = outcome?.error ?? history?.lastError ?? inner?.lastError;
    const { paused, running, slots } = history?.slots ? history : inner ? ofCron(inner) : {};
    this.snapshot = {
      name,
      status: runner.status,
      restarts: (history?.restarts ?? 0) + (inner?.restarts ?? 0),
      ...(lastError && { lastError }),
      ...(since !== undefined && { since }),
      ...(nextAt !== undefined && { nextAt }),
      ...(slots && { paused: paused ?? false, running: running ?? 0, history: slots }),
      ...(count > 1 && { count }),
      ...(members && { members }),
      ...(children && { children }),
    };
  }
}

/** Returns the facts on a cron, which a transparent task shows as its own. */
function ofCron({ paused, running, history }: Snapshot): Pick<TaskHistory, 'paused' | 'running' | 'slots'> {
  return { ...(history && { slots: history, paused, running }) };
}
