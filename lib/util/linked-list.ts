import type { Unsubscribable } from 'rxjs';
import { reportUnhandled } from './report-unhandled.js';

/**
 * A place in a {@link LinkedList}. The places are linked through themselves, so that taking one and leaving it cost O(1)
 * however many others there are. RxJS's Subject searches an array to unsubscribe, which makes n leavers cost O(n²).
 */
export class ListNode {
  list: LinkedList | undefined = undefined;
  prevNode: ListNode | undefined = undefined;
  nextNode: ListNode | undefined = undefined;

  /** A chain may be a mere queue, in which nobody is told anything. */
  notify?(value: unknown): void;
}

/** Those who wait, in the order in which they came: for their turn, or to be told one thing, once. */
export interface LinkedList<L extends ListNode = ListNode> {
  first: L | undefined;
  last: L | undefined;
  /** The last link has left. */
  onEmpty?(): void;
}

export function append<L extends ListNode>(chain: LinkedList<L>, link: L): void {
  link.list = chain;
  link.prevNode = chain.last;
  if (chain.last) chain.last.nextNode = link;
  else chain.first = link;
  chain.last = link;
}

/** Does nothing to a link that is in no chain. */
export function remove(link: ListNode): void {
  const { list, prevNode, nextNode } = link;
  if (!list) return;
  if (prevNode) prevNode.nextNode = nextNode;
  else list.first = nextNode;
  if (nextNode) nextNode.prevNode = prevNode;
  else list.last = prevNode;
  link.list = link.prevNode = link.nextNode = undefined;
  if (!list.first) list.onEmpty?.();
}

/** Tells everyone, whatever one of them throws. Whoever is told has left before, so that re-entrant calls find a sound chain. */
export function notifyAll(chain: LinkedList, value: unknown): void {
  for (let link = chain.first; link; link = chain.first) {
    remove(link);
    notify(link, value);
  }
}

/** All that stand in a chain now, for a loop in which some of them leave. */
export function toArray<L extends ListNode>(chain: LinkedList<L>): L[] {
  const links: L[] = [];
  for (let link = chain.first; link; link = link.nextNode as L | undefined) links.push(link);
  return links;
}

/** Those of a chain in one of their own, so that whoever joins while they are told is not told with them. */
export function takeAll(chain: LinkedList): LinkedList {
  const { first, last } = chain;
  const detached: LinkedList = { first, last };
  for (let link = first; link; link = link.nextNode) link.list = detached;
  chain.first = chain.last = undefined;
  return detached;
}

export function notify(link: ListNode, value: unknown): void {
  try {
    link.notify?.(value);
  } catch (error) {
    reportUnhandled(error);
  }
}

/** A link that calls a function, and that RxJS takes as a teardown. */
export class Listener<T> extends ListNode implements Unsubscribable {
  private readonly listen: (value: T) => void;

  constructor(listen: (value: T) => void) {
    super();
    this.listen = listen;
  }

  override notify(value: unknown): void {
    this.listen(value as T);
  }

  unsubscribe(): void {
    remove(this);
  }
}
