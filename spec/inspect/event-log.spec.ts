import { expect } from 'chai';
import fc from 'fast-check';
import { EventLog } from '../../lib/inspect/server/event-log.js';
import { TaskError } from '../../lib/errors/errors.js';
import { toRecorded } from '../../lib/recording/to-recorded.js';
import type { RecordedEvent } from '../../lib/recording/types.js';
import { taskRunner } from '../../lib/task/runner.js';
import { task } from '../../lib/task/task.js';
import type { TaskEvent } from '../../lib/task/types.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

const event = (at: number, task = 'a'): RecordedEvent => ({ type: 'ready', at, task, runId: 1 });

function readAll(log: EventLog, from: number): RecordedEvent[] {
  const all: RecordedEvent[] = [];
  for (let position = from; position < log.end;) {
    const { json, next } = log.read(position);
    expect(next).to.be.greaterThan(position);
    all.push(...(JSON.parse(`[${json}]`) as RecordedEvent[]));
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
      { numRuns: scaledRuns(100) },
    );
  });

  it('returns the events that it has stored as numbers as they are recorded', () => {
    const runner = taskRunner(task('a', () => 1));
    const outcome = { task: 'a', runner, status: 'completed', startedAt: 1, endedAt: 2 } as const;
    const of = { task: 'a', runId: 3, at: 1_800_000_000_000.5 };
    const asNumbers: TaskEvent[] = [
      { type: 'initializing', ...of },
      { type: 'ready', ...of },
      { type: 'slot-started', slot: 1_800_000_000_000, ...of },
      { type: 'finalizing', ...of },
      { type: 'done', outcome, ...of },
      { type: 'done', outcome: { ...outcome, status: 'cancelled', stoppingAt: 1 }, ...of },
    ];
    const others: TaskEvent[] = [
      { type: 'cancelling', cause: 'enough', ...of },
      { type: 'done', outcome: { ...outcome, status: 'failed', error: new TaskError('a', 'execute', 'lost') }, ...of },
      { type: 'done', outcome: { ...outcome, status: 'timed-out', phase: 'execute' }, ...of },
      { type: 'done', outcome: { ...outcome, task: 'b' }, ...of },
      // A custom runner may have any outcome.
      { type: 'done', outcome: { ...outcome, phase: 'execute' } as never, ...of },
      { type: 'done', outcome: { ...outcome, error: new TaskError('a', 'execute', 'lost') }, ...of },
      { type: 'done', outcome: { ...outcome, members: [outcome] }, ...of },
      { type: 'done', outcome: { ...outcome, children: { started: 2, failed: 1 } }, ...of },
      { type: 'done', outcome: { ...outcome, slots: { runs: 1, failures: 0, skipped: 0, missed: 0 } }, ...of },
    ];
    const log = new EventLog(100);
    expect(asNumbers.map((each) => log.addAsNumbers(each))).to.deep.equal(asNumbers.map(() => true));
    for (const each of others) {
      expect(log.addAsNumbers(each), JSON.stringify(each)).to.equal(false);
      log.add(toRecorded(each, 0));
    }
    const recorded = [...asNumbers, ...others].map((each) => toRecorded(each, 0));
    expect(readAll(log, 0)).to.deep.equal(JSON.parse(JSON.stringify(recorded)));
  });

  it('returns its events in parts of a limited size', () => {
    const log = new EventLog(1000);
    for (let at = 0; at < 1000; at++) log.add(event(at, 'x'.repeat(1000)));
    expect(log.read(0).json.length).to.be.within(65_536, 70_000);
    expect(readAll(log, 0)).to.have.length(1000);
  });

  it('returns later events to a client that has read all before', () => {
    const log = new EventLog(2000);
    for (let at = 0; at < 1500; at++) {
      log.add(event(at));
      for (const client of [1, 2]) expect(readAll(log, at), `client ${client}`).to.deep.equal([event(at)]);
    }
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
    expect(log.read(0)).to.deep.equal({ json: '', next: 0 });
    log.add(event(0));
    expect(log.read(1)).to.deep.equal({ json: '', next: 1 });
  });

  it('returns the same events to clients that ask for the same, and the new ones when there are any', () => {
    const log = new EventLog(5000);
    for (let at = 0; at < 3000; at++) {
      log.add(event(at));
      if (at % 500 !== 0) continue;
      for (const client of [1, 2]) expect(readAll(log, 0), `client ${client}`).to.have.length(at + 1);
    }
    log.add(event(3000));
    expect(readAll(log, 2999)).to.deep.equal([event(2999), event(3000)]);
    log.add(event(3001));
    expect(JSON.parse(`[${log.read(2999).json}]`)).to.have.length(3);
  });

  it('keeps the type, time and task of an event that JSON cannot store, as a custom runner may emit it', () => {
    const log = new EventLog(10);
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const [at, extra] of [1n, circular].entries()) log.add({ ...event(at), extra } as RecordedEvent);
    log.add(event(2));
    expect(readAll(log, 0)).to.deep.equal([event(0), event(1), event(2)]);
  });
});
