import { expect } from 'chai';
import { takeTurn } from '../../lib/util/take-turn.js';
import { deferred } from '../helpers/tasks.js';

describe('takeTurn', () => {
  it('starts work on an object when earlier work on it has ended, and other work at once', async () => {
    const [object, first, started] = [{}, deferred<string>(), [] as string[]];
    const start = (name: string, on: object, work: Promise<string>) =>
      takeTurn(on, () => {
        started.push(name);
        return work;
      });
    const one = start('one', object, first.promise);
    const two = start('two', object, Promise.resolve('b'));
    await start('other', {}, Promise.resolve('c'));
    expect(started).to.deep.equal(['one', 'other']);
    first.resolve('a');
    expect(await Promise.all([one, two])).to.deep.equal(['a', 'b']);
  });

  it('goes on after an error, which its own caller gets', async () => {
    const object = {};
    const failed = takeTurn(object, () => Promise.reject(new Error('no')));
    const next = takeTurn(object, () => Promise.resolve(1));
    expect([await failed.catch((error: unknown) => String(error)), await next]).to.deep.equal(['Error: no', 1]);
  });
});
