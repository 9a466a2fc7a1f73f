import { expect } from 'chai';
import { Batcher } from '../../lib/fleet/batcher.js';

describe('a batcher', () => {
  it('writes an item that is added at the moment when the previous batch is written', async () => {
    const batcher = new Batcher((items: readonly number[]) => Promise.resolve(items), { maxCount: 10 });
    const second = batcher.add(1).then((first) => batcher.add(first + 1));
    expect(await second).to.equal(2);
    await batcher.flush();
  });

  it('writes no more items and no longer ones at a time than it may, and a longer one alone', async () => {
    const batches: (readonly string[])[] = [];
    const write = (items: readonly string[]) => {
      batches.push(items);
      return Promise.resolve(items);
    };
    const batcher = new Batcher(write, { maxCount: 3, length: { lengthOf: (item: string) => item.length, max: 4 } });
    const items = ['aa', 'bb', 'c', 'a long one', 'd', 'e', 'f', 'g', 'h'];
    expect(await Promise.all(items.map((item) => batcher.add(item)))).to.deep.equal(items);
    expect(batches).to.deep.equal([['aa', 'bb'], ['c'], ['a long one'], ['d', 'e', 'f'], ['g', 'h']]);
  });

  it('is flushed when all items are written, those too that were added during the flush', async () => {
    const ends: (() => void)[] = [];
    const write = (items: readonly number[]) =>
      new Promise<readonly number[]>((resolve) => ends.push(() => resolve(items)));
    const batcher = new Batcher(write, { maxCount: 10 });
    const turn = () => new Promise(setImmediate);
    void batcher.add(1);
    let flushed = false;
    const flushing = batcher.flush().then(() => (flushed = true));
    await turn();
    void batcher.add(2);
    ends[0]?.();
    await turn();
    expect([ends.length, flushed]).to.deep.equal([2, false]);
    ends[1]?.();
    await flushing;
    expect(flushed).to.equal(true);
  });

  it('rejects the items of a batch that fails, and writes the next one', async () => {
    const write = (items: readonly number[]) =>
      items.includes(1) ? Promise.reject(new Error('down')) : Promise.resolve(items);
    const batcher = new Batcher(write, { maxCount: 2 });
    const outcomes = await Promise.allSettled([0, 1, 2].map((item) => batcher.add(item)));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'fulfilled']);
    await batcher.flush();
  });

  it('writes as many items of a batch as there is room for, and the others before later ones', async () => {
    const rooms = [2, 5];
    const asked: (readonly number[])[] = [];
    const batches: (readonly number[])[] = [];
    const write = (items: readonly number[]) => {
      batches.push(items);
      return Promise.resolve(items);
    };
    const room = (items: readonly number[]) => {
      asked.push(items);
      return Promise.resolve(rooms.shift() ?? 0);
    };
    const batcher = new Batcher(write, { maxCount: 3, room });
    expect(await Promise.all([1, 2, 3, 4].map((item) => batcher.add(item)))).to.deep.equal([1, 2, 3, 4]);
    expect([asked, batches]).to.deep.equal([
      [
        [1, 2, 3],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    await batcher.flush();
  });

  it('writes as many batches at the same time as it may, each item once', async () => {
    const ends: (() => void)[] = [];
    const batches: (readonly number[])[] = [];
    const write = async (items: readonly number[]) => {
      batches.push(items);
      await new Promise<void>((resolve) => ends.push(resolve));
      return items;
    };
    const batcher = new Batcher(write, { maxCount: 10, maxConcurrent: 2 });
    const turn = () => new Promise(setImmediate);
    const items: Promise<number>[] = [];
    for (let item = 0; item < 4; item++) {
      items.push(batcher.add(item));
      await turn();
      await turn();
    }
    expect(batches).to.deep.equal([[0], [1]]);
    ends[1]?.();
    await turn();
    expect(batches).to.deep.equal([[0], [1], [2, 3]]);
    for (const end of ends) end();
    expect(await Promise.all(items)).to.deep.equal([0, 1, 2, 3]);
    await batcher.flush();
  });
});
