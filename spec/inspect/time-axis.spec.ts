import { expect } from 'chai';
import { formatTime, ticks } from '../../lib/inspect/time-axis.js';

const labels = (...args: Parameters<typeof ticks>) => ticks(...args).map(({ label }) => label);
const hour = 3_600_000;

describe('The time axis', () => {
  it('has round times in one unit, which count from its start', () => {
    expect(labels(0, 7, 5)).to.deep.equal(['0', '2 ms', '4 ms', '6 ms']);
    expect(labels(5000, 5900, 5)).to.deep.equal(['0', '200 ms', '400 ms', '600 ms', '800 ms']);
    expect(labels(0, 2000, 5)).to.deep.equal(['0', '0.5 s', '1 s', '1.5 s', '2 s']);
    expect(labels(0, 300_000, 5)).to.deep.equal(['0', '1 min', '2 min', '3 min', '4 min', '5 min']);
  });

  it('has clock times when it is longer than two hours', () => {
    const start = Date.parse('2026-03-02T21:20:00Z');
    expect(labels(start, start + 5 * hour, 5)).to.deep.equal(['22:00', '23:00', '2026-03-03', '01:00', '02:00']);
    expect(labels(start, start + 5000 * 24 * hour, 4).length).to.be.within(1, 5);
    expect(formatTime(start, start, start + 5 * hour)).to.equal('2026-03-02 21:20:00');
    expect(formatTime(1500, 0, 5000)).to.equal('1.5 s');
  });

  it('counts from another zero when it shows a part of a timeline', () => {
    expect(labels(95_000, 100_000, 5, 0)).to.deep.equal(['95 s', '96 s', '97 s', '98 s', '99 s', '100 s']);
  });
});
