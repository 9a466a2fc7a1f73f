import { expect } from 'chai';
import { config, of } from 'rxjs';
import { unhandledDuring } from './collect.js';
import { virtually } from './virtual-time.js';

describe('The helpers of these specs', () => {
  it('fail for a marble that does not fit', () => {
    for (const marbles of ['(b|)', '-(a|)', '(a', '#']) {
      const test = () => {
        virtually(({ expectObservable }) => {
          expectObservable(of('a')).toBe(marbles);
        });
      };
      expect(test, marbles).to.throw();
    }
  });

  it('refuse an async marble test', () => {
    const asynchronous = (() => Promise.resolve()) as unknown as () => undefined;
    expect(() => virtually(asynchronous)).to.throw('returns nothing');
  });

  it('keep the errors that nobody catches', async () => {
    const error = new Error('nobody catches this');
    expect(
      await unhandledDuring(() =>
        of(1).subscribe(() => {
          throw error;
        }),
      ),
    ).to.deep.equal([error]);
  });

  it('put back what was there before', async () => {
    expect(config.onUnhandledError).to.equal(null);
    await unhandledDuring(() => undefined);
    expect(config.onUnhandledError).to.equal(null);
  });
});
