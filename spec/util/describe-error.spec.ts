import { expect } from 'chai';
import { Subscription } from 'rxjs';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describeError, headline, plainHeadline } from '../../lib/util/describe-error.js';
import { isError } from '../../lib/util/error-parts.js';
import { print } from '../../lib/util/print.js';
import { throwing } from '../helpers/tasks.js';
import { thrownBy } from '../helpers/collect.js';

const withGetter = (key: string) => Object.defineProperty(new Error('x'), key, { get: throwing() });

describe('describeError', () => {
  it('returns the parts of an error', () => {
    const cause = new Error('why');
    const error = new TypeError('wrong', { cause });
    const { stack } = error;
    expect(describeError(error)).to.deep.equal({ name: 'TypeError', message: 'wrong', stack, cause, errors: [] });
  });

  it('returns the type and the printed form of a value that is not an error', () => {
    const parts = { stack: '', cause: undefined, errors: [] };
    expect(describeError('text')).to.deep.equal({ name: 'string', message: "'text'", ...parts });
    expect(describeError(Symbol('s'))).to.deep.equal({ name: 'symbol', message: 'Symbol(s)', ...parts });
    expect(describeError({ message: 'x' })).to.deep.equal({ name: 'object', message: "{ message: 'x' }", ...parts });
  });

  it('replaces the parts that throw when they are read, or that are no strings', () => {
    expect(describeError(withGetter('message')).message).to.equal('(its message cannot be read)');
    expect(describeError(withGetter('name')).name).to.equal('Error');
    expect(describeError(withGetter('stack')).stack).to.equal('');
    expect(describeError(withGetter('cause')).cause).to.equal(undefined);
    const odd = Object.assign(new Error('x'), { message: Symbol('m'), name: 7, stack: null });
    expect(describeError(odd)).to.include({ message: 'Symbol(m)', name: 'Error', stack: '' });
    expect(describeError(Object.assign(new Error('x'), { message: undefined })).message).to.equal('');
  });

  it('returns the first hundred errors that an error consists of', () => {
    expect(describeError(new AggregateError([1, null])).errors).to.deep.equal([1, null]);
    expect(describeError(new AggregateError(new Array(1000).fill(0))).errors).to.have.length(100);
    expect(describeError(Object.assign(new AggregateError([]), { errors: null })).errors).to.deep.equal([]);
    expect(describeError(Object.assign(new Error('invalid'), { errors: [1] })).errors).to.deep.equal([]);
    const boom = new Error('boom');
    const error = thrownBy(() => new Subscription(throwing(boom)).unsubscribe());
    expect(describeError(error).errors).to.deep.equal([boom]);
  });
});

describe('isError', () => {
  it('holds for errors of any realm, and for no revoked Proxy', () => {
    const { proxy, revoke } = Proxy.revocable(new Error('x'), {});
    expect(isError(proxy)).to.equal(true);
    revoke();
    const elsewhere = runInNewContext('new Error("x")') as unknown;
    expect([new Error('x'), elsewhere, proxy, { message: 'x' }, null].map(isError)).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('headline', () => {
  it('is the name and the message, or the printed value', () => {
    expect(headline(new RangeError('far'))).to.equal('RangeError: far');
    expect(headline(new Error(''))).to.equal('Error');
    expect([headline('why'), plainHeadline('why')]).to.deep.equal(["'why'", 'why']);
  });
});

describe('print', () => {
  it('prints a value without its own `inspect` function if that throws', () => {
    expect(print({ a: 1, [inspect.custom]: () => 'mine' })).to.equal('mine');
    expect(print({ a: 1, [inspect.custom]: throwing() })).to.match(/^{\s+a: 1,/);
    const tag = Object.defineProperty({}, Symbol.toStringTag, { get: throwing() });
    expect(print(tag)).to.equal('(object that cannot be printed)');
  });

  it('prints the name and the message of an error with a long stack, which Node would take long for', () => {
    const error = Object.assign(new TypeError('boom'), { stack: 'x'.repeat(20_000) });
    expect(print(error)).to.equal('TypeError: boom');
    expect(print({ details: [new Map([['error', error]])] })).to.equal('(object with TypeError: boom)');
    expect(print([new Error('outer', { cause: error })])).to.equal('(object with TypeError: boom)');
    expect(print({ far: { details: { code: 1, error } } }, { depth: 0 })).to.equal('{ far: [Object] }');
  });
});
