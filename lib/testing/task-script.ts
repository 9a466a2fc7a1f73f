import type { Marble } from './marbles.js';

/** Script of one call of a hook. Times are in ms from the call. */
export interface HookScript {
  readonly values: readonly Marble[];
  /** Time at which the hook ends. `Infinity` for a hook that runs until it is cancelled. */
  readonly endsAt: number;
  readonly fails: boolean;
  /** Script after a cancel, with times in ms from the cancel. Without it, a cancel interrupts the hook. */
  readonly afterCancel?: HookScript;
}

/** Scripts of the hooks of a task in one run. */
export interface TaskScript {
  readonly initialize?: HookScript;
  readonly execute: HookScript;
  readonly finalize?: HookScript;
}

type HookName = keyof TaskScript;

/** A hook whose marbles are being parsed. */
interface HookDraft {
  readonly from: number;
  values: Marble[];
  endsAt: number;
  fails: boolean;
  afterCancel?: HookDraft;
}

/**
 * Parses the marbles of one run.
 *
 * @param text the marbles as the test has them, for the message.
 * @throws SyntaxError for marbles that no run can have.
 */
export function parseTaskScript(marbles: readonly Marble[], text?: string): TaskScript {
  const where = text === undefined ? "a task's marbles" : `the marbles \`${text}\``;
  const [first] = marbles;
  const hooks: Partial<Record<HookName, HookDraft>> = {};
  let name = (first?.mark === '[' ? 'initialize' : 'execute') as HookName;
  let current = (hooks[name] = newHook(first?.mark === '[' || first?.mark === '>' ? first.at : 0));
  let ended = false;
  const isCancelled = () => current !== hooks[name];
  const enter = (next: HookName, at: number) => {
    end(at);
    name = next;
    current = hooks[next] = newHook(at);
  };
  const end = (at: number, fails = false) => {
    if (current.endsAt !== Infinity) return;
    current.endsAt = at - current.from;
    current.fails = fails;
  };
  for (const [index, { at, mark }] of marbles.entries()) {
    const expected = (what: string) =>
      new SyntaxError(`Expected ${what}, got \`${mark}\` at ${at} ms of ${where}${hintFor(mark)}`);
    if (ended) throw expected('nothing after the end');
    if (mark === '[' || (mark === '>' && index === 0)) {
      if (index > 0) throw expected('`[` only at the start');
    } else if (mark === '>') {
      if (name !== 'initialize' || current.endsAt < Infinity) throw expected('`>` only at the end of `initialize`');
      enter('execute', at);
    } else if (mark === '!') {
      if (name === 'finalize' || isCancelled()) throw expected('one `!`, before `]`');
      const afterCancel = newHook(at);
      current = current.afterCancel = afterCancel;
    } else if (mark === '#') {
      if (current.endsAt < Infinity) throw expected('one `#` in a hook');
      end(at, true);
    } else if (mark === ']') {
      if (name === 'finalize') throw expected('one `]`');
      // `initialize` has failed if it was not cancelled. A recording of a run that has not ended yet shows no `#`.
      if (name === 'initialize' && !isCancelled()) end(at, true);
      enter('finalize', at);
    } else if (mark === '|' || mark === '?') {
      ended = true;
      if (mark === '|') end(at);
      // A hook that never ends does not end after a cancel, either.
      else current.afterCancel = newHook(at);
    } else if (/\w/.test(mark)) {
      if (name !== 'execute') throw expected('values only in `execute`');
      if (current.fails) throw expected('no value after `#`');
      current.values.push({ at: at - current.from, mark });
    } else throw expected('one of `[>!#]|?`, a letter or a digit');
  }
  const { initialize, execute = newHook(0), finalize } = hooks;
  // After its cancel, a hook whose marbles show no end ends with its last value.
  if (!ended && isCancelled()) end(current.from);
  if (!ended && finalize?.endsAt === Infinity)
    throw new SyntaxError(`Expected \`|\`, \`#\` or \`?\` at the end of \`finalize\` in ${where}`);
  return {
    ...(initialize && { initialize: toHookScript(initialize) }),
    execute: toHookScript(execute),
    ...(finalize && { finalize: toHookScript(finalize) }),
  };
}

function hintFor(mark: string): string {
  return /\d/.test(mark) ? '. A time has a unit, and spaces around it: `[ 3ms >`' : '';
}

function newHook(from: number): HookDraft {
  return { from, values: [], endsAt: Infinity, fails: false };
}

function toHookScript({ values, endsAt, fails, afterCancel }: HookDraft): HookScript {
  const stop = afterCancel && toHookScript(afterCancel);
  // A hook that ends at the moment of its cancel may as well be interrupted.
  const isInterrupted = !stop || (stop.values.length === 0 && !stop.fails && stop.endsAt === 0);
  return { values, endsAt, fails, ...(!isInterrupted && { afterCancel: stop }) };
}
