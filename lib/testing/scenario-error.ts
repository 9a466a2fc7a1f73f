import { printableLines } from '../util/printable.js';

/** The longest message, in characters: it has the marbles of all tasks. */
export const maxMessage = 100_000;

/**
 * A scenario did not go as the test expects. It is no `AssertionError`, for which some test runners print the expected
 * and the actual value, because the marbles in its message show both better.
 *
 * @example
 * ```ts
 * import { scenario, script, ScenarioError } from 'rxjs-tasks/testing';
 *
 * const failure = await scenario({ run: () => [script('a', '--|')], expect: 'a  >--|' }).catch((error) => error);
 * console.log(failure instanceof ScenarioError); // → true
 * ```
 */
export class ScenarioError extends Error {
  static {
    this.prototype.name = 'ScenarioError';
  }

  constructor(message = '', options?: ErrorOptions) {
    super(printableLines(message, maxMessage), options);
  }
}
