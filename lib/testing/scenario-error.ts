/**
 * Something is not as a test expects it. Of Node's `AssertionError` some test runners show what was expected and what was got, which
 * marbles say better.
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
}
