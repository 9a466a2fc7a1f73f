import { expect } from 'chai';
import { Batcher } from '../../lib/fleet/batcher.js';

describe('a batcher', () => {
  it('writes an item that is added at the moment when the previous batch is written', async () => {
    const batcher = new Batcher((items: readonly number[]) => Promise.resolve(items), 10);
    const second = batcher.add(1).then((first) => batcher.add(first + 1));
    expect(await second).to.equal(2);
    await batcher.flush();
  });
});
