import { expect } from 'chai';
import { duration } from '../../lib/util/duration.js';

const hour = 3_600_000;

describe('duration', () => {
  it('uses at most two units, carries over at the boundaries, and is not negative', () => {
    const expected = [
      [-hour, '0 ms'],
      [0, '0 ms'],
      [999.4, '999 ms'],
      [999.6, '1 s'],
      [1234, '1.23 s'],
      [59_949, '59.9 s'],
      [59_951, '1 min'],
      [90_000, '1 min 30 s'],
      [3_569_999, '59 min 30 s'],
      [3_599_000, '1 h'],
      [7_200_000, '2 h'],
      [47.99 * hour, '47 h 59 min'],
      [49 * hour, '2 d 1 h'],
    ] as const;
    expect(expected.map(([ms]) => duration(ms))).to.deep.equal(expected.map(([, text]) => text));
  });

  it('keeps one decimal and a second unit of 0 in its fixed form, and counts in hours at most', () => {
    const expected = [
      [0.4, '0 ms'],
      [999.5, '1.0 s'],
      [9996, '10.0 s'],
      [59_949, '59.9 s'],
      [59_950, '1 min 0 s'],
      [3_599_499, '59 min 59 s'],
      [3_599_500, '1 h 0 min'],
      [49 * hour, '49 h 0 min'],
    ] as const;
    expect(expected.map(([ms]) => duration(ms, { fixed: true }))).to.deep.equal(expected.map(([, text]) => text));
  });
});
