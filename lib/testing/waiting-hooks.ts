import { AsyncLocalStorage } from 'node:async_hooks';
import type { Instrumentation } from '../app/types.js';
import { notReadyTasks } from '../app/not-ready-tasks.js';
import type { Phase } from '../errors/errors.js';
import type { TaskRunner } from '../task/types.js';
import { controlPromises } from '../util/settle-on.js';
import type { VirtualClock } from './virtual-clock.js';

/** A hook of a task. */
export interface TaskHook {
  readonly task: string;
  readonly hook: Phase;
}

interface CalledHook extends TaskHook {
  isScript: boolean;
}

/** The hook that has caused what runs now. */
const currentHook = new AsyncLocalStorage<CalledHook>();

/** Marks the hook that is being called as that of a script, which waits for nothing real. */
export function markAsScript(): void {
  const called = currentHook.getStore();
  if (called) called.isScript = true;
}

/** The hooks of a scenario that wait for a promise, or that keep a task from being ready. */
export class WaitingHooks {
  readonly instrumentation: Instrumentation = {
    wrapHook: (run, phase, hook) => {
      const called = { task: run.task, hook: phase, isScript: false };
      currentHook.run(called, hook);
      if (called.isScript) this.scripts.add(run.task);
    },
  };
  private readonly scripts = new Set<string>();
  private readonly pending = new Set<TaskHook>();
  private readonly resourcesBefore = countResources();

  constructor(clock: VirtualClock) {
    controlPromises(clock, (promise) => {
      const hook = currentHook.getStore();
      if (!hook) return promise;
      // Converted first, because a call of `then` may have an effect, as that of a query builder.
      const converted = Promise.resolve(promise);
      const remove = () => this.pending.delete(hook);
      this.pending.add(hook);
      converted.then(remove, remove);
      return converted;
    });
  }

  /** Returns the hooks that wait now. An Observable that `execute` has returned may be meant to last. */
  list(runners: readonly TaskRunner[]): readonly TaskHook[] {
    const tasks = new Set(Array.from(this.pending, ({ task }) => task));
    const initializing = runners
      .flatMap((runner) => notReadyTasks(runner, runner.toString()))
      .filter(({ path, status }) => status === 'initializing' && !tasks.has(path) && !this.scripts.has(path));
    return [...this.pending, ...initializing.map(({ path }): TaskHook => ({ task: path, hook: 'initialize' }))];
  }

  isPending(hook: TaskHook): boolean {
    return this.pending.has(hook);
  }

  /** Returns the types of the resources that have been added since the start, such as sockets. */
  newResources(): string[] {
    return [...countResources()]
      .filter(([type, count]) => count > (this.resourcesBefore.get(type) ?? 0))
      .map(([type]) => type);
  }
}

/** Types of which the test runner, too, makes new ones at any time. */
const ofTestRunner = ['Timeout', 'Immediate'];

/** Returns the numbers of the resources that keep the process alive, by type. */
function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo())
    if (!ofTestRunner.includes(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
