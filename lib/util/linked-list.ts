import type { Unsubscribable } from 'rxjs';
import { reportUnhandled } from './report-unhandled.js';

/**
 * A node of a {@link LinkedList}. The list is intrusive: each node holds its neighbours, so appending and removing cost
 * O(1). RxJS's Subject searches an array to unsubscribe, which makes n unsubscribes cost O(n²).
 */
export class ListNode {
  list: LinkedList | undefined = undefined;
  // Not `previous` and `next`: a run is a node and an Observer, whose `next` is a method.
  prevNode: ListNode | undefined = undefined;
  nextNode: ListNode | undefined = undefined;

  /** Absent if the list is a mere queue. */
  notify?(value: unknown): void;
}

/** A doubly linked list of listeners, children or queued items, in the order in which they were appended. */
export interface LinkedList<N extends ListNode = ListNode> {
  first: N | undefined;
  last: N | undefined;
  /** Called after the last node was removed. */
  onEmpty?(): void;
}

export function append<N extends ListNode>(list: LinkedList<N>, node: N): void {
  node.list = list;
  node.prevNode = list.last;
  if (list.last) list.last.nextNode = node;
  else list.first = node;
  list.last = node;
}

/** Adds a node before all others. */
export function prepend<N extends ListNode>(list: LinkedList<N>, node: N): void {
  node.list = list;
  node.nextNode = list.first;
  if (list.first) list.first.prevNode = node;
  else list.last = node;
  list.first = node;
}

/** Removes a node from its list. Does nothing if it is in none. */
export function remove(node: ListNode): void {
  const { list, prevNode, nextNode } = node;
  if (!list) return;
  if (prevNode) prevNode.nextNode = nextNode;
  else list.first = nextNode;
  if (nextNode) nextNode.prevNode = prevNode;
  else list.last = prevNode;
  node.list = node.prevNode = node.nextNode = undefined;
  if (!list.first) list.onEmpty?.();
}

/**
 * Removes and notifies every node, even if a listener throws. A node is removed before it is notified, so that
 * re-entrant calls find a consistent list.
 */
export function notifyAll(list: LinkedList, value: unknown): void {
  for (let node = list.first; node; node = list.first) {
    remove(node);
    notify(node, value);
  }
}

/** Copies the nodes of a list into an array, for a loop that removes some of them. */
export function toArray<N extends ListNode>(list: LinkedList<N>): N[] {
  const nodes: N[] = [];
  for (let node = list.first; node; node = node.nextNode as N | undefined) nodes.push(node);
  return nodes;
}

/** Moves all nodes to a new list, so that a node that is appended while they are notified is not notified with them. */
export function takeAll(list: LinkedList): LinkedList {
  const { first, last } = list;
  const taken: LinkedList = { first, last };
  for (let node = first; node; node = node.nextNode) node.list = taken;
  list.first = list.last = undefined;
  return taken;
}

export function notify(node: ListNode, value: unknown): void {
  try {
    node.notify?.(value);
  } catch (error) {
    reportUnhandled(error);
  }
}

/** A node that calls a function. RxJS accepts it as a teardown. */
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
