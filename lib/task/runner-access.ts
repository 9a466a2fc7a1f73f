import type { Subscription } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { captureAsyncContext } from '../util/async-context.js';
import { ForeignSubscription } from '../util/foreign-subscription.js';
import { append, notifyAll, type LinkedList, type ListNode } from '../util/linked-list.js';
import { logError } from '../util/log-error.js';
import type { ChildContext } from './child.js';
import type { MemberRole } from './composite.js';
import { startCustomRunner } from './custom-runner.js';
import { foreignRole, foreignView } from './foreign-view.js';
import { LaunchSubscriber } from './launch-subscriber.js';
import { abandonedOutcome, Runner } from './runner.js';
import type { RunnerView } from './runner-protocol.js';
import type { Outcome, TaskRunner } from './types.js';

/**
 * Stops waiting for a runner's run, and for everything that it is made of, so that their later results are dropped.
 * Returns the outcome at this time.
 */
export function abandonRunner(runner: TaskRunner): Outcome {
  // Loops, because runners may be nested deeper than the call stack. The innermost are abandoned first.
  const runners = [runner];
  for (const each of runners)
    if (each instanceof Runner) for (const child of each.runningChildren()) runners.push(child);
  for (const each of runners.slice(1).reverse()) abandonedOutcome(each);
  const outcome = abandonedOutcome(runner);
  if (runner instanceof Runner) runner.reportAbandoned(outcome);
  return outcome;
}

/** Returns a runner's state beyond its public members. A custom runner has none. */
export function inspectRunner(runner: TaskRunner): RunnerView {
  return runner instanceof Runner ? runner.inspect() : foreignView(runner);
}

/** Returns what a runner is to its group or application, if it is not a mere member. */
export function roleOf(runner: TaskRunner): MemberRole | undefined {
  return runner instanceof Runner ? runner.role : foreignRole(runner);
}

/** Returns the outcome of a runner that was never started, under its name or a child's path. */
export function notStartedOutcome(runner: TaskRunner, task: string = runner.toString()): Outcome {
  return { task, runner, status: 'not-started' };
}

/** Notifies a node of a runner's outcome, as `done$` does. For our own runners it needs no Observable. */
export function onDone(runner: TaskRunner, node: ListNode): void {
  if (runner instanceof Runner) return runner.onDone(node);
  const list: LinkedList = { first: undefined, last: undefined, onEmpty: () => subscription.unsubscribe() };
  const subscription = new ForeignSubscription<Outcome>(
    {
      next: (outcome) => notifyAll(list, outcome),
      error: logError,
      complete: () => undefined,
      teardownFailed: logError,
    },
    captureAsyncContext(),
  );
  append(list, node);
  subscription.subscribeTo(() => runner.done$);
}

/** Starts a runner whose values are ignored. A failure is written with `console.error`. */
export function startDetached(runner: TaskRunner, ctx: Context | AbortSignal, cancel: CancelFunc): Subscription {
  const subscriber = new LaunchSubscriber();
  if (runner instanceof Runner) runner.launch(subscriber, toContext(ctx), cancel);
  // A subclass of Observable may override `subscribe`, and return a subscription of its own.
  else subscriber.add(runner.start(ctx, cancel).subscribe(subscriber));
  return subscriber;
}

/** Starts a runner as a child of another run or of an application. */
export function startChild<T>(runner: TaskRunner<T>, child: ChildContext<T>, cancel: CancelFunc): void {
  if (runner instanceof Runner) (runner as Runner<T>).startChild(child, cancel);
  else startCustomRunner(runner, child, cancel);
}
