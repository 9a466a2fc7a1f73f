import { expect } from 'chai';
import { Batch } from '../../lib/fleet/batch.js';

describe('a batch', () => {
  it('writes what is added in the very moment in which the one before is written', async () => {
    const batch = new Batch((items: readonly number[]) => Promise.resolve(items), 10);
    const second = batch.add(1).then((one) => batch.add(one + 1));
    expect(await second).to.equal(2);
    await batch.flush();
  });
});
