import { expect } from 'chai';
import { growth } from './growth.js';

describe('The growth of a series', () => {
  const noise = (k: number) => ((k * 7919) % 100) - 50;
  const series = (slope: number) => Array.from({ length: 200 }, (_, k) => 1000 + slope * k + noise(k));
  const growthOf = (figures: number[]) => {
    const { from, to } = growth(figures);
    return to - from;
  };

  it('ignores noise', () => {
    expect(Math.abs(growthOf(series(0)))).to.be.below(10);
    expect(growthOf(series(1))).to.be.within(90, 110);
  });

  it('ignores a single outlier, and the level at the start', () => {
    expect(growthOf([0, 5, 5, 5, 5, 9, 5, 5])).to.equal(0);
  });
});
