import { expect } from 'chai';
import { NEVER, of, Subject, throwError } from 'rxjs';
import {
  cron,
  launch,
  orchestrate,
  parallel,
  ShutdownReport,
  SignalError,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
} from '../../lib/index.js';
import { EventBuffer } from '../../lib/recording/event-buffer.js';
import { record, scenario, script, toMarbles, virtualClock, type Recording } from '../../lib/testing/index.js';
import { unhandledDuring } from '../helpers/collect.js';
import { recordingOf } from '../helpers/recordings.js';

const slotStarted = (slot: number): AppEvent => ({ type: 'slot-started', task: 'x', runId: 1, at: slot, slot });

describe('record', () => {
  it('records an error whose properties throw', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('boom');
      },
    });
    for (const cause of [hostile, Object.assign(new Error('x'), { name: Object.create(null) as unknown })])
      events$.next({ type: 'cancelled', cause });
    expect(recording.events.map(({ cause }) => cause)).to.deep.equal([
      { name: 'Error', message: '(its message cannot be read)' },
      { name: 'Error', message: 'x' },
    ]);
  });

  it('records events as JSON stores them', () => {
    const error = {
      name: 'TaskError',
      message: 'x failed in execute: x was to fail in execute',
      task: 'x',
      phase: 'execute',
    };
    const outcome = { task: 'x', status: 'failed', error };
    expect(recordingOf([script('x', '[->-#')])).to.deep.equal({
      version: 1,
      from: 0,
      dropped: 0,
      events: [
        { type: 'initializing', at: 0, task: 'x', runId: 1 },
        { type: 'ready', at: 2, task: 'x', runId: 1 },
        { type: 'failed', at: 4, task: 'x', runId: 1, phase: 'execute', error },
        { type: 'cancelled', at: 4, cause: error },
        { type: 'done', at: 4, task: 'x', runId: 1, outcome },
        { type: 'shutdown', at: 4, outcomes: [outcome], clean: false, durationMs: 0, cause: error },
      ],
    });
  });

  it('records the texts, numbers and booleans of an event, as a custom runner may emit any', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const of = { type: 'ready', task: 'x', runId: 1, at: 2 } as const;
    const further = { runner: circular, count: 3n, listener: () => undefined, own: Symbol('own'), nothing: null };
    events$.next({ ...of, ...further, attempt: 4, isLast: true } as AppEvent);
    expect(JSON.parse(JSON.stringify(recording.events))).to.deep.equal([{ ...of, attempt: 4, isLast: true }]);
    events$.next({ ...of, at: NaN });
    expect(recording.events[1]?.at).to.be.within(recording.from, Date.now());
  });

  it('records the failures outside the tasks, and the number of those that a report lacks', () => {
    const failures = [new Error('first'), 'second'];
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    const fields = { cause: undefined, outcomes: [], clean: false, durationMs: 0, failures };
    events$.next({ type: 'shutdown', report: new ShutdownReport(fields) });
    events$.next({ type: 'shutdown', report: new ShutdownReport({ ...fields, moreFailures: 3 }) });
    const recorded = [
      { name: 'Error', message: 'first' },
      { name: 'string', message: 'second' },
    ];
    expect(recording.events.map((event) => [event.failures, event.moreFailures])).to.deep.equal([
      [recorded, undefined],
      [recorded, 3],
    ]);
  });

  it('records the outcomes of members and the name of a signal', () => {
    const [parent, cancel] = withCancel();
    const clock = virtualClock();
    const recording = record(orchestrate([parallel('g', script('a', ''))], { scheduler: clock, parent }), { clock });
    cancel(new SignalError('SIGTERM'));
    const { outcomes, cause } = recording.events.at(-1) ?? expect.fail('There is no event');
    expect(outcomes).to.deep.equal([
      { task: 'g', status: 'cancelled', members: [{ task: 'g/a', status: 'cancelled' }] },
    ]);
    expect(cause).to.deep.equal({ name: 'SignalError', message: 'Received SIGTERM', signal: 'SIGTERM' });
  });

  it('records the hook in which a run has timed out', async () => {
    const { recording } = await scenario({ run: () => [script('x', '[>-]--?')], signals: '--T', timeout: 5 });
    expect(recording.events.find(({ type }) => type === 'shutdown')?.outcomes).to.deep.equal([
      { task: 'x', status: 'timed-out', phase: 'finalize' },
    ]);
  });

  it('records the numbers of the slots of a cron, without its last one', async () => {
    const { recording } = await scenario({ run: () => [cron(script('x', ['-|', '-#', '|']), 5, { maxRuns: 3 })] });
    expect(recording.events.find(({ type }) => type === 'done')?.outcome).to.deep.equal({
      task: 'x',
      status: 'completed',
      slots: { runs: 3, failures: 1, skipped: 0, missed: 0 },
    });
  });

  it('records the numbers of the runs that a task has started, without their outcomes', () => {
    const parent = task('x', (ctx) => taskRunner(task('y', () => of(1))).start(ctx));
    expect(recordingOf([parent]).events.findLast(({ type }) => type === 'done')?.outcome).to.deep.equal({
      task: 'x',
      status: 'completed',
      children: { started: 1, failed: 0 },
    });
  });

  it('keeps the first 2000 characters of a text', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    const causes = [
      'x'.repeat(2000),
      'x'.repeat(2001),
      Object.assign(new Error('y'.repeat(3000)), { name: 'z'.repeat(3000) }),
    ];
    for (const cause of causes) events$.next({ type: 'cancelled', cause });
    expect(recording.events.map(({ cause }) => cause)).to.deep.equal([
      { name: 'string', message: 'x'.repeat(2000) },
      { name: 'string', message: `${'x'.repeat(2000)}…` },
      { name: `${'z'.repeat(2000)}…`, message: `${'y'.repeat(2000)}…` },
    ]);
  });

  it('grows with each event from its creation on', () => {
    const clock = virtualClock(1000);
    const events$ = new Subject<AppEvent>();
    events$.next(slotStarted(1));
    const recording = record(events$, { clock });
    clock.advance(5);
    expect([recording.from, recording.events]).to.deep.equal([1000, []]);
    events$.next(slotStarted(2));
    const before = recording.events;
    events$.next(slotStarted(3));
    expect([before.length, recording.events.length, recording.dropped]).to.deep.equal([1, 2, 0]);
  });

  it('uses the real clock by default, and records a running application', async () => {
    const before = Date.now();
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    await launch([task('answer', () => 42)], { observer: events$ });
    expect(recording.events.map(({ type }) => type)).to.deep.equal(['ready', 'done', 'shutdown']);
    for (const event of recording.events) expect(event.at).to.be.within(before, Date.now());
    expect(recording.from).to.be.within(before, Date.now());
  });

  it('records the events of a single runner', () => {
    const runner = taskRunner(task('x', () => of(1)));
    const recording = record(runner.events$);
    runner.start().subscribe();
    expect(recording.events.map(({ type }) => type)).to.deep.equal(['ready', 'done']);
  });

  it('keeps the last events up to its limit, and counts the dropped ones', () => {
    const events$ = new Subject<AppEvent>();
    const limits = [1, 2, 3, 7, Infinity];
    const recordings = limits.map((limit) => record(events$, { limit }));
    for (let slot = 1; slot <= 20; slot++) {
      events$.next(slotStarted(slot));
      for (const [index, { events, dropped }] of recordings.entries()) {
        const kept = Math.min(slot, limits[index] ?? 0);
        expect(events.map((event) => event.slot)).to.deep.equal(
          Array.from({ length: kept }, (_, offset) => slot - kept + 1 + offset),
        );
        expect(dropped).to.equal(slot - kept);
      }
    }
    expect(JSON.parse(JSON.stringify(recordings[1]))).to.deep.include({ dropped: 18, version: 1 });
  });

  it('keeps 10,000 events by default', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    for (let slot = 0; slot < 10_001; slot++) events$.next(slotStarted(slot));
    expect([recording.events.length, recording.dropped]).to.deep.equal([10_000, 1]);
  });

  it('stores less than twice its limit', () => {
    const buffer = new EventBuffer(0, 5);
    for (let count = 0; count < 1000; count++) {
      buffer.add({ type: 'ready', at: 0 });
      expect((buffer as unknown as { stored: unknown[] }).stored.length).to.be.below(10);
    }
    expect([buffer.events.length, buffer.dropped]).to.deep.equal([5, 995]);
  });

  it('stops recording and unsubscribes from its source when it is stopped', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    events$.next(slotStarted(1));
    recording.stop();
    events$.next(slotStarted(2));
    expect([recording.events.length, events$.observed]).to.deep.equal([1, false]);
    recording.stop();
    expect(Object.keys(JSON.parse(JSON.stringify(recording)) as object)).to.deep.equal([
      'version',
      'from',
      'events',
      'dropped',
    ]);
  });

  it('does not report an error of its source as unhandled', async () => {
    const errors = await unhandledDuring(() => record(throwError(() => new Error('boom'))));
    expect(errors).to.deep.equal([]);
  });

  it('keeps no reference to tasks, runners and errors', async () => {
    const references: WeakRef<object>[] = [];
    const recording = await (async () => {
      const events$ = new Subject<AppEvent>();
      const recording = record(events$);
      const error = new Error('boom');
      const failing = taskRunner(task('x', () => throwError(() => error)));
      references.push(new WeakRef(error), new WeakRef(failing));
      await launch([parallel('g', failing)], { observer: events$ });
      recording.stop();
      return recording;
    })();
    for (let turn = 0; turn < 20 && references.some((reference) => reference.deref()); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      globalThis.gc?.();
    }
    expect(references.map((reference) => reference.deref())).to.deep.equal([undefined, undefined]);
    expect(recording.events.length).to.be.above(3);
  });

  it('can be stored as JSON after any error or cause', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const odd = Object.assign(new Error('odd'), { task: circular, phase: 5, signal: new AbortController().signal });
    Object.assign(odd, { name: Symbol('name') });
    const causes: unknown[] = ['text', 0, null, Symbol('s'), circular, Object.create(null), odd, 5n, () => 1];
    for (const cause of causes) {
      const clock = virtualClock();
      const [parent, cancel] = withCancel();
      const recording = record(orchestrate([script('x', '')], { scheduler: clock, parent }), { clock });
      cancel(cause);
      const events = (JSON.parse(JSON.stringify(recording)) as Recording).events;
      expect(events.map(({ type }) => type)).to.include('shutdown');
      expect(toMarbles(recording)).to.match(/^application +\(!\|\)$/m);
      for (const { message, name } of events.flatMap((event) => event.cause ?? [])) {
        expect([typeof message, typeof name]).to.deep.equal(['string', 'string']);
      }
    }
    const failed = recordingOf([task('x', () => throwError(() => circular)), task('y', () => throwError(() => odd))]);
    expect(failed.events.at(-1)?.clean).to.equal(false);
    const causeOf = (cause: unknown) => recordingOf([], { parent: AbortSignal.abort(cause) }).events[0]?.cause;
    expect(causeOf('why')).to.deep.equal({ name: 'string', message: 'why' });
    expect(causeOf({ code: 7 })).to.deep.equal({ name: 'object', message: '{ code: 7 }' });
    expect(causeOf({ task: 'x' })).to.deep.equal({ name: 'object', message: "{ task: 'x' }" });
    expect(causeOf(new TaskError('x', 'execute', 1))).to.deep.include({
      name: 'TaskError',
      task: 'x',
      phase: 'execute',
    });
  });

  it('rejects invalid input immediately', () => {
    expect(() => record(NEVER, { limit: 0 })).to.throw(
      RangeError,
      'Expected `limit` to be a whole number from 1 and up',
    );
    expect(() => record(NEVER, { limit: NaN })).to.throw(RangeError, 'Expected `limit`');
    expect(() => record(NEVER, { limit: 1.5 })).to.throw(RangeError, 'Expected `limit` to be a whole number');
    expect(() => record(NEVER, { limit: '1' as never })).to.throw(TypeError, 'Expected `limit`');
    expect(() => record(NEVER, { max: 1 } as never)).to.throw(TypeError, 'Expected an option of `record`, got `max`');
    for (const clock of [5, null])
      expect(() => record(NEVER, { clock: clock as never })).to.throw(
        TypeError,
        'Expected `clock.now` to be a function',
      );
    expect(() => record(undefined as never)).to.throw(
      TypeError,
      'Expected `events$` to be an Observable, got undefined',
    );
    expect(() => record(taskRunner(task('x', () => 1)) as never)).to.throw(TypeError, 'Expected `events$`');
  });
});
