import { expect } from 'chai';
import { RunIds } from '../../lib/task/run-ids.js';

describe('RunIds', () => {
  it('numbers the runs of each path from 1', () => {
    const ids = new RunIds();
    expect(['a', 'b', 'a', 'a', 'b'].map((path) => ids.next(path))).to.deep.equal([1, 1, 2, 3, 2]);
  });

  it('counts the runs of the 1,000 paths that were used last', () => {
    const ids = new RunIds();
    const use = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => ids.next(String(from + n)));
    use(0, 1000);
    expect(use(0, 1000)).to.deep.equal(Array(1000).fill(2));
    use(1000, 1999);
    expect([ids.next('999'), ids.next('1')]).to.deep.equal([3, 3]);
  });

  it('forgets paths that were not used for 2,000 others', () => {
    const ids = new RunIds();
    for (let n = 0; n <= 2000; n++) ids.next(String(n));
    expect(ids.next('0')).to.equal(1);
  });
});
