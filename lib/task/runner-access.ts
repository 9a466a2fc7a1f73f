import { Subscription } from 'rxjs';
import { toScope } from '../context/abort-signal-context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { join, tellAll, type Chain, type Link } from '../util/linked-list.js';
import type { Member } from './child.js';
import { startForeign } from './custom-runner.js';
import { Launched } from './launch-subscriber.js';
import { Runner, type Sight } from './runner.js';
import type { Outcome, TaskRunner } from './types.js';

/** Tells a runner that nobody waits for its run any longer, so that nothing late is delivered, and says how far it got. */
export function giveUp(runner: TaskRunner): Outcome {
  return runner instanceof Runner ? runner.giveUp() : { task: runner.toString(), runner, status: 'timed-out' };
}

export function look(runner: TaskRunner): Sight {
  return runner instanceof Runner ? runner.look() : {};
}

/** How a runner has ended that was never started, under its name or a member's path. */
export function notStarted(runner: TaskRunner, task: string = runner.toString()): Outcome {
  return { task, runner, status: 'not-started' };
}

/** Has a link told a runner's outcome, by the rules of `done$`, without the weight of an Observable. */
export function whenDone(runner: TaskRunner, link: Link): void {
  if (runner instanceof Runner) return runner.whenDone(link);
  const subscription = new Subscription();
  const chain: Chain = { first: undefined, last: undefined, emptied: () => subscription.unsubscribe() };
  join(chain, link);
  subscription.add(runner.done$.subscribe((outcome) => tellAll(chain, outcome)));
}

/** Starts a runner for nobody who would look at its values: a failure is written with `console.error`. */
export function startAlone(runner: TaskRunner, ctx: Context | AbortSignal, cancel: CancelFunc): Subscription {
  const launched = new Launched();
  if (runner instanceof Runner) runner.launch(launched, toScope(ctx), cancel);
  else runner.start(ctx, cancel).subscribe(launched);
  return launched;
}

/** Starts a runner as part of something. */
export function startMember<T>(runner: TaskRunner<T>, member: Member<T>, cancel: CancelFunc): void {
  if (runner instanceof Runner) (runner as Runner<T>).startMember(member, cancel);
  else startForeign(runner, member, cancel);
}
