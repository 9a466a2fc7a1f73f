import { expect } from 'chai';
import fc from 'fast-check';
import { EventLog } from '../../lib/inspect/server/event-log.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

const event = (at: number, task = 'a'): RecordedEvent => ({ type: 'ready', at, task, runId: 1 });

function readAll(log: EventLog, from: number): RecordedEvent[] {
  const all: RecordedEvent[] = [];
  for (let position = from; position < log.end;) {
    const { json, next } = log.read(position);
    expect(next).to.be.greaterThan(position);
    all.push(...(JSON.parse(`[${json.toString()}]`) as RecordedEvent[]));
    position = next;
  }
  return all;
}

describe('EventLog', () => {
  it('returns its events from any number on', () => {
    const names = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('€'.repeat(30_000))), { maxLength: 60 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 20 }), (tasks, limit) => {
        const log = new EventLog(limit);
        const events = tasks.map((task, at) => event(at, task));
        for (const one of events) log.add(one);
        expect([log.start, log.end]).to.deep.equal([Math.max(0, tasks.length - limit), tasks.length]);
        for (let from = log.start; from <= log.end; from++)
          expect(readAll(log, from)).to.deep.equal(JSON.parse(JSON.stringify(events.slice(from))));
      }),
      { numRuns: 100 },
    );
  });

  it('keeps a bounded number of bytes of any number of events', () => {
    const log = new EventLog(100);
    for (let at = 0; at < 1000; at++) log.add(event(at));
    global.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 200_000; at++) log.add(event(at));
    global.gc?.();
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(4 * 2 ** 20);
    expect(readAll(log, log.start)).to.have.length(100);
  });

  it('returns nothing at its end', () => {
    const log = new EventLog(1);
    expect(log.read(0).next).to.equal(0);
    log.add(event(0));
    expect(log.read(1)).to.deep.include({ next: 1 });
  });
});
