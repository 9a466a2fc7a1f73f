import { concat, defer, EMPTY, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { untilCancelled } from '../context/context.js';
import type { Context, RunContext } from '../context/types.js';
import type { Phase } from '../errors/errors.js';
import { after } from '../util/timer.js';
import type { SimpleTask } from '../task/types.js';
import type { HookScript, TaskScript } from './task-script.js';
import { markAsScript } from './waiting-hooks.js';

/** Options of a script with marbles. */
export interface ScriptOptions<T> {
  /** Values of letters and digits. Default: a letter or digit stands for itself. */
  values?: Readonly<Record<string, T>> | undefined;
  /** Error that `#` fails with. Default: an error that names the task and the hook. */
  error?: unknown;
}

/** Creates a task that follows one script in each run, and the last of them in all further runs. */
export function scriptedTask(
  name: string,
  scripts: readonly TaskScript[],
  options: ScriptOptions<unknown> = {},
): SimpleTask {
  const { values = {} } = options;
  let script: TaskScript = endlessRun;
  let runCount = 0;
  let executed = false;
  let scheduler: SchedulerLike;
  const beginRun = (ctx: Context) => {
    script = scripts[Math.min(runCount++, scripts.length - 1)] ?? endlessRun;
    executed = false;
    ({ scheduler } = ctx);
  };
  const valueOf = (mark: string) => (Object.hasOwn(values, mark) ? values[mark] : mark);
  const play = (hook: HookScript, phase: Phase) => {
    markAsScript();
    return new Observable<unknown>((subscriber) => {
      const error = 'error' in options ? options.error : new Error(`${name} was to fail in ${phase}`);
      playHook(hook, scheduler, subscriber, valueOf, error);
    });
  };
  const respondingToCancel = (hook: HookScript, ctx: Context, phase: Phase) => {
    if (!outlivesCancel) return play(hook, phase);
    const afterCancel = defer(() => (ctx.cancelled ? play(hook.afterCancel ?? endsAtOnce, phase) : EMPTY));
    return concat(play(hook, phase).pipe(untilCancelled(ctx)), afterCancel);
  };
  const has = (hook: 'initialize' | 'finalize') => scripts.some((each) => each[hook]);
  const outlivesCancel = scripts.some(({ initialize, execute }) => initialize?.afterCancel ?? execute.afterCancel);
  return {
    toString: () => name,
    ...(has('initialize') && {
      initialize(ctx: RunContext) {
        beginRun(ctx);
        return respondingToCancel(script.initialize ?? endsAtOnce, ctx, 'initialize');
      },
    }),
    execute(ctx) {
      if (!has('initialize') || executed) beginRun(ctx);
      executed = true;
      return respondingToCancel(script.execute, ctx, 'execute');
    },
    ...(has('finalize') && { finalize: () => play(script.finalize ?? endsAtOnce, 'finalize') }),
    ...(outlivesCancel && { grace: Infinity }),
  };
}

const endsAtOnce: HookScript = { values: [], endsAt: 0, fails: false };
const endlessRun: TaskScript = { execute: { values: [], endsAt: Infinity, fails: false } };

/** Emits the values of a hook and then its end, each at its time. */
function playHook(
  hook: HookScript,
  scheduler: SchedulerLike,
  subscriber: Subscriber<unknown>,
  valueOf: (mark: string) => unknown,
  error: unknown,
): void {
  const { values, endsAt, fails } = hook;
  let emitted = 0;
  const emitDue = (now: number) => {
    for (let next = values[emitted]; next && next.at <= now; next = values[emitted]) {
      emitted++;
      subscriber.next(valueOf(next.mark));
    }
    const next = values[emitted]?.at ?? endsAt;
    if (next > now) subscriber.add(after(scheduler, next - now, () => emitDue(next)));
    else if (fails) subscriber.error(error);
    else subscriber.complete();
  };
  emitDue(0);
}
