import { expect } from 'chai';
import { errorChain, stackTrace } from '../../lib/util/error-causes.js';

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
});

describe('stackTrace', () => {
  it('has the stacks of an error and its causes, and prints a cause that is not an error', () => {
    const inner = new Error('inner', { cause: 'ECONNRESET' });
    const outer = Object.assign(new Error('outer', { cause: inner }), { stack: '' });
    expect(stackTrace(outer)).to.equal(`Error: outer\ncaused by: ${inner.stack}\ncaused by: 'ECONNRESET'`);
  });
});
