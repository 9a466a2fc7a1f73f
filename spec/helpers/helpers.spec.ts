import { expect } from 'chai';
import { config, of } from 'rxjs';
import { unhandledDuring } from './collect.js';
import { virtually } from './virtual-time.js';

describe('The spec helpers', () => {
  it('fail for marbles that differ', () => {
    for (const marbles of ['(b|)', '-(a|)', '(a', '#']) {
      const test = () => {
        virtually(({ expectObservable }) => {
          expectObservable(of('a')).toBe(marbles);
        });
      };
      expect(test, marbles).to.throw();
    }
  });

  it('reject an async marble test', () => {
    const asynchronous = (() => Promise.resolve()) as unknown as () => undefined;
    expect(() => virtually(asynchronous)).to.throw('returns nothing');
  });

  it('return unhandled errors', async () => {
    const error = new Error('unhandled');
    expect(
      await unhandledDuring(() =>
        of(1).subscribe(() => {
          throw error;
        }),
      ),
    ).to.deep.equal([error]);
  });

  it('restore the previous handler of unhandled errors', async () => {
    expect(config.onUnhandledError).to.equal(null);
    await unhandledDuring(() => undefined);
    expect(config.onUnhandledError).to.equal(null);
  });
});
