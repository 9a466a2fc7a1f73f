import { expect } from 'chai';
import { throwError } from 'rxjs';
import { cron, ordered, orchestrate, parallel, supervise, task, withCancel } from '../../lib/index.js';
import { Timeline } from '../../lib/inspect/timeline.js';
import type { RecordedEvent } from '../../lib/recording/types.js';
import { virtualClock, record, script, type Recording } from '../../lib/testing/index.js';

/** Records an application in virtual time, and cancels it after `stopAfter` ms. */
function recordingOf(
  runnables: Parameters<typeof orchestrate>[0],
  { stopAfter = Infinity, ...options }: Parameters<typeof orchestrate>[1] & { stopAfter?: number } = {},
): Recording {
  const clock = virtualClock(0);
  const [parent, cancel] = withCancel(undefined, { scheduler: clock });
  const recording = record(orchestrate(runnables, { scheduler: clock, parent, ...options }), { clock });
  if (stopAfter < Infinity) {
    clock.advance(stopAfter);
    cancel(new Error('deployed'));
  }
  clock.advance(100_000);
  return recording;
}

function timelineOf({ events }: Pick<Recording, 'events'>, options?: { limit: number }): Timeline {
  const timeline = new Timeline(options);
  for (const event of events) timeline.add(event);
  return timeline;
}

/** The spans of a task as `running 3-7`. */
function spans(timeline: Timeline, name: string): string[] {
  const row = timeline.rows.get(name) ?? expect.fail(`No row for ${name}`);
  return row.spans.map(({ kind, from, to }) => `${kind} ${from}-${to ?? ''}`);
}

function marks(timeline: Timeline, name: string): string[] {
  return (timeline.rows.get(name)?.marks ?? []).map(({ kind, at }) => `${kind} ${at}`);
}

const start = (type: 'initializing' | 'ready', at: number): RecordedEvent => ({ type, at, task: 'x', runId: 1 });
const done = (at: number): RecordedEvent => ({
  type: 'done',
  at,
  task: 'x',
  runId: 1,
  outcome: { task: 'x', status: 'completed' },
});

describe('Timeline', () => {
  it('has the phases of a run as spans, and the first span of a task without initialize begins with ready', () => {
    const timeline = timelineOf(recordingOf([script('db', '[-->---]-|'), script('http', '-->--|')]));
    expect(spans(timeline, 'db')).to.deep.equal(['initializing 0-3', 'running 3-7', 'finalizing 7-9']);
    expect(marks(timeline, 'db')).to.deep.equal(['done 9']);
    expect(timeline.rows.get('db')).to.include({ status: 'completed', since: 9, failures: 0 });
    expect([timeline.from, timeline.to]).to.deep.equal([0, 9]);
    expect([...timeline.rows.keys()]).to.deep.equal(['db', 'http']);
  });

  it('has the mark of a failure where it happened, before finalize, and keeps the error', () => {
    const timeline = timelineOf(recordingOf([script('db', '[-->---#]--|')]));
    expect(marks(timeline, 'db')).to.deep.equal(['failed 7']);
    const { status, failures, lastError } = timeline.rows.get('db') ?? expect.fail('No row');
    expect([status, failures, lastError?.phase]).to.deep.equal(['failed', 1, 'execute']);
    expect(timeline.appMarks.map(({ type, at }) => `${type} ${at}`)).to.deep.equal(['cancelled 7', 'shutdown 10']);
  });

  it('has a failure once, at its moment, and then the span of finalize', () => {
    const { events } = recordingOf([script('db', '[-->---#]--|')]);
    const failed = timelineOf({ events: events.slice(0, events.findIndex(({ type }) => type === 'finalizing') + 1) });
    expect(failed.rows.get('db')).to.include({ status: 'finalizing', failures: 1 });
    expect(marks(failed, 'db')).to.deep.equal(['failed 7']);
    const ended = timelineOf({ events });
    expect(spans(ended, 'db')).to.deep.equal(['initializing 0-3', 'running 3-7', 'finalizing 7-10']);
    expect(marks(ended, 'db')).to.deep.equal(['failed 7']);
  });

  it('has the failure of an older recording, which is in its last event, before finalize', () => {
    const { events } = recordingOf([supervise(script('db', ['[-->---#]--|', '#']), { maxRestarts: 1 })]);
    const timeline = timelineOf({ events: events.filter(({ type }) => type !== 'failed') });
    expect(marks(timeline, 'db').slice(0, 2)).to.deep.equal(['failed 7', 'restarting 10']);
    expect(timeline.rows.get('db')).to.include({ failures: 2 });
  });

  it('has what fails beside a run as marks', () => {
    const x = { task: 'x', runId: 1, error: { name: 'Error', message: 'why' } };
    const timeline = timelineOf({
      events: [
        start('ready', 0),
        { ...x, type: 'teardown-failed', at: 1 },
        { ...x, type: 'option-failed', at: 2, option: 'backoff.random' },
        { ...x, type: 'future-failed', at: 3 },
      ],
    });
    expect(marks(timeline, 'x')).to.deep.equal(['teardown-failed 1', 'option-failed 2', 'future-failed 3']);
    expect(timeline.rows.get('x')).to.include({ failures: 0, status: 'running', lastError: x.error });
  });

  it('has one row for the runs of one path that a task starts, with the number of active ones', () => {
    const job = (type: RecordedEvent['type'], at: number, runId: number, rest: Partial<RecordedEvent> = {}) => ({
      type,
      at,
      task: 'x/job',
      runId,
      ...rest,
    });
    const error = { name: 'Error', message: 'why' };
    const outcome = (status: 'failed' | 'completed') => ({
      outcome: { task: 'x/job', status, ...(status === 'failed' && { error }) },
    });
    const timeline = new Timeline();
    const steps: [RecordedEvent, status: string, active: number][] = [
      [job('initializing', 1, 1), 'initializing', 1],
      [job('initializing', 2, 2), 'initializing', 2],
      [job('ready', 3, 2), 'running', 2],
      [job('ready', 4, 1), 'running', 2],
      [job('failed', 5, 1, { error }), 'running', 2],
      [job('finalizing', 6, 1), 'running', 2],
      [job('finalizing', 7, 2), 'finalizing', 2],
      [job('done', 8, 1, outcome('failed')), 'finalizing', 1],
      [job('done', 9, 2, outcome('completed')), 'completed', 0],
      [job('ready', 10, 3), 'running', 1],
      [job('done', 11, 3, outcome('completed')), 'completed', 0],
    ];
    timeline.add(start('ready', 0));
    for (const [event, status, active] of steps) {
      timeline.add(event);
      expect(timeline.rows.get('x/job'), `at ${event.at}`).to.include({ status, active });
    }
    expect(spans(timeline, 'x/job')).to.deep.equal([
      'initializing 1-3',
      'running 3-7',
      'finalizing 7-9',
      'running 10-11',
    ]);
    expect(marks(timeline, 'x/job')).to.deep.equal(['failed 5', 'done 9', 'done 11']);
    expect(timeline.rows.get('x/job')).to.include({ runs: 3, failures: 1 });
  });

  it('tells two active runs of one name and number apart, as those of two tasks of that name', () => {
    const timeline = new Timeline();
    const steps: [RecordedEvent, status: string, active: number][] = [
      [start('initializing', 1), 'initializing', 1],
      [start('initializing', 2), 'initializing', 2],
      [start('ready', 3), 'running', 2],
      [start('ready', 4), 'running', 2],
      [done(5), 'running', 1],
      [start('initializing', 6), 'running', 2],
      [start('ready', 7), 'running', 2],
      [done(8), 'running', 1],
      [done(9), 'completed', 0],
    ];
    for (const [event, status, active] of steps) {
      timeline.add(event);
      expect(timeline.rows.get('x'), `at ${event.at}`).to.include({ status, active });
    }
    expect(spans(timeline, 'x')).to.deep.equal(['initializing 1-3', 'running 3-9']);
    expect(timeline.rows.get('x')).to.include({ runs: 3 });
  });

  it('tells the runs of two tasks of one name apart, when one of them ends before the other is ready', () => {
    const timeline = timelineOf({ events: [start('initializing', 1), start('initializing', 2), done(3)] });
    timeline.add(start('ready', 4));
    expect(timeline.rows.get('x')).to.include({ status: 'running', active: 1, runs: 2 });
    timeline.add(done(5));
    expect(timeline.rows.get('x')).to.include({ status: 'completed', active: 0, runs: 2 });
  });

  const ofRun = (runId: number, type: RecordedEvent['type'], at: number): RecordedEvent => ({
    ...done(at),
    type,
    runId,
  });

  it('ends the other run of the same number, and not one of another, when the first of them has ended', () => {
    const timeline = timelineOf({
      events: [ofRun(1, 'initializing', 1), ofRun(1, 'initializing', 2), ofRun(2, 'initializing', 3)],
    });
    for (const at of [4, 5]) timeline.add(ofRun(1, 'done', at));
    timeline.add(ofRun(2, 'ready', 6));
    expect(timeline.rows.get('x')).to.include({ status: 'running', active: 1, runs: 3 });
    timeline.add(ofRun(2, 'done', 7));
    expect(timeline.rows.get('x')).to.include({ status: 'completed', active: 0 });
  });

  it('continues the run of its number when several initialize or wait for their restart', () => {
    const initializing = timelineOf({
      events: [
        ...[1, 2].map((at) => ofRun(1, 'initializing', at)),
        ...[3, 4].map((at) => ofRun(1, 'ready', at)),
        ofRun(2, 'initializing', 5),
        // That of a group, whose member is ready again.
        ofRun(1, 'ready', 6),
        ...[7, 8].map((at) => ofRun(1, 'done', at)),
      ],
    });
    expect(initializing.rows.get('x')).to.include({ status: 'initializing', active: 1 });
    const restarting = timelineOf({
      events: [
        ...[1, 2].map((runId) => ofRun(runId, 'ready', runId)),
        ...[1, 2].map((runId) => ofRun(runId, 'restarting', 2 + runId)),
        ofRun(2, 'ready', 5),
        ofRun(2, 'done', 6),
      ],
    });
    expect(restarting.rows.get('x')).to.include({ status: 'waiting', active: 1 });
  });

  it('continues a run that waits for its restart with another number, and no other run', () => {
    const ready = [1, 2].map((runId) => ofRun(runId, 'ready', 0));
    const restart = ofRun(2, 'restarting', 1);
    const renumbered = timelineOf({ events: [...ready, restart, ofRun(3, 'ready', 2), ofRun(1, 'done', 3)] });
    expect(renumbered.rows.get('x')).to.include({ status: 'running', active: 1, runs: 2 });
    // The number of another run is not taken from it.
    const shared = timelineOf({ events: [...ready, restart, ofRun(1, 'ready', 2)] });
    expect(shared.rows.get('x')).to.include({ status: 'running', active: 2, runs: 2 });
  });

  it('ends the run that began last with an end of an unknown number', () => {
    const timeline = timelineOf({ events: [ofRun(1, 'ready', 0), ofRun(7, 'done', 1)] });
    expect(timeline.rows.get('x')).to.include({ status: 'completed', active: 0, runs: 1 });
  });

  it('has a mark for each event that is no phase of a run', () => {
    const kinds = [
      ...(['slot-started', 'slot-failed', 'skipped', 'missed', 'added', 'removed', 'triggered', 'paused'] as const),
      ...(['resumed', 'rescheduled', 'restart-requested', 'operated', 'overdue', 'cancelling'] as const),
      ...(['result-dropped', 'teardown-failed', 'option-failed', 'future-failed'] as const),
    ];
    const timeline = timelineOf({
      events: [start('ready', 0), ...kinds.map((type, at) => ({ ...start('ready', at), type }))],
    });
    expect(marks(timeline, 'x')).to.deep.equal(kinds.map((kind, at) => `${kind} ${at}`));
    expect(spans(timeline, 'x')).to.deep.equal(['running 0-']);
    expect(timeline.rows.get('x')).to.include({ runs: 1, slotsStarted: 1, failures: 1 });
  });

  it('begins a run with its first mark, at the start of the recording, if earlier events are missing', () => {
    for (const type of ['slot-started', 'cancelling'] as const) {
      const other = { ...start('ready', 2), task: 'y' };
      const timeline = timelineOf({ events: [other, { ...start('ready', 5), type }, { ...start('ready', 6), type }] });
      expect(spans(timeline, 'x')).to.deep.equal(['running 2-']);
      // A group may be ready more than once.
      timeline.add(start('ready', 7));
      expect(timeline.rows.get('x')).to.include({ status: 'running', runs: 1, active: 1 });
    }
  });

  it('has no row for a value, or for an event of the application', () => {
    const { rows } = timelineOf({
      events: [
        { type: 'value', at: 1, task: 'x', mark: 'a' },
        { type: 'signal', at: 2 },
      ],
    });
    expect(rows.size).to.equal(0);
  });

  it('accepts events without their details', () => {
    const bare = (type: RecordedEvent['type'], at: number): RecordedEvent => ({ type, at, task: 'x' });
    const timeline = timelineOf({
      events: [bare('ready', 0), bare('failed', 1), bare('restarting', 2), bare('ready', 3)],
    });
    timeline.add(bare('done', 4));
    timeline.add({ type: 'shutdown', at: 5 });
    expect([...timeline.rows.keys()]).to.deep.equal(['x']);
    expect(spans(timeline, 'x')).to.deep.equal(['running 0-2', 'waiting 2-3', 'running 3-4']);
    expect(marks(timeline, 'x')).to.deep.equal(['failed 1', 'restarting 2', 'done 4']);
    expect(timeline.rows.get('x')).to.include({ status: 'completed', failures: 1, restarts: 1 });
  });

  it('has no failure at a restart that was asked for', () => {
    const timeline = timelineOf({ events: [start('ready', 0), { ...start('ready', 1), type: 'restarting' }] });
    expect(timeline.rows.get('x')).to.include({ restarts: 1, failures: 0, status: 'waiting' });
  });

  it('has the failures of runs whose start it does not have, also after the end of the application', () => {
    const error = { name: 'Error', message: 'why' };
    const failed = (at: number): RecordedEvent => ({ ...done(at), outcome: { task: 'x', status: 'failed', error } });
    const twice = timelineOf({ events: [start('ready', 0), failed(1), failed(2)] });
    expect(marks(twice, 'x')).to.deep.equal(['failed 1', 'failed 2']);
    expect(twice.rows.get('x')).to.include({ failures: 2, since: 2 });
    const finalized = timelineOf({ events: [start('ready', 0), ofRun(1, 'finalizing', 5), failed(8), failed(12)] });
    expect(marks(finalized, 'x')).to.deep.equal(['failed 5', 'failed 12']);
    const again = timelineOf({ events: [start('ready', 0), done(3), ofRun(2, 'finalizing', 6)] });
    expect(spans(again, 'x')).to.deep.equal(['running 0-3', 'running 6-6', 'finalizing 6-']);
    const late = timelineOf({
      events: [{ type: 'shutdown', at: 1, outcomes: [{ task: 'x', status: 'not-started' }] }, failed(2)],
    });
    expect(marks(late, 'x')).to.deep.equal(['failed 2']);
    expect(spans(late, 'x')).to.deep.equal([]);
  });

  it('applies an outcome of the shutdown to tasks that have not ended, or that timed out', () => {
    const error = { name: 'Error', message: 'why' };
    const rowAfter = (
      events: readonly RecordedEvent[],
      outcome: { status: 'failed' | 'cancelled' | 'timed-out'; error?: typeof error },
    ) =>
      timelineOf({ events: [...events, { type: 'shutdown', at: 9, outcomes: [{ task: 'x', ...outcome }] }] }).rows.get(
        'x',
      );
    const ended = [start('ready', 0), done(3)];
    expect(rowAfter(ended, { status: 'failed', error })).to.include({ status: 'completed', since: 3 });
    expect(rowAfter(ended, { status: 'failed', error })).to.not.have.property('lastError');
    expect(rowAfter(ended, { status: 'timed-out' })).to.include({ status: 'timed-out', since: 9 });
    const failing: RecordedEvent[] = [start('ready', 0), { ...start('ready', 1), type: 'slot-failed', error }];
    expect(rowAfter(failing, { status: 'cancelled' })).to.include({ status: 'cancelled', since: 9, lastError: error });
    expect(rowAfter([], { status: 'failed', error })).to.include({ status: 'failed', since: 9, lastError: error });
  });

  describe('with many rows', () => {
    const withJobs = (count: number, limit?: number) => {
      const timeline = new Timeline(limit === undefined ? {} : { limit });
      timeline.add(start('ready', 0));
      timeline.add({ ...start('ready', 0), type: 'result-dropped', task: 'x/idle' });
      // The first ones are no jobs of another task, or have not ended.
      timeline.add({ ...done(0), task: 'y', outcome: { task: 'y', status: 'completed' } });
      timeline.add({ ...start('ready', 0), task: 'x/active' });
      for (let job = 1; job <= count - 4; job++) {
        const task = `x/job ${job}`;
        timeline.add({ ...done(job), task, outcome: { task, status: 'completed' } });
      }
      return timeline;
    };

    it('keeps 5,000, and half of them when there are more: those that are active or began last', () => {
      expect(withJobs(5000).rows.size).to.equal(5000);
      const { rows, dropped } = withJobs(5001);
      expect([rows.size, [...rows.keys()].slice(0, 5)]).to.deep.equal([
        2500,
        ['x', 'x/idle', 'y', 'x/active', `x/job ${5001 - 4 - 2495}`],
      ]);
      // A span and a mark of each.
      expect(dropped).to.equal(2 * 2501);
    });

    it('keeps 200,000 marks of all together', () => {
      const timeline = new Timeline();
      for (let at = 0; at < 1100; at++)
        for (let row = 0; row < 400; row++) timeline.add({ ...start('ready', at), type: 'skipped', task: `x ${row}` });
      for (const row of timeline.rows.values()) expect(row.marks.length).to.be.within(500, 999);
    });

    it('keeps all of a recording', () => {
      expect(withJobs(5001, Infinity).rows.size).to.equal(5001);
    });
  });

  it('keeps a bounded number of rows of ended runs, whose names have no end', () => {
    const timeline = new Timeline();
    timeline.add(start('ready', 0));
    for (let at = 1; at <= 20_000; at++) {
      const job = { at, task: `x/job ${at}`, runId: 1 };
      timeline.add({ ...job, type: 'ready' });
      if (at > 10) timeline.add({ ...job, type: 'done', outcome: { task: job.task, status: 'completed' } });
    }
    expect(timeline.rows.size).to.be.below(6000);
    expect(timeline.dropped).to.be.above(28_000);
    expect([...timeline.rows.keys()].slice(0, 3)).to.deep.equal(['x', 'x/job 1', 'x/job 2']);
    expect(timeline.rows.has('x/job 20000')).to.equal(true);
  });

  it('has the mark of a failed finalize at its end', () => {
    const timeline = timelineOf(recordingOf([script('db', '[-->---]--#')]));
    expect(marks(timeline, 'db')).to.deep.equal(['failed 10']);
  });

  it('has a waiting span between a failure and its restart', () => {
    const failing = task('db', { execute: () => throwError(() => new Error('boom')), finalize: () => undefined });
    const supervised = supervise(failing, { backoff: { initial: 100, jitter: 0 }, maxRestarts: 2 });
    const timeline = timelineOf(recordingOf([supervised]));
    expect(spans(timeline, 'db').filter((span) => span.startsWith('waiting'))).to.deep.equal([
      'waiting 0-100',
      'waiting 100-300',
    ]);
    expect(timeline.rows.get('db')).to.include({ status: 'failed', restarts: 2, failures: 3 });
    expect(timeline.rows.get('db')?.lastError?.name).to.equal('RestartLimitError');
    const events = recordingOf([supervised]).events;
    const waiting = timelineOf({ events: events.slice(0, events.findIndex(({ type }) => type === 'restarting') + 1) });
    expect(waiting.rows.get('db')).to.include({ status: 'waiting', since: 0 });
  });

  it('has the slots of a cron as marks', () => {
    const failing = task('c', () => throwError(() => new Error('boom')));
    const timeline = timelineOf(recordingOf([cron(failing, 100, { maxRuns: 3 })]));
    expect(marks(timeline, 'c')).to.deep.equal([
      'slot-started 0',
      'slot-failed 0',
      'slot-started 100',
      'slot-failed 100',
      'slot-started 200',
      'slot-failed 200',
      'done 200',
    ]);
    expect(timeline.rows.get('c')).to.include({ slotsStarted: 3, failures: 3, status: 'completed' });
  });

  it('ends the spans of timed-out tasks and members of groups, and has the tasks that never started', () => {
    const hanging = task('hanging', () => new Promise(() => undefined));
    const timeline = timelineOf(
      recordingOf([ordered('app', parallel('workers', hanging, script('ok', '[->')))], { stopAfter: 50, timeout: 200 }),
    );
    expect(spans(timeline, 'app/workers/hanging')).to.deep.equal(['running 0-250']);
    expect(timeline.rows.get('app/workers/hanging')?.status).to.equal('timed-out');
    expect(timeline.rows.get('app/workers/ok')?.status).to.equal('cancelled');
    for (const { spans } of timeline.rows.values()) for (const { to } of spans) expect(to).to.be.a('number');
    const never = timelineOf(recordingOf([ordered('app', script('a', '[-#'), script('b', '[->'))]));
    expect(never.rows.get('app/b')).to.include({ status: 'not-started', since: 2 });
    expect(never.rows.get('app/b')?.spans).to.deep.equal([]);
  });

  it('has the drain, the cancel and the shutdown as marks of the application', () => {
    const { appMarks } = timelineOf(recordingOf([script('a', '[->')], { stopAfter: 50, drainDelay: 20 }));
    expect(appMarks.map(({ type, at }) => `${type} ${at}`)).to.deep.equal([
      'draining 50',
      'cancelled 70',
      'shutdown 70',
    ]);
  });

  it('accepts a recording whose first events were dropped, at any of its events', () => {
    const failing = task('c', { execute: () => throwError(() => new Error('boom')), finalize: () => undefined });
    const { events } = recordingOf(
      [ordered('g', script('a', '[--->'), cron(failing, 100)), supervise(script('s', '[->--#]-|'), { maxRestarts: 1 })],
      { stopAfter: 1000, onFailure: 'continue' },
    );
    expect(events.length).to.be.above(20);
    for (const first of events.keys()) {
      const timeline = timelineOf({ events: events.slice(first) });
      for (const { task, spans, status } of timeline.rows.values()) {
        expect(status, task).to.not.be.oneOf(['idle', 'running', 'initializing', 'finalizing', 'waiting']);
        let last = timeline.from ?? 0;
        for (const { from, to = -1 } of spans) {
          expect([from >= last, to >= from], `${task} from ${first}`).to.deep.equal([true, true]);
          last = to;
        }
      }
    }
    const second = timelineOf({ events: events.slice(events.findIndex(({ type }) => type === 'slot-started') + 1) });
    expect(spans(second, 'g/c')[0]).to.match(/^running /);
  });

  it('has one row for two tasks of one path, which ends with the last of them', () => {
    const timeline = timelineOf(recordingOf([script('x', '->-|'), script('x', '->-----|')]));
    expect(timeline.rows.size).to.equal(1);
    expect(marks(timeline, 'x').filter((mark) => mark.startsWith('done'))).to.have.length(2);
    expect(timeline.rows.get('x')).to.include({ status: 'completed', since: timeline.to });
    const first = timelineOf({ events: [start('ready', 0), start('ready', 0), done(3)] });
    expect(first.rows.get('x')?.status).to.equal('running');
  });

  it('does not count a group twice that is ready again because a member is', () => {
    const flapping = supervise(script('a', '[->--#]-|'), { maxRestarts: Infinity, healthyFor: 1 });
    const recording = recordingOf([parallel('g', flapping)], { stopAfter: 1000 });
    expect(recording.events.filter(({ type, task }) => type === 'ready' && task === 'g')).to.have.length.above(1);
    const timeline = timelineOf({ events: recording.events.filter(({ type }) => type !== 'shutdown') });
    expect(timeline.rows.get('g')?.status).to.equal('cancelled');
    expect(spans(timeline, 'g')).to.have.length(2);
  });

  it('continues with an application that is started again', () => {
    const { events } = recordingOf([script('x', '[->-]|')]);
    const again = events.map((event) => ({ ...event, at: event.at + 100 }));
    expect(spans(timelineOf({ events: [...events, ...again] }), 'x')).to.have.length(6);
  });

  it('never goes back in time, even if the clock was set back', () => {
    const timeline = timelineOf({ events: [start('initializing', 100), start('ready', 50), done(120)] });
    expect(spans(timeline, 'x')).to.deep.equal(['initializing 100-100', 'running 100-120']);
  });

  it('keeps the last entries of each row and counts the dropped ones', () => {
    const timeline = new Timeline({ limit: 10 });
    timeline.add(start('ready', 0));
    for (let at = 1; at <= 1000; at++) timeline.add({ type: 'slot-started', at, task: 'x', runId: 1, slot: at });
    const row = timeline.rows.get('x') ?? expect.fail('No row');
    expect(row.marks.length).to.be.within(10, 20);
    expect(row.marks.at(-1)?.at).to.equal(1000);
    expect(row.slotsStarted).to.equal(1000);
    expect(timeline.dropped + row.marks.length).to.equal(1000);
    expect(() => new Timeline({ limit: 1 })).not.to.throw();
    expect(() => new Timeline({ limit: 0 })).to.throw(RangeError, 'Expected `limit` to be a number from 1 and up');
    const phases = new Timeline({ limit: 30 });
    for (let at = 0; at < 1000; at++)
      phases.add({ ...start('ready', at), type: at % 2 === 0 ? 'ready' : 'restarting' });
    const { spans: kept, marks: restarts } = phases.rows.get('x') ?? expect.fail('No row');
    expect([kept.length, restarts.length]).to.deep.equal([30 + (1000 % 30), 30 + (500 % 30)]);
    expect(phases.dropped).to.equal(1500 - kept.length - restarts.length);
    const stops = new Timeline({ limit: 30 });
    for (let at = 0; at < 100; at++) stops.add({ type: 'draining', at });
    expect([stops.appMarks.length, stops.appMarks.at(-1)?.at, stops.dropped]).to.deep.equal([40, 99, 60]);
  });

  it('has a span for a task whose start is missing, unless it was cancelled and so may never have started', () => {
    const cancelled: RecordedEvent = { ...done(5), task: 'y', outcome: { task: 'y', status: 'cancelled' } };
    const timeline = timelineOf({ events: [{ type: 'cancelled', at: 3 }, done(5), cancelled] });
    expect(spans(timeline, 'x')).to.deep.equal(['running 3-5']);
    expect(spans(timeline, 'y')).to.deep.equal([]);
  });

  it('ends at the shutdown the tasks without an outcome, as timed out', () => {
    const timeline = timelineOf({ events: [start('ready', 0), { type: 'shutdown', at: 9, outcomes: [] }] });
    expect(spans(timeline, 'x')).to.deep.equal(['running 0-9']);
    expect(timeline.rows.get('x')?.status).to.equal('timed-out');
  });

  it('imports nothing but types from outside its files, which import nothing else', async () => {
    const { readFileSync } = await import('node:fs');
    const own = ['timeline', 'task-timeline', 'task-tree', 'active-runs', 'keep-last'].map((name) => `inspect/${name}`);
    for (const file of [...own, 'util/paths-above', 'util/printable']) {
      const imports = readFileSync(`lib/${file}.ts`, 'utf8').match(/^import (?!type).*$/gm) ?? [];
      for (const line of imports)
        expect(line).to.match(
          /'(\.\/(task-timeline|task-tree|active-runs|keep-last)|\.\.\/util\/(paths-above|printable))\.js';$/,
        );
    }
  });
});
