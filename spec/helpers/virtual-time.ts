import { expect } from 'chai';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';

/** Runs a marble test. Its callback must be synchronous, because TestScheduler swallows the error of an async one. */
export function virtually(test: (helpers: RunHelpers, scheduler: TestScheduler) => void): void {
  const scheduler = new TestScheduler((actual, expected) => {
    expect(actual).to.deep.equal(expected);
  });
  scheduler.run((helpers) => {
    const returned: unknown = test(helpers, scheduler);
    if (returned !== undefined) throw new TypeError('A marble test returns nothing');
  });
}
