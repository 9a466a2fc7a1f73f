import type { Marble } from './marbles.js';

/** What one hook does. Times are in ms from its call. */
export interface Part {
  readonly values: readonly Marble[];
  /** `Infinity` for one that goes on until it is cancelled. */
  readonly ends: number;
  readonly fails: boolean;
  /** What it does when it is cancelled, from then on; without it, it is cut. */
  readonly cancelled?: Part;
}

/** What the hooks of a task do in one run. */
export interface Life {
  readonly initialize?: Part;
  readonly execute: Part;
  readonly finalize?: Part;
}

type Hook = keyof Life;

/** A part while its marbles are read. */
interface Draft {
  readonly from: number;
  values: Marble[];
  ends: number;
  fails: boolean;
  cancelled?: Draft;
}

/** Reads the marbles of one run. @throws SyntaxError when no run can be so. */
export function lifeOf(marbles: readonly Marble[]): Life {
  const [first] = marbles;
  const hooks: Partial<Record<Hook, Draft>> = {};
  let hook = (first?.mark === '[' ? 'initialize' : 'execute') as Hook;
  let part = (hooks[hook] = draft(first?.mark === '[' || first?.mark === '>' ? first.at : 0));
  let over = false;
  const enter = (next: Hook, at: number) => {
    end(at);
    hook = next;
    part = hooks[next] = draft(at);
  };
  const end = (at: number, fails = false) => {
    if (part.ends !== Infinity) return;
    part.ends = at - part.from;
    part.fails = fails;
  };
  for (const [place, { at, mark }] of marbles.entries()) {
    const wrong = (what: string) =>
      new SyntaxError(`Expected ${what}, got \`${mark}\` at ${at} ms of a task's marbles`);
    if (over) throw wrong('nothing after its end');
    if (mark === '[' || (mark === '>' && place === 0)) {
      if (place > 0) throw wrong('`[` at the start alone');
    } else if (mark === '>') {
      if (hook !== 'initialize' || part.ends < Infinity) throw wrong('`>` at the end of `initialize`');
      enter('execute', at);
    } else if (mark === '!') {
      if (hook === 'finalize' || part !== hooks[hook]) throw wrong('one `!`, before `]`');
      const cancelled = draft(at);
      part = part.cancelled = cancelled;
    } else if (mark === '#') {
      if (part.ends < Infinity) throw wrong('one `#` in a hook');
      end(at, true);
    } else if (mark === ']') {
      if (hook === 'finalize') throw wrong('one `]`');
      // Without a `>` before it, and not cancelled, it has failed; of one that has not ended yet that is not told.
      if (hook === 'initialize' && part === hooks[hook]) end(at, true);
      enter('finalize', at);
    } else if (mark === '|' || mark === '?') {
      over = true;
      if (mark === '|') end(at);
      // What never ends does not when it is cancelled, either.
      else part.cancelled = draft(at);
    } else if (/\w/.test(mark)) {
      if (hook !== 'execute') throw wrong('values in `execute` alone');
      if (part.fails) throw wrong('no value after `#`');
      part.values.push({ at: at - part.from, mark });
    } else throw wrong('one of `[>!#]|?`, a letter or a digit');
  }
  const { initialize, execute = draft(0), finalize } = hooks;
  // What has nothing more to show once it is cancelled has obeyed.
  if (!over && hook !== 'finalize' && part !== hooks[hook]) end(marbles.at(-1)?.at ?? 0);
  if (!over && finalize?.ends === Infinity) throw new SyntaxError('Expected `|`, `#` or `?` at the end of `finalize`');
  return {
    ...(initialize && { initialize: partOf(initialize) }),
    execute: partOf(execute),
    ...(finalize && { finalize: partOf(finalize) }),
  };
}

function draft(from: number): Draft {
  return { from, values: [], ends: Infinity, fails: false };
}

function partOf({ values, ends, fails, cancelled }: Draft): Part {
  const stops = cancelled && partOf(cancelled);
  // To end at once is to be cut.
  const obeys = !stops || (stops.values.length === 0 && !stops.fails && stops.ends === 0);
  return { values, ends, fails, ...(!obeys && { cancelled: stops }) };
}
