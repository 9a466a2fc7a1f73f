/**
 * What a hook gives back: a value, or what yields values when it is told to. The teardown of a rude stream throws, that of an
 * abrupt one throws an AbortError.
 */
export type Kind = 'value' | 'throws' | 'stream' | 'rude' | 'abrupt' | 'promise' | 'iterable';
/** What each call of each hook of a task gives back, in turns. */
export interface Script {
  readonly initialize: readonly Kind[] | null;
  readonly execute: readonly Kind[];
  readonly finalize: readonly Kind[] | null;
  readonly grace: number | null;
}
/** Fails with an error of its own, with the cause of its context, with what has that as its cause, or as the platform's APIs do. */
export type How = 'fails' | 'fails with the cause' | 'fails around the cause' | 'aborts';
export type Deed = 'yields' | 'ends' | How;
export type Which = 'first' | 'last';

/** What a coordinator may say of a slot. */
export type Answer = 'grants' | 'refuses' | 'fails' | 'ends';

/** A slot that a coordinator was asked for. */
export interface Asked {
  answer(answer: Answer): void;
}

export function pickOf<T>(all: ReadonlySet<T>, which: Which): T | undefined {
  return which === 'first' ? [...all][0] : [...all].at(-1);
}

/** What can be done to a hook under way. */
export interface Hand {
  yields(): void;
  ends(): void;
  fails(how: How): void;
}

/** Has the first or the last of the hooks under way do something. */
export function use(hands: ReadonlySet<Hand>, which: Which, deed: Deed): void {
  const hand = pickOf(hands, which);
  if (deed === 'yields') hand?.yields();
  else if (deed === 'ends') hand?.ends();
  else hand?.fails(deed);
}
