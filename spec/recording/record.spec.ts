import { expect } from 'chai';
import { NEVER, of, Subject, throwError } from 'rxjs';
import {
  cron,
  launch,
  orchestrate,
  ordered,
  parallel,
  SignalError,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
} from '../../lib/index.js';
import {
  virtualClock,
  record,
  script,
  toMarbles,
  type RecordedEvent,
  type Recording,
} from '../../lib/testing/index.js';
import { Tape } from '../../lib/recording/tape.js';
import { unhandledDuring } from '../helpers/collect.js';

/** A recording of an application in virtual time, as text and back. */
function taped(...args: Parameters<typeof orchestrate>): Recording {
  const clock = virtualClock();
  const recording = record(orchestrate(args[0], { scheduler: clock, ...args[1] }), { clock });
  clock.advance(100_000);
  return JSON.parse(JSON.stringify(recording)) as Recording;
}

function recordingOf(...events: RecordedEvent[]): Recording {
  return { version: 1, from: 0, dropped: 0, events };
}

const tick = (slot: number): AppEvent => ({ type: 'slot-started', task: 'x', runId: 1, at: slot, slot });

describe('record', () => {
  it('records an error that cannot be looked at as that', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('boom');
      },
    });
    for (const cause of [hostile, Object.assign(new Error('x'), { name: Object.create(null) as unknown })])
      events$.next({ type: 'cancelled', cause });
    expect(recording.events.map(({ cause }) => cause?.message)).to.deep.equal([
      'It cannot be shown',
      'It cannot be shown',
    ]);
  });

  it('keeps what happens, as JSON holds it', () => {
    expect(taped([script('x', '[->-#')])).to.deep.equal({
      version: 1,
      from: 0,
      dropped: 0,
      events: [
        { type: 'initializing', at: 0, task: 'x', runId: 1 },
        { type: 'ready', at: 2, task: 'x', runId: 1 },
        {
          type: 'done',
          at: 4,
          task: 'x',
          runId: 1,
          outcome: {
            task: 'x',
            status: 'failed',
            error: {
              name: 'TaskError',
              message: 'x failed in execute: x was to fail in execute',
              task: 'x',
              phase: 'execute',
            },
          },
        },
        {
          type: 'cancelled',
          at: 4,
          cause: {
            name: 'TaskError',
            message: 'x failed in execute: x was to fail in execute',
            task: 'x',
            phase: 'execute',
          },
        },
        {
          type: 'shutdown',
          at: 4,
          outcomes: [
            {
              task: 'x',
              status: 'failed',
              error: {
                name: 'TaskError',
                message: 'x failed in execute: x was to fail in execute',
                task: 'x',
                phase: 'execute',
              },
            },
          ],
          clean: false,
          durationMs: 0,
          cause: {
            name: 'TaskError',
            message: 'x failed in execute: x was to fail in execute',
            task: 'x',
            phase: 'execute',
          },
        },
      ],
    });
  });

  it('has the outcomes of members, and of a signal which', () => {
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

  it('fills as events come, from when it was made', () => {
    const clock = virtualClock(1000);
    const events$ = new Subject<AppEvent>();
    events$.next(tick(1));
    const recording = record(events$, { clock });
    clock.advance(5);
    expect([recording.from, recording.events]).to.deep.equal([1000, []]);
    events$.next(tick(2));
    const before = recording.events;
    events$.next(tick(3));
    expect([before.length, recording.events.length, recording.dropped]).to.deep.equal([1, 2, 0]);
  });

  it('goes by the real clock unless said, and takes the events of a running application', async () => {
    const before = Date.now();
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    await launch([task('answer', () => 42)], { observer: events$ });
    expect(recording.events.map(({ type }) => type)).to.deep.equal(['ready', 'done', 'shutdown']);
    for (const event of recording.events) expect(event.at).to.be.within(before, Date.now());
    expect(recording.from).to.be.within(before, Date.now());
  });

  it('takes the events of a single runner', () => {
    const runner = taskRunner(task('x', () => of(1)));
    const recording = record(runner.events$);
    runner.start().subscribe();
    expect(recording.events.map(({ type }) => type)).to.deep.equal(['ready', 'done']);
  });

  it('keeps the last events, up to its limit, and says how many came before them', () => {
    const events$ = new Subject<AppEvent>();
    const limits = [1, 2, 3, 7, Infinity];
    const recordings = limits.map((limit) => record(events$, { limit }));
    for (let slot = 1; slot <= 20; slot++) {
      events$.next(tick(slot));
      for (const [place, { events, dropped }] of recordings.entries()) {
        const kept = Math.min(slot, limits[place] ?? 0);
        expect(events.map((event) => event.slot)).to.deep.equal(
          Array.from({ length: kept }, (_, index) => slot - kept + 1 + index),
        );
        expect(dropped).to.equal(slot - kept);
      }
    }
    expect(JSON.parse(JSON.stringify(recordings[1]))).to.deep.include({ dropped: 18, version: 1 });
  });

  it('keeps 10,000 unless said', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    for (let slot = 0; slot < 10_001; slot++) events$.next(tick(slot));
    expect([recording.events.length, recording.dropped]).to.deep.equal([10_000, 1]);
  });

  it('holds never more than twice its limit', () => {
    const tape = new Tape(0, 5);
    for (let count = 0; count < 1000; count++) {
      tape.add({ type: 'ready', at: 0 });
      expect((tape as unknown as { kept: unknown[] }).kept.length).to.be.below(10);
    }
    expect([tape.events.length, tape.dropped]).to.deep.equal([5, 995]);
  });

  it('records no more when it is stopped, and leaves its source', () => {
    const events$ = new Subject<AppEvent>();
    const recording = record(events$);
    events$.next(tick(1));
    recording.stop();
    events$.next(tick(2));
    expect([recording.events.length, events$.observed]).to.deep.equal([1, false]);
    recording.stop();
    expect(Object.keys(JSON.parse(JSON.stringify(recording)) as object)).to.deep.equal([
      'version',
      'from',
      'events',
      'dropped',
    ]);
  });

  it('leaves an error of its source to whoever else listens', async () => {
    const errors = await unhandledDuring(() => record(throwError(() => new Error('boom'))));
    expect(errors).to.deep.equal([]);
  });

  it('holds no task, no runner and no error', async () => {
    const held: WeakRef<object>[] = [];
    const recording = await (async () => {
      const events$ = new Subject<AppEvent>();
      const recording = record(events$);
      const error = new Error('boom');
      const failing = taskRunner(task('x', () => throwError(() => error)));
      held.push(new WeakRef(error), new WeakRef(failing));
      await launch([parallel('g', failing)], { observer: events$ });
      recording.stop();
      return recording;
    })();
    for (let turn = 0; turn < 20 && held.some((one) => one.deref()); turn++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      globalThis.gc?.();
    }
    expect(held.map((one) => one.deref())).to.deep.equal([undefined, undefined]);
    expect(recording.events.length).to.be.above(3);
  });

  it('is text whatever is thrown, or cancelled with', () => {
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
    const failed = taped([task('x', () => throwError(() => circular)), task('y', () => throwError(() => odd))]);
    expect(failed.events.at(-1)?.clean).to.equal(false);
    const said = (cause: unknown) => taped([], { parent: AbortSignal.abort(cause) }).events[0]?.cause;
    expect(said('why')).to.deep.equal({ name: 'string', message: 'why' });
    expect(said({ code: 7 })).to.deep.equal({ name: 'object', message: '{ code: 7 }' });
    expect(said(new TaskError('x', 'execute', 1))).to.deep.include({ name: 'TaskError', task: 'x', phase: 'execute' });
  });

  it('refuses bad input when it is made', () => {
    expect(() => record(NEVER, { limit: 0 })).to.throw(
      RangeError,
      'Expected `limit` to be a whole number from 1 and up',
    );
    expect(() => record(NEVER, { limit: NaN })).to.throw(RangeError, 'Expected `limit`');
    expect(() => record(NEVER, { limit: 1.5 })).to.throw(RangeError, 'Expected `limit` to be a whole number');
    expect(() => record(NEVER, { limit: '1' as never })).to.throw(TypeError, 'Expected `limit`');
    expect(() => record(NEVER, { max: 1 } as never)).to.throw(TypeError, 'got `max` (unknown)');
    expect(() => record(NEVER, { clock: 5 as never })).to.throw(TypeError, 'Expected `clock.now` to be a function');
    expect(() => record(undefined as never)).to.throw(
      TypeError,
      'Expected `events$` to be an Observable, got undefined',
    );
    expect(() => record(taskRunner(task('x', () => 1)) as never)).to.throw(TypeError, 'Expected `events$`');
  });
});

describe('toMarbles', () => {
  const drawn = (...args: Parameters<typeof orchestrate>) => toMarbles(taped(...args)).split('\n');

  it('draws a row for each task in the order in which they began, and the application last', () => {
    expect(drawn([script('db', '[-->---#]-|'), script('http', '[->--(!|)')])).to.deep.equal(
      ['db           [-->---(#])-|', 'http         [->-----   -(!|)', 'application  --------   -(!#)'].map(
        (line) => line,
      ),
    );
  });

  it('draws a failure where it happened: before `finalize`, or after it when it failed itself', () => {
    expect(drawn([script('x', '[->-(#])--|')])[0]).to.equal('x            [->-(#])--|');
    expect(drawn([script('x', '[(#])--|')])[0]).to.equal('x            [(#])--|');
    expect(drawn([script('x', '[>-]--#')])[0]).to.equal('x            [>-]--#');
    expect(drawn([script('x', '[>-(#])-#')])[0]).to.equal('x            [>-(#])-|');
    expect(drawn([script('x', '-#')])[0]).to.equal('x            >#');
  });

  it('draws each life of a supervised task', () => {
    const backoff = { initial: 3, factor: 1, jitter: 0 };
    const lives = ['[>-(#])-|', '[-#', '[>-|'];
    const supervised = supervise(script('x', lives), { backoff, restart: 'always', maxRestarts: 3 });
    expect(drawn([supervised], { onFailure: 'continue' })[0]).to.equal(
      'x            [>-(#])-<--[-(#]<)--[>-(]<)--[>-(#]|)',
    );
  });

  it('draws what becomes of the slots of a cron', () => {
    const marks = (...types: string[]) =>
      toMarbles(recordingOf(...types.map((type, place) => ({ type: type as 'slot-started', at: place, task: 'x' }))));
    expect(
      marks(
        'ready',
        'slot-started',
        'skipped',
        'missed',
        'overdue',
        'slot-failed',
        'result-dropped',
        'cancelling',
        'finalizing',
      ),
    ).to.equal("x  >+/%:*'!]");
  });

  it('draws a task that was never told of a cancel as cancelled, too', () => {
    const cancelled = [script('x', '')];
    expect(toMarbles(taped(cancelled, { parent: AbortSignal.abort() }))).to.equal(
      'x            (!|)\napplication  (!|)',
    );
  });

  it('draws `?` for who has not ended by the deadline, and of groups for those of its members', () => {
    const deaf = (name: string) => task(name, () => new Promise(() => undefined));
    const marbles = toMarbles(
      taped([ordered('g', deaf('a'), script('b', '')), deaf('c'), script('d', '-#')], { timeout: 5 }),
    );
    expect(marbles)
      .to.match(/^g\/a +> *! *----\?$/m)
      .and.match(/^c +> *! *----\?$/m);
    expect(marbles)
      .to.match(/^g +\(\[>\)!$/m)
      .and.match(/^application +- *! *----#$/m);
  });

  it('draws the signals that it was stopped by, once', () => {
    const cause = { name: 'SignalError', message: '', signal: 'SIGTERM' } as const;
    expect(toMarbles(recordingOf({ type: 'draining', at: 3, cause }, { type: 'cancelled', at: 5, cause }))).to.equal(
      'signals      ---T\napplication  ---~-!',
    );
    expect(
      toMarbles(recordingOf({ type: 'signal', at: 2, signal: 'SIGINT' }, { type: 'cancelled', at: 2, cause })),
    ).to.equal('signals      --I\napplication  --!');
    expect(toMarbles(recordingOf({ type: 'cancelled', at: 1, cause: { ...cause, signal: 'SIGWINCH' } }))).to.equal(
      'signals      -_\napplication  -!',
    );
  });

  it('never goes back in time, though the clock by which it was recorded has', () => {
    expect(
      toMarbles(
        recordingOf(
          { type: 'ready', at: -5, task: 'x' },
          { type: 'slot-started', at: 3, task: 'x' },
          { type: 'slot-started', at: 1, task: 'x' },
          { type: 'slot-started', at: 4, task: 'x' },
        ),
      ),
    ).to.equal('x  >--(++)+');
  });

  it('draws a recording under way, one that is empty, and one whose first events were dropped', () => {
    expect(toMarbles(recordingOf())).to.equal('');
    const clock = virtualClock();
    const recording = record(orchestrate([script('x', '[->')], { scheduler: clock }), { clock, limit: 1 });
    clock.advance(5);
    expect(toMarbles(recording)).to.equal('x  -->');
  });

  it('draws a cron by the time of its slots', () => {
    const clock = virtualClock('2026-03-29T00:59:00Z');
    const jobs = [cron(script('job', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })];
    const recording = record(orchestrate(jobs, { scheduler: clock }), { clock });
    clock.advance(2 * 86_400_000);
    expect(toMarbles(recording).split('\n')[0]).to.equal('job          > 59.999s + 23h 29m 59.999s (+|)');
  });
});
