import { expect } from 'chai';
import fc from 'fast-check';
import { Journal } from '../../lib/inspect/journal.js';
import type { RecordedEvent } from '../../lib/recording/recorded.js';

const event = (at: number, task = 'a'): RecordedEvent => ({ type: 'ready', at, task, runId: 1 });

function readAll(journal: Journal, from: number): RecordedEvent[] {
  const all: RecordedEvent[] = [];
  for (let place = from; place < journal.end;) {
    const { json, next } = journal.read(place);
    expect(next).to.be.greaterThan(place);
    all.push(...(JSON.parse(`[${json.toString()}]`) as RecordedEvent[]));
    place = next;
  }
  return all;
}

describe('Journal', () => {
  it('gives what was added, from any number on, as long as it is kept', () => {
    const names = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('€'.repeat(30_000))), { maxLength: 60 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 20 }), (tasks, limit) => {
        const journal = new Journal(limit);
        const events = tasks.map((task, at) => event(at, task));
        for (const one of events) journal.add(one);
        expect([journal.start, journal.end]).to.deep.equal([Math.max(0, tasks.length - limit), tasks.length]);
        for (let from = journal.start; from <= journal.end; from++)
          expect(readAll(journal, from)).to.deep.equal(JSON.parse(JSON.stringify(events.slice(from))));
      }),
      { numRuns: 100 },
    );
  });

  it('keeps no more than it has to, however much comes', () => {
    const journal = new Journal(100);
    for (let at = 0; at < 1000; at++) journal.add(event(at));
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 200_000; at++) journal.add(event(at));
    global.gc?.();
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(2 ** 20);
    expect(readAll(journal, journal.start)).to.have.length(100);
  });

  it('has nothing to read at its end', () => {
    const journal = new Journal(1);
    expect(journal.read(0).next).to.equal(0);
    journal.add(event(0));
    expect(journal.read(1)).to.deep.include({ next: 1 });
  });
});
