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
});
