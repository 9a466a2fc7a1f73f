import { expect } from 'chai';
import { attempt, errorChain } from '../../lib/util/error-causes.js';

describe('errorChain', () => {
  it('is an error followed by its causes, the last of which may be any value', () => {
    const inner = new Error('inner', { cause: 'ECONNRESET' });
    const outer = new Error('outer', { cause: inner });
    expect(errorChain(outer)).to.deep.equal([outer, inner, 'ECONNRESET']);
    expect(errorChain('thrown')).to.deep.equal(['thrown']);
  });

  it('contains each error of a circular chain once', () => {
    const [first, second] = [new Error('first'), new Error('second')];
    first.cause = second;
    second.cause = first;
    expect(errorChain(first)).to.deep.equal([first, second]);
    expect(errorChain(second)).to.deep.equal([second, first]);
  });

  it('contains at most ten errors of an endless chain', () => {
    class Endless extends Error {
      override get cause(): Error {
        return new Endless();
      }
    }
    expect(errorChain(new Endless())).to.have.length(10);
  });

  it('ends at an error whose cause throws when it is read', () => {
    class Hostile extends Error {
      override get cause(): never {
        throw new Error('not readable');
      }
    }
    const hostile = new Hostile();
    expect(errorChain(hostile)).to.deep.equal([hostile]);
  });

  it('ends with the first cause that is shown elsewhere', () => {
    const shown = new Error('shown', { cause: 'hidden' });
    const outer = new Error('outer', { cause: shown });
    expect(errorChain(outer, 10, (cause) => cause === shown)).to.deep.equal([outer, shown]);
    expect(errorChain(shown, 10, (cause) => cause === shown)).to.deep.equal([shown, 'hidden']);
  });
});

describe('attempt', () => {
  it('is the result, or the fallback when reading throws', () => {
    expect(attempt(() => 1, 2)).to.equal(1);
    expect(
      attempt(() => {
        throw new Error('not readable');
      }, 2),
    ).to.equal(2);
  });
});
