/** The most failures that a report holds, because a fault may cause any number of them. */
const maxFailures = 100;

/** The failures outside the tasks: the first ones, and the number of the others. */
export class FailureList {
  readonly first: unknown[] = [];
  more = 0;

  get isEmpty(): boolean {
    return this.first.length === 0;
  }

  add(failure: unknown): void {
    if (this.first.length < maxFailures) this.first.push(failure);
    else this.more++;
  }
}
