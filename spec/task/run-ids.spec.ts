import { expect } from 'chai';
import { RunIds } from '../../lib/task/run-ids.js';

describe('RunIds', () => {
  it('numbers the runs of each path from 1', () => {
    const ids = new RunIds();
    expect(['a', 'b', 'a', 'a', 'b'].map((path) => ids.next(path))).to.deep.equal([1, 1, 2, 3, 2]);
  });

  it('counts the runs of the 1,000 paths that were used last', () => {
    const ids = new RunIds();
    for (let n = 0; n < 1000; n++) ids.next(String(n));
    expect([ids.next('0'), ids.next('new'), ids.next('0'), ids.next('2'), ids.next('1')]).to.deep.equal([
      2, 1, 3, 2, 1,
    ]);
  });
});
