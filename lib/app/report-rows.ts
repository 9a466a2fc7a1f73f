import type { Outcome } from '../task/types.js';

/** One row of a report: an outcome or, for children of the same name, their outcomes. */
export interface ReportRow {
  readonly outcomes: readonly Outcome[];
  /** Whether they are members of a group, or children of a task. */
  readonly isMember: boolean;
}

/** Returns the rows of a report: that of each outcome, followed by those of its members. */
export function reportRows(outcomes: readonly Outcome[]): ReportRow[] {
  const rows: ReportRow[] = [];
  // A loop, because groups may be nested deeper than the call stack. The next row is the last one.
  const stack = outcomes.map((outcome): ReportRow => ({ outcomes: [outcome], isMember: false })).reverse();
  for (let row = stack.pop(); row; row = stack.pop()) {
    rows.push(row);
    for (const members of membersOf(row).reverse()) stack.push({ outcomes: members, isMember: true });
  }
  return rows;
}

/** Returns the members of the outcomes in a row. The children of the same name are together. */
function membersOf({ outcomes }: ReportRow): (readonly Outcome[])[] {
  const lists: Outcome[][] = [];
  const childrenByName = new Map<string, Outcome[]>();
  // The members of children in one row share rows, too.
  const shared = outcomes.length > 1;
  for (const { members = [], children } of outcomes) {
    for (const member of members) {
      const siblings = shared || children ? childrenByName.get(member.task) : undefined;
      if (siblings) siblings.push(member);
      else {
        const list = [member];
        lists.push(list);
        if (shared || children) childrenByName.set(member.task, list);
      }
    }
  }
  return lists;
}

/**
 * Returns the rows to show, and the number of tasks in the others. If there are too many rows, those of tasks that
 * failed or timed out come first.
 */
export function selectRows(
  rows: readonly ReportRow[],
  maxRows: number,
): { readonly shown: readonly ReportRow[]; readonly more: number } {
  if (rows.length <= maxRows) return { shown: rows, more: 0 };
  const byPriority = [...rows.filter((row) => !isClean(row)), ...rows.filter(isClean)];
  const more = byPriority.slice(maxRows).reduce((sum, { outcomes }) => sum + outcomes.length, 0);
  return { shown: byPriority.slice(0, maxRows), more };
}

function isClean({ outcomes }: ReportRow): boolean {
  return outcomes.every(({ status }) => status !== 'failed' && status !== 'timed-out');
}
