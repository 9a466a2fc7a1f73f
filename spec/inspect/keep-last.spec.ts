import { expect } from 'chai';
import { keepLast } from '../../lib/inspect/keep-last.js';

describe('keepLast', () => {
  it('keeps at least the last entries, and never twice as many', () => {
    for (const limit of [1, 2, 7]) {
      const list: number[] = [];
      let dropped = 0;
      for (let entry = 0; entry < 50; entry++) {
        dropped += keepLast(list, entry, limit);
        expect(list.length).to.be.within(Math.min(limit, entry + 1), 2 * limit - 1);
        expect(list).to.deep.equal(Array.from({ length: entry + 1 - dropped }, (_, index) => dropped + index));
      }
    }
  });

  it('drops many entries at a time', () => {
    const list: number[] = [];
    expect([1, 2, 3, 4, 5, 6].map((entry) => keepLast(list, entry, 3))).to.deep.equal([0, 0, 0, 0, 0, 3]);
  });
});
