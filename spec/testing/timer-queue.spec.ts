import { expect } from 'chai';
import fc from 'fast-check';
import { TimerQueue } from '../../lib/testing/timer-queue.js';

interface Timer {
  readonly delay: number;
}

describe('TimerQueue', () => {
  it('has the order of a stable sort by time, whatever is added and deleted', () => {
    const operation = fc.oneof(
      fc.record({ add: fc.nat(20) }),
      fc.record({ delete: fc.nat(30) }),
      fc.record({ take: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const queue = new TimerQueue<Timer>();
        let expected: Timer[] = [];
        for (const each of operations) {
          if ('add' in each) {
            const timer = { delay: each.add / 2 };
            queue.add(timer);
            expected = [...expected, timer].sort((a, b) => a.delay - b.delay);
            continue;
          }
          const timer = 'take' in each ? queue.first : expected[each.delete];
          if (!timer) continue;
          if ('take' in each) expect(timer).to.equal(expected[0]);
          queue.delete(timer);
          queue.delete(timer);
          expected = expected.filter((other) => other !== timer);
        }
        expect([queue.size, queue.first]).to.deep.equal([expected.length, expected[0]]);
        for (const until of [0, 3, 5.5, 20])
          expect(queue.until(until)).to.deep.equal(expected.filter(({ delay }) => delay <= until));
      }),
    );
  });

  it('keeps no instants of many timers that were deleted', () => {
    const queue = new TimerQueue<Timer>();
    const last = { delay: 1e6 };
    queue.add(last);
    for (let delay = 0; delay < 5000; delay++) {
      const timer = { delay };
      queue.add(timer);
      queue.delete(timer);
    }
    expect((queue as unknown as { heap: number[] }).heap.length).to.be.lessThan(1100);
    expect([queue.first, queue.size]).to.deep.equal([last, 1]);
  });

  it('has its order also after many timers were deleted', () => {
    const queue = new TimerQueue<Timer>();
    const timers = Array.from({ length: 5000 }, (_, index) => ({ delay: (index * 7919) % 5000 }));
    for (const timer of timers) queue.add(timer);
    for (const timer of timers) if (timer.delay % 100 !== 0) queue.delete(timer);
    const taken: number[] = [];
    for (let { first } = queue; first; { first } = queue) {
      taken.push(first.delay);
      queue.delete(first);
    }
    expect(taken).to.deep.equal(Array.from({ length: 50 }, (_, index) => 100 * index));
  });
});
