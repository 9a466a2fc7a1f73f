import { concat, defer, EMPTY, Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { untilCancelled } from '../context/context.js';
import type { Context, RunContext } from '../context/types.js';
import type { Phase } from '../errors/errors.js';
import { after } from '../util/timer.js';
import type { SimpleTask } from '../task/types.js';
import type { Life, Part } from './life.js';

/** What the marbles of a script stand for. */
export interface ScriptOptions<T> {
  /** The values of the letters and digits; what is not among them stands for itself. */
  values?: Readonly<Record<string, T>>;
  /** What `#` fails with; an error that names the task unless said. */
  error?: unknown;
}

/** A task of so many lives. */
export function enact(name: string, lives: readonly Life[], options: ScriptOptions<unknown> = {}): SimpleTask {
  const { values = {} } = options;
  let life: Life = never;
  let begun = 0;
  let executed = false;
  let scheduler: SchedulerLike;
  const begin = (ctx: Context) => {
    life = lives[Math.min(begun++, lives.length - 1)] ?? never;
    executed = false;
    ({ scheduler } = ctx);
  };
  const play = (part: Part, hook: Phase) =>
    new Observable<unknown>((subscriber) =>
      perform(
        part,
        scheduler,
        subscriber,
        (mark) => (Object.hasOwn(values, mark) ? values[mark] : mark),
        'error' in options ? options.error : new Error(`${name} was to fail in ${hook}`),
      ),
    );
  const obeying = (part: Part, ctx: Context, hook: Phase) => {
    if (!stubborn) return play(part, hook);
    const stops = defer(() => (ctx.cancelled ? play(part.cancelled ?? atOnce, hook) : EMPTY));
    return concat(play(part, hook).pipe(untilCancelled(ctx)), stops);
  };
  const has = (hook: 'initialize' | 'finalize') => lives.some((one) => one[hook]);
  const stubborn = lives.some(({ initialize, execute }) => [initialize, execute].some((part) => part?.cancelled));
  return {
    toString: () => name,
    ...(has('initialize') && {
      initialize(ctx: RunContext) {
        begin(ctx);
        return obeying(life.initialize ?? atOnce, ctx, 'initialize');
      },
    }),
    execute(ctx) {
      if (!has('initialize') || executed) begin(ctx);
      executed = true;
      return obeying(life.execute, ctx, 'execute');
    },
    ...(has('finalize') && { finalize: () => play(life.finalize ?? atOnce, 'finalize') }),
    ...(stubborn && { grace: Infinity }),
  };
}

const atOnce: Part = { values: [], ends: 0, fails: false };
const never: Life = { execute: { values: [], ends: Infinity, fails: false } };

/** Does what a part shows, by a clock. */
function perform(
  part: Part,
  scheduler: SchedulerLike,
  subscriber: Subscriber<unknown>,
  valueOf: (mark: string) => unknown,
  error: unknown,
): void {
  const { values, ends, fails } = part;
  let done = 0;
  const goOn = (now: number) => {
    for (let next = values[done]; next && next.at <= now; next = values[done]) {
      done++;
      subscriber.next(valueOf(next.mark));
    }
    const next = values[done]?.at ?? ends;
    if (next > now) subscriber.add(after(scheduler, next - now, () => goOn(next)));
    else if (fails) subscriber.error(error);
    else subscriber.complete();
  };
  goOn(0);
}
