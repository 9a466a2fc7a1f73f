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
    expect(() => new Timeline({ limit: 0 })).to.throw(RangeError, 'Expected `limit` to be a number from 1 and up');
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
