import { expect } from 'chai';
import { isCancellation } from '../../lib/context/is-cancellation.js';
import { createChain } from '../errors/random-throwables.js';

describe('isCancellation', () => {
  it('finds the cause of a cancel at the end of a chain, also of a very long one', () => {
    const cause = new Error('stop');
    for (const length of [0, 1, 2, 3, 20_000])
      expect(isCancellation(createChain(cause, length), cause), String(length)).to.equal(true);
    expect(isCancellation({ cause: { cause: undefined } }, undefined)).to.equal(true);
    expect(isCancellation(createChain(new Error('other'), 20_000), cause)).to.equal(false);
  });

  it('ends for a chain that leads into a circle of any length', () => {
    for (const length of [1, 2, 3, 7, 100]) {
      const root = new Error('root');
      root.cause = createChain(root, length);
      for (const tail of [0, 1, 10])
        expect(isCancellation(createChain(root, tail), new Error('stop')), `${length}, ${tail}`).to.equal(false);
    }
  });

  it('takes an AbortError for a cancellation', () => {
    expect(isCancellation(new DOMException('aborted', 'AbortError'), 'stop')).to.equal(true);
    expect(isCancellation(new DOMException('late', 'TimeoutError'), 'stop')).to.equal(false);
  });
});
