import { expect } from 'chai';
import fc from 'fast-check';
import { taskList } from '../../lib/app/task-list.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

describe('taskList', () => {
  it('lists tasks with the hooks that they are in', () => {
    expect(taskList([{ task: 'app/db', hook: 'finalize' }, { task: 'http' }])).to.equal('app/db (finalize), http');
    expect(taskList([])).to.equal('');
  });

  it('lists a hundred tasks, and counts the others', () => {
    const list = taskList(new Array(130_000).fill({ task: 't' }));
    expect(list).to.equal(`${'t, '.repeat(100)}and 129,900 more`);
  });

  it('has no unprintable character, whatever the names are', () => {
    fc.assert(
      fc.property(anyText, anyText, (task, hook) => {
        expect(unprintableIn(taskList([{ task, hook }]))).to.equal(undefined);
      }),
    );
  });
});
