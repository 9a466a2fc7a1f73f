import type { Outcome } from './types.js';

/** The deepest level of the result. `JSON.stringify` overflows the call stack at about ten times as many. */
const maxDepth = 100;

/**
 * Converts outcomes and their members. Members that are deeper than `maxDepth` levels are listed at that level, each
 * after the outcome that it is a member of.
 *
 * @param convert receives an outcome, and the list that its converted members are added to, if it has any.
 */
export function mapOutcomes<R>(
  outcomes: readonly Outcome[],
  convert: (outcome: Outcome, members: R[] | undefined) => R,
): R[] {
  const results: R[] = [];
  // A loop, because groups may be nested deeper than the call stack. The next list is the last one.
  const lists = [{ outcomes: outcomes.values(), into: results, depth: 0 }];
  for (let list = lists.at(-1); list; list = lists.at(-1)) {
    const { into, depth } = list;
    const { value: outcome, done } = list.outcomes.next();
    if (done) lists.pop();
    else {
      const members: R[] | undefined = outcome.members && depth < maxDepth ? [] : undefined;
      into.push(convert(outcome, members));
      if (outcome.members)
        lists.push({ outcomes: outcome.members.values(), into: members ?? into, depth: members ? depth + 1 : depth });
    }
  }
  return results;
}
