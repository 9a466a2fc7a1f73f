import { expect } from 'chai';
import { windowOf } from '../../lib/inspect/time-window.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

describe('The time that a drawing shows', () => {
  const event = (at: number): RecordedEvent => ({ type: 'ready', at, task: 'x', runId: 1 });
  const windows: [title: string, from: number, dropped: number, times: number[], window: [number, number]][] = [
    ['begins with the recording', 5, 0, [10, 20], [5, 20]],
    ['begins with the first event if earlier ones were dropped', 5, 1, [10, 20], [10, 20]],
    ['begins with the first event if the clock was set back before it', 15, 0, [10, 20], [10, 20]],
    ['is not empty at the first event', 10, 0, [10], [10, 11]],
    ['is not empty without events', 5, 0, [], [5, 6]],
    ['is not empty without the events that were dropped', 5, 3, [], [5, 6]],
  ];
  for (const [title, from, dropped, times, expected] of windows)
    it(title, () => {
      const window = windowOf({ version: 1, from, dropped, events: times.map(event) });
      expect([window.from, window.to]).to.deep.equal(expected);
    });

  it('is of a recording', () => {
    expect(() => windowOf({} as never)).to.throw(TypeError, 'Expected `recording`');
  });

  it('has all events of a recording, however many', () => {
    const slots = Array.from({ length: 3000 }, (_, at): RecordedEvent => ({
      ...event(at),
      type: 'slot-started',
      slot: at,
    }));
    const { timeline } = windowOf({ version: 1, from: 0, dropped: 0, events: slots });
    expect(timeline.rows.get('x')?.marks).to.have.length(3000);
  });
});
