import { expect } from 'chai';
import { formatTime, stepFor, ticks, zoneOf } from '../../lib/inspect/time-axis.js';

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
  });

  it('changes its unit after one second, after two minutes, and after two hours', () => {
    const last = (length: number) => labels(0, length, 5).at(-1);
    expect([last(1000), last(1001)]).to.deep.equal(['1000 ms', '1 s']);
    expect([last(120_000), last(120_001)]).to.deep.equal(['120 s', '2 min']);
    expect([last(2 * hour), last(2 * hour + 1)]).to.deep.equal(['120 min', '02:00']);
    expect([zoneOf(0, 2 * hour), zoneOf(0, 2 * hour + 1)]).to.deep.equal(['', 'UTC']);
  });

  it('has as many ticks as fit, and steps of whole days if it is very long', () => {
    expect([stepFor(1000, 5), stepFor(1001, 5)]).to.deep.equal([200, 500]);
    expect(stepFor(5 * 364 * 24 * hour + 1, 5)).to.equal(365 * 24 * hour);
    expect(labels(0, 1000, 5)).to.have.length(6);
    expect(labels(0, 3 * 24 * hour, 5).at(-1)).to.equal('1970-01-04');
  });

  it('formats a time as its labels: from its start, or as a clock time with seconds', () => {
    expect(formatTime(6500, 5000, 9000)).to.equal('1.5 s');
    expect(formatTime(5000, 5000, 5000 + 2 * hour)).to.equal('0 ms');
    expect(formatTime(5000, 5000, 5001 + 2 * hour)).to.equal('1970-01-01 00:00:05');
  });

  it('counts from another zero when it shows a part of a timeline', () => {
    expect(labels(95_000, 100_000, 5, 0)).to.deep.equal(['95 s', '96 s', '97 s', '98 s', '99 s', '100 s']);
    expect(ticks(7100, 7700, 3, 7000)).to.deep.equal([
      { at: 7200, label: '200 ms' },
      { at: 7400, label: '400 ms' },
      { at: 7600, label: '600 ms' },
    ]);
  });
});
