import { expect } from 'chai';
import { attempt } from '../../lib/util/attempt.js';
import { throwing } from '../helpers/tasks.js';

describe('attempt', () => {
  it('returns the result, or the fallback when reading throws', () => {
    expect(attempt(() => 1, 2)).to.equal(1);
    expect(attempt(throwing(new Error('not readable')), 2)).to.equal(2);
  });
});
