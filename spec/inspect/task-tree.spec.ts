import { expect } from 'chai';
import { parentOf, taskTree } from '../../lib/inspect/task-tree.js';
import type { TaskRow } from '../../lib/inspect/task-timeline.js';

describe('The tree of tasks', () => {
  const rows = (...paths: string[]) => new Map(paths.map((task) => [task, { task } as TaskRow]));
  const lines = (...paths: string[]) => taskTree(rows(...paths)).map(({ depth, label }) => '-'.repeat(depth) + label);

  it('has each task after its parent, in the order of their first events', () => {
    expect(lines('b', 'a/y', 'a', 'a/x', 'b/z', 'a/x/1')).to.deep.equal(['b', '-z', 'a', '-y', '-x', '--1']);
  });

  it('has a task below the nearest path that is a task, under the rest of its path', () => {
    expect(lines('a', 'a/b/c', 'a/b/c/d', 'x/y', 'ab')).to.deep.equal(['a', '-b/c', '--d', 'x/y', 'ab']);
    expect(parentOf('a/b/c', new Set(['a']))).to.equal('a');
    expect(parentOf('a/b', new Set(['a/b']))).to.equal(undefined);
  });

  it('has printable names', () => {
    expect(lines('a\n1', 'a\n1/b\u001b[2J')).to.deep.equal(['a 1', '-b']);
  });

  it('may be of any depth', () => {
    const paths = Array.from({ length: 500 }, (_, depth) =>
      Array(depth + 1)
        .fill('a')
        .join('/'),
    );
    expect(taskTree(rows(...paths)).at(-1)?.depth).to.equal(499);
  });
});
