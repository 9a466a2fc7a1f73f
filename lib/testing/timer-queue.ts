/** Instants that no timer waits for any more are removed from the heap when there are more of them than this. */
const maxStale = 1000;

/** The pending timers of a virtual clock, by their time, and those of one instant in the order of their addition. */
export class TimerQueue<Timer extends { readonly delay: number }> {
  private readonly timers = new Map<number, Set<Timer>>();
  /** The instants in a binary heap, the first of them at index 0. Some may have no timer any more. */
  private heap: number[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The timer that is due first. */
  get first(): Timer | undefined {
    const [first] = this.firstInstant() ?? [];
    return first;
  }

  add(timer: Timer): void {
    const { timers, heap } = this;
    this.count++;
    const instant = timers.get(timer.delay);
    if (instant) return void instant.add(timer);
    timers.set(timer.delay, new Set([timer]));
    heap.push(timer.delay);
    this.rise(heap.length - 1);
  }

  /** Removes a timer. Does nothing if it is not in the queue. */
  delete(timer: Timer): void {
    const instant = this.timers.get(timer.delay);
    if (!instant?.delete(timer)) return;
    this.count--;
    if (instant.size > 0) return;
    this.timers.delete(timer.delay);
    if (this.heap.length > 2 * this.timers.size + maxStale) this.rebuild();
  }

  /** Returns the timers up to an instant, in their order. */
  until(instant: number): Timer[] {
    const instants = [...this.timers.keys()].filter((each) => each <= instant).sort((a, b) => a - b);
    return instants.flatMap((each) => [...(this.timers.get(each) ?? [])]);
  }

  private firstInstant(): Set<Timer> | undefined {
    const { heap, timers } = this;
    for (let [first] = heap; first !== undefined; [first] = heap) {
      const instant = timers.get(first);
      if (instant) return instant;
      this.removeFirst();
    }
    return undefined;
  }

  private rebuild(): void {
    // A sorted array is a heap.
    this.heap = [...this.timers.keys()].sort((a, b) => a - b);
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (let child = 1; ; child = 2 * index + 1) {
      if (this.at(child + 1) < this.at(child)) child++;
      // After the end of the heap, `at` returns Infinity.
      if (this.at(child) >= last) break;
      heap[index] = this.at(child);
      index = child;
    }
    heap[index] = last;
  }

  private rise(from: number): void {
    const { heap } = this;
    const instant = this.at(from);
    let index = from;
    for (let parent = (index - 1) >> 1; index > 0 && this.at(parent) > instant; parent = (index - 1) >> 1) {
      heap[index] = this.at(parent);
      index = parent;
    }
    heap[index] = instant;
  }

  private at(index: number): number {
    return this.heap[index] ?? Infinity;
  }
}
