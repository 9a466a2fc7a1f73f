import type { Row } from './row.js';

/** A row at its place in the tree of paths. */
export interface Branch {
  readonly row: Row;
  readonly depth: number;
  /** Its path below its parent's. */
  readonly label: string;
}

/** The rows, each after its parent. A name may hold a `/` itself: a parent is what is a row. */
export function tree(rows: ReadonlyMap<string, Row>): Branch[] {
  const children = new Map<string | undefined, Row[]>();
  for (const row of rows.values()) {
    const parent = parentOf(row.task, rows);
    const others = children.get(parent);
    if (others) others.push(row);
    else children.set(parent, [row]);
  }
  const branches: Branch[] = [];
  const waiting = (children.get(undefined) ?? []).map((row) => ({ row, depth: 0, label: row.task })).reverse();
  // Not a recursion: a tree may be as deep as it likes.
  for (let one; (one = waiting.pop());) {
    branches.push(one);
    const { row, depth } = one;
    const below = (children.get(row.task) ?? []).map((child) => ({
      row: child,
      depth: depth + 1,
      label: child.task.slice(row.task.length + 1),
    }));
    waiting.push(...below.reverse());
  }
  return branches;
}

function parentOf(task: string, rows: ReadonlyMap<string, Row>): string | undefined {
  for (let end = task.lastIndexOf('/'); end > 0; end = task.lastIndexOf('/', end - 1)) {
    const parent = task.slice(0, end);
    if (rows.has(parent)) return parent;
  }
  return undefined;
}
