import { Subscription } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { append, notifyAll, type LinkedList, type ListNode } from '../util/linked-list.js';
import type { ChildContext } from './child.js';
import { startCustomRunner } from './custom-runner.js';
import { LaunchSubscriber } from './launch-subscriber.js';
import { Runner, type RunnerView } from './runner.js';
import type { Outcome, TaskRunner } from './types.js';

/** Tells a runner that nobody waits for its run any longer, so that nothing late is delivered, and says how far it got. */
export function abandonRunner(runner: TaskRunner): Outcome {
  return runner instanceof Runner ? runner.abandon() : { task: runner.toString(), runner, status: 'timed-out' };
}

export function inspectRunner(runner: TaskRunner): RunnerView {
  return runner instanceof Runner ? runner.inspect() : {};
}

/** How a runner has ended that was never started, under its name or a member's path. */
export function notStartedOutcome(runner: TaskRunner, task: string = runner.toString()): Outcome {
  return { task, runner, status: 'not-started' };
}

/** Has a link told a runner's outcome, by the rules of `done$`, without the weight of an Observable. */
export function onDone(runner: TaskRunner, link: ListNode): void {
  if (runner instanceof Runner) return runner.onDone(link);
  const subscription = new Subscription();
  const chain: LinkedList = { first: undefined, last: undefined, onEmpty: () => subscription.unsubscribe() };
  append(chain, link);
  subscription.add(runner.done$.subscribe((outcome) => notifyAll(chain, outcome)));
}

/** Starts a runner for nobody who would look at its values: a failure is written with `console.error`. */
export function startDetached(runner: TaskRunner, ctx: Context | AbortSignal, cancel: CancelFunc): Subscription {
  const launched = new LaunchSubscriber();
  if (runner instanceof Runner) runner.launch(launched, toContext(ctx), cancel);
  else runner.start(ctx, cancel).subscribe(launched);
  return launched;
}

/** Starts a runner as part of something. */
export function startChild<T>(runner: TaskRunner<T>, member: ChildContext<T>, cancel: CancelFunc): void {
  if (runner instanceof Runner) (runner as Runner<T>).startChild(member, cancel);
  else startCustomRunner(runner, member, cancel);
}
