import type { Unsubscribable } from 'rxjs';
import { reportUnhandled } from './report-unhandled.js';

/**
 * A place in a {@link Chain}. The places are linked through themselves, so that taking one and leaving it cost O(1)
 * however many others there are. RxJS's Subject searches an array to unsubscribe, which makes n leavers cost O(n²).
 */
export class Link {
  chain: Chain | undefined = undefined;
  previous: Link | undefined = undefined;
  following: Link | undefined = undefined;

  /** A chain may be a mere queue, in which nobody is told anything. */
  tell?(value: unknown): void;
}

/** Those who wait, in the order in which they came: for their turn, or to be told one thing, once. */
export interface Chain<L extends Link = Link> {
  first: L | undefined;
  last: L | undefined;
  /** The last link has left. */
  emptied?(): void;
}

export function join<L extends Link>(chain: Chain<L>, link: L): void {
  link.chain = chain;
  link.previous = chain.last;
  if (chain.last) chain.last.following = link;
  else chain.first = link;
  chain.last = link;
}

/** Does nothing to a link that is in no chain. */
export function leave(link: Link): void {
  const { chain, previous, following } = link;
  if (!chain) return;
  if (previous) previous.following = following;
  else chain.first = following;
  if (following) following.previous = previous;
  else chain.last = previous;
  link.chain = link.previous = link.following = undefined;
  if (!chain.first) chain.emptied?.();
}

/** Tells everyone, whatever one of them throws. Whoever is told has left before, so that re-entrant calls find a sound chain. */
export function tellAll(chain: Chain, value: unknown): void {
  for (let link = chain.first; link; link = chain.first) {
    leave(link);
    tell(link, value);
  }
}

/** All that stand in a chain now, for a loop in which some of them leave. */
export function all<L extends Link>(chain: Chain<L>): L[] {
  const links: L[] = [];
  for (let link = chain.first; link; link = link.following as L | undefined) links.push(link);
  return links;
}

/** Those of a chain in one of their own, so that whoever joins while they are told is not told with them. */
export function detach(chain: Chain): Chain {
  const { first, last } = chain;
  const detached: Chain = { first, last };
  for (let link = first; link; link = link.following) link.chain = detached;
  chain.first = chain.last = undefined;
  return detached;
}

export function tell(link: Link, value: unknown): void {
  try {
    link.tell?.(value);
  } catch (error) {
    reportUnhandled(error);
  }
}

/** A link that calls a function, and that RxJS takes as a teardown. */
export class Listener<T> extends Link implements Unsubscribable {
  private readonly listen: (value: T) => void;

  constructor(listen: (value: T) => void) {
    super();
    this.listen = listen;
  }

  override tell(value: unknown): void {
    this.listen(value as T);
  }

  unsubscribe(): void {
    leave(this);
  }
}
