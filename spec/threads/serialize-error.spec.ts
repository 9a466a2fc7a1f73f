import { expect } from 'chai';
import { deserializeError, serializeError } from '../../lib/threads/serialize-error.js';
import { threadPool } from '../../lib/threads/index.js';
import { errorOf } from '../helpers/threads.js';

/** An error whose fields a spec sets and reads. */
type Fielded = Error & Record<string, unknown>;

const errorWith = (message: string, fields: object = {}) => Object.assign(new Error(message), fields) as Fielded;

/** Sends an error as a thread does. */
const send = (error: unknown) => deserializeError(structuredClone(serializeError(error))) as Fielded;

/** Counts the errors that are reachable from one. */
function countErrors(root: unknown): number {
  const found = new Set([root]);
  for (const error of found)
    for (const field of Object.values(Object.getOwnPropertyDescriptors(error)).flatMap(({ value }) => value as unknown))
      if (field instanceof Error) found.add(field);
  return found.size;
}

describe('An error that crosses threads', () => {
  it('is of the nearest built-in class, with its own name', () => {
    class Refused extends URIError {
      override name = 'Refused';
    }
    for (const type of [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]) {
      const error = send(new type('no'));
      expect([error.constructor, error.name, error.message]).to.deep.equal([type, type.name, 'no']);
      expect(Object.keys(error)).to.deep.equal([]);
    }
    expect(send(new Refused('no')))
      .to.be.instanceOf(URIError)
      .and.include({ name: 'Refused', message: 'no' });
    expect(send(new DOMException('stopped', 'AbortError')))
      .to.be.instanceOf(DOMException)
      .and.include({ name: 'AbortError', message: 'stopped', code: 20 });
  });

  it('may be any value, which is printed if it cannot be cloned', () => {
    for (const value of ['text', 0, null, undefined, { code: 1 }, [1, 'two']]) expect(send(value)).to.deep.equal(value);
    expect(send(() => 1)).to.equal('[Function (anonymous)]');
    expect(send(errorWith('refused', { retry: () => 1, code: 7 }))).to.include({
      retry: '[Function: retry]',
      code: 7,
    });
    expect(send([new Error('in a list'), Symbol('x')])).to.have.property('1', 'Symbol(x)');
    expect(send([1, Symbol('x')])).to.equal('[ 1, Symbol(x) ]');
  });

  it('crosses without the parts that throw when they are read', () => {
    const boom = () => {
      throw new Error('boom');
    };
    const error = errorWith('hostile', { code: 7 });
    for (const key of ['own', 'cause']) Object.defineProperty(error, key, { get: boom, enumerable: true });
    const received = send(error);
    expect([received.message, Object.keys(received)]).to.deep.equal(['hostile', ['code']]);
    expect('cause' in received).to.equal(false);
    expect(send(new Proxy(new RangeError('trapped'), { ownKeys: boom }))).to.be.instanceOf(RangeError);
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(send(proxy)).to.be.a('string');
    const prototype = new Proxy(TypeError.prototype, { getPrototypeOf: boom });
    expect(send(Object.setPrototypeOf(new Error('x'), prototype)))
      .to.be.instanceOf(Error)
      .and.include({ constructor: Error, name: 'TypeError', message: 'x' });
  });

  it('can be changed as any other error', () => {
    const error = send(errorWith('x', { code: 7 }));
    Object.assign(error, { code: 8, name: 'Refused', stack: 'nowhere' });
    expect(error).to.include({ code: 8, name: 'Refused', stack: 'nowhere' });
    delete error['code'];
    expect(Object.keys(error)).to.deep.equal([]);
  });

  it('hides its name, stack, cause and errors from its keys', () => {
    const error = Object.assign(new AggregateError([1], 'x', { cause: 2 }), { code: 7 });
    expect(Object.keys(send(error))).to.deep.equal(['code']);
  });

  it('has a cause only if it had one, even the cause `undefined`', () => {
    expect('cause' in send(new Error('x'))).to.equal(false);
    expect('cause' in send(new Error('x', { cause: undefined }))).to.equal(true);
  });

  it('refers to one error and to one object as often as before', () => {
    const shared = errorWith('shared');
    const context = { id: 1 };
    const error = send(errorWith('top', { a: shared, cause: shared, b: context, c: errorWith('other', { context }) }));
    expect(error['a']).to.be.instanceOf(Error).and.equal(error.cause);
    expect(error['b'])
      .to.deep.equal({ id: 1 })
      .and.equal((error['c'] as Fielded)['context']);
  });

  it('may contain itself, at any level', () => {
    const [top, middle] = [errorWith('top'), errorWith('middle')];
    Object.assign(top, { cause: middle, self: top, all: [middle, top] });
    middle['back'] = top;
    const error = send(top);
    expect(error['self']).to.equal(error);
    expect(error.cause).to.have.property('back', error);
    expect(error['all']).to.deep.equal([error.cause, error]);
  });

  it('keeps the class, name and fields of the errors in its arrays', () => {
    const inner = Object.assign(new RangeError('inner'), { name: 'Refused', code: 'E_REFUSED' });
    const all = send(new AggregateError([inner, 'text', { id: 1 }, [inner]], 'all of them'));
    expect(all).to.be.instanceOf(AggregateError).and.include({ name: 'AggregateError', message: 'all of them' });
    expect(Object.keys(all)).to.deep.equal([]);
    const { errors } = all as unknown as AggregateError;
    expect(errors.slice(1, 3)).to.deep.equal(['text', { id: 1 }]);
    expect(errors[0]).to.be.instanceOf(RangeError).and.include({ name: 'Refused', code: 'E_REFUSED' });
    expect((errors[3] as unknown[])[0]).to.equal(errors[0]);
    const [thrown] = send([inner]) as unknown as Error[];
    expect(thrown).to.be.instanceOf(RangeError);
  });

  it('has at most a hundred errors and arrays of errors, the first ones', () => {
    const first = errorWith('1');
    let last = first;
    for (let index = 2; index <= 200; index++) last.cause = last = errorWith(String(index), { index, first });
    const received = send(first);
    let [error, length] = [received, 1];
    for (; error.cause; length++) error = error.cause as Fielded;
    expect([length, error.message, error['index']]).to.deep.equal([100, '100', 100]);
    // One that has crossed may still be referred to.
    expect(error['first']).to.equal(received);

    const many = send(new AggregateError(Array.from({ length: 200 }, (_, index) => errorWith(String(index)))));
    const { errors } = many as unknown as AggregateError;
    // The first two are the error itself and its array.
    expect(errors.map(({ message }: Error) => message)).to.deep.equal(Array.from({ length: 98 }, (_, i) => String(i)));
  });

  it('takes linear time if its fields refer to the next error twice at each of 22 levels', async () => {
    const pool = threadPool({ name: 'graph', threads: 1 });
    const error = (await errorOf(pool, 'failWithGraph')) as Fielded;
    await pool.close();
    expect(countErrors(error)).to.equal(22);
    let level = error;
    for (let index = 1; index < 22; index++) {
      expect(level).to.be.instanceOf(RangeError).and.have.property('message', `level ${index}`);
      expect(level['a']).to.equal(level['b']);
      level = level['a'] as Fielded;
    }
    expect(level.message).to.equal('level 22');
  });
});
