import { expect } from 'chai';
import { cron, orchestrate, ordered, supervise, task } from '../../lib/index.js';
import type { RecordedEvent, Recording } from '../../lib/recording/types.js';
import { record, script, toMarbles, virtualClock } from '../../lib/testing/index.js';
import { recordingOf } from '../helpers/recordings.js';

/** Creates a recording of these events. */
function withEvents(...events: RecordedEvent[]): Recording {
  return { version: 1, from: 0, dropped: 0, events };
}

describe('toMarbles', () => {
  const drawn = (...args: Parameters<typeof orchestrate>) => toMarbles(recordingOf(...args)).split('\n');

  it('draws a row for each task in the order of their starts, and the application last', () => {
    expect(drawn([script('db', '[-->---#]-|'), script('http', '[->--(!|)')])).to.deep.equal([
      'db           [-->---(#])-|',
      'http         [->----(!|)',
      'application  -------!   -#',
    ]);
  });

  it('draws a failure where it occurred: before `finalize`, or at its end if `finalize` failed', () => {
    expect(drawn([script('x', '[->-(#])--|')])[0]).to.equal('x            [->-(#])--|');
    expect(drawn([script('x', '[(#])--|')])[0]).to.equal('x            [(#])--|');
    expect(drawn([script('x', '[>-]--#')])[0]).to.equal('x            [>-]--#');
    expect(drawn([script('x', '[>-(#])-#')])[0]).to.equal('x            [>-(#])-|');
    expect(drawn([script('x', '-#')])[0]).to.equal('x            >#');
  });

  it('draws a failure at its moment, and not again at the end or the restart', () => {
    const x = { task: 'x', runId: 1 };
    const error = { name: 'TaskError', message: 'x failed in execute: why', task: 'x', phase: 'execute' } as const;
    const outcome = { task: 'x', status: 'failed', error } as const;
    const failed = { ...x, type: 'failed', phase: 'execute', error } as const;
    expect(
      toMarbles(
        withEvents(
          { ...x, type: 'ready', at: 0 },
          { ...failed, at: 1 },
          { ...x, type: 'finalizing', at: 3 },
          { ...x, type: 'restarting', at: 5, restart: 1, delay: 7, error },
          { ...x, type: 'ready', at: 8, runId: 2 },
          { ...failed, at: 9, runId: 2 },
          { ...x, type: 'finalizing', at: 11, runId: 2 },
          { ...x, type: 'done', at: 13, runId: 2, outcome },
        ),
      ),
    ).to.equal('x  >#-]-<-->#-]-|');
  });

  it('draws a failure before `finalize` in a recording without `failed` events', () => {
    const x = { task: 'x', runId: 1 };
    const error = { name: 'TaskError', message: 'x failed in execute: why', task: 'x', phase: 'execute' } as const;
    expect(
      toMarbles(
        withEvents(
          { ...x, type: 'ready', at: 0 },
          { ...x, type: 'finalizing', at: 3 },
          { ...x, type: 'restarting', at: 5, restart: 1, delay: 3, error },
          { ...x, type: 'ready', at: 8, runId: 2 },
          { ...x, type: 'finalizing', at: 11, runId: 2 },
          { ...x, type: 'done', at: 13, runId: 2, outcome: { task: 'x', status: 'failed', error } },
        ),
      ),
    ).to.equal('x  >--(#])-<-->--(#])-|');
  });

  it('draws the runs that a task has started in one row for each path, each with its own failure and cancel', () => {
    const job = (type: RecordedEvent['type'], at: number, runId: number, rest: Partial<RecordedEvent> = {}) => ({
      type,
      at,
      task: 'x/job',
      runId,
      ...rest,
    });
    const error = { name: 'TaskError', message: 'why' };
    const outcome = (status: 'failed' | 'cancelled') => ({
      outcome: { task: 'x/job', status, ...(status === 'failed' && { error }) },
    });
    expect(
      toMarbles(
        withEvents(
          job('ready', 0, 1),
          job('ready', 1, 2),
          job('failed', 2, 1, { error }),
          job('cancelling', 3, 2),
          job('finalizing', 4, 2),
          job('done', 5, 1, outcome('failed')),
          job('done', 6, 2, outcome('cancelled')),
          job('done', 7, 3, outcome('cancelled')),
        ),
      ),
    ).to.equal('x/job  >>#!]||(!|)');
  });

  describe('draws runs that share a path and a number', () => {
    const error = { name: 'TaskError', message: 'why' };
    const types = {
      ready: { type: 'ready' },
      cancelling: { type: 'cancelling' },
      failed: { type: 'failed', error },
      cancelled: { type: 'done', outcome: { task: 'x', status: 'cancelled' } },
      'failed at last': { type: 'done', outcome: { task: 'x', status: 'failed', error } },
      completed: { type: 'done', outcome: { task: 'x', status: 'completed' } },
    } as const;
    const marblesOf = (...names: (keyof typeof types)[]) =>
      toMarbles(withEvents(...names.map((name, at) => ({ ...types[name], at, task: 'x', runId: 1 }))));

    it('with one mark for each cancel', () => {
      expect(marblesOf('ready', 'ready', 'cancelling', 'cancelling', 'cancelled', 'cancelled')).to.equal('x  >>!!||');
      expect(marblesOf('ready', 'cancelling', 'cancelled', 'cancelled')).to.equal('x  >!|(!|)');
      expect(marblesOf('ready', 'cancelled')).to.equal('x  >(!|)');
    });

    it('with one mark for each failure', () => {
      const failures = ['failed', 'failed', 'failed at last', 'failed at last'] as const;
      expect(marblesOf('ready', 'ready', ...failures)).to.equal('x  >>##||');
      expect(marblesOf('ready', 'failed', 'failed at last', 'failed at last')).to.equal('x  >#|#');
      expect(marblesOf('completed')).to.equal('x  |');
    });
  });

  it('draws each run of a supervised task', () => {
    const backoff = { initial: 3, factor: 1, jitter: 0 };
    const rows = ['[>-(#])-|', '[-#', '[>-|'];
    const supervised = supervise(script('x', rows), { backoff, restart: 'always', maxRestarts: 3 });
    expect(drawn([supervised], { onFailure: 'continue' })[0]).to.equal(
      'x            [>-(#])-<[-(#]<)--[>-(]<)--[>-(]#)',
    );
  });

  it('draws what happens to the slots of a cron, and what fails beside a run', () => {
    const marks = (...types: string[]) =>
      toMarbles(withEvents(...types.map((type, at) => ({ type: type as 'slot-started', at, task: 'x' }))));
    expect(
      marks(
        'ready',
        'slot-started',
        'skipped',
        'missed',
        'overdue',
        'slot-failed',
        'result-dropped',
        'teardown-failed',
        'option-failed',
        'future-failed',
        'cancelling',
        'finalizing',
      ),
    ).to.equal("x  >+/%:*'}=$!]");
  });

  it('draws a task that reaches its limit of restarts by ending at the end of its last run', () => {
    const backoff = { initial: 3, factor: 1, jitter: 0 };
    for (const [maxRestarts, row] of [
      [1, '[>-]-<--[>-]-#'],
      [2, '[>-]-<--[>-]-<--[>-]-#'],
    ] as const)
      expect(drawn([supervise(script('x', '[>-]-|'), { backoff, restart: 'always', maxRestarts })])[0]).to.equal(
        `x            ${row}`,
      );
  });

  it('draws a limit of restarts at the end only if the runs have ended, and before `finalize` if they failed', () => {
    const marblesOf = (name: string, message: string) => {
      const x = { task: 'x', runId: 1 };
      const outcome = { task: 'x', status: 'failed', error: { name, message } } as const;
      return toMarbles(
        withEvents(
          { ...x, type: 'ready', at: 0 },
          { ...x, type: 'finalizing', at: 1 },
          { ...x, type: 'done', at: 3, outcome },
        ),
      );
    };
    const limit = 'x ended for good after 10 restarts within 60000 ms';
    expect(marblesOf('RestartLimitError', limit)).to.equal('x  >]-#');
    expect(marblesOf('RestartLimitError', `${limit}: no disk`)).to.equal('x  >(#])-|');
    expect(marblesOf('Error', limit)).to.equal('x  >(#])-|');
  });

  it('draws a name with several spaces so that the row can be parsed again', () => {
    expect(toMarbles(withEvents({ type: 'ready', at: 1, task: 'a   b' }))).to.equal('a b  ->');
  });

  it('draws a task as cancelled even if it has no `cancelling` event', () => {
    expect(toMarbles(recordingOf([script('x', '')], { parent: AbortSignal.abort() }))).to.equal(
      'x            (!|)\napplication  (!|)',
    );
  });

  it('draws `?` for a task that has not ended by the deadline, but not for its group', () => {
    const hanging = (name: string) => task(name, () => new Promise(() => undefined));
    const marbles = toMarbles(
      recordingOf([ordered('g', hanging('a'), script('b', '')), hanging('c'), script('d', '-#')], { timeout: 5 }),
    );
    expect(marbles)
      .to.match(/^g\/a +> *! *----\?$/m)
      .and.match(/^c +> *! *----\?$/m);
    expect(marbles)
      .to.match(/^g +\(\[>\)!$/m)
      .and.match(/^application +- *! *----#$/m);
  });

  it('draws the signal that stopped the application once', () => {
    const cause = { name: 'SignalError', message: '', signal: 'SIGTERM' } as const;
    expect(toMarbles(withEvents({ type: 'draining', at: 3, cause }, { type: 'cancelled', at: 5, cause }))).to.equal(
      'signals      ---T\napplication  ---~-!',
    );
    expect(
      toMarbles(withEvents({ type: 'signal', at: 2, signal: 'SIGINT' }, { type: 'cancelled', at: 2, cause })),
    ).to.equal('signals      --I\napplication  --!');
    expect(toMarbles(withEvents({ type: 'cancelled', at: 1, cause: { ...cause, signal: 'SIGWINCH' } }))).to.equal(
      'signals      -_\napplication  -!',
    );
    expect(toMarbles(withEvents({ type: 'cancelled', at: 1 }))).to.equal('application  -!');
  });

  it('draws no mark before an earlier one, even if the clock was set back', () => {
    expect(
      toMarbles(
        withEvents(
          { type: 'ready', at: -5, task: 'x' },
          { type: 'slot-started', at: 3, task: 'x' },
          { type: 'slot-started', at: 1, task: 'x' },
          { type: 'slot-started', at: 4, task: 'x' },
        ),
      ),
    ).to.equal('x  >--(++)+');
  });

  it('draws a recording that is empty, still growing, or without its first events', () => {
    expect(toMarbles(withEvents())).to.equal('');
    const clock = virtualClock();
    const recording = record(orchestrate([script('x', '[->')], { scheduler: clock }), { clock, limit: 1 });
    clock.advance(5);
    expect(toMarbles(recording)).to.equal('x  -->');
  });

  it('draws a value as its mark, or as `_` without one that is a letter or digit', () => {
    const value = { type: 'value' as const, task: 'x' };
    const marks = toMarbles(
      withEvents(
        { type: 'ready', at: 0, task: 'x' },
        ...['a', 'ab', '', '|', undefined, '7'].map((mark, index) => ({
          ...value,
          at: index + 1,
          ...(mark !== undefined && { mark }),
        })),
      ),
    );
    expect(marks).to.equal('x  >a____7');
  });

  it('draws a cron at the times of its slots', () => {
    const clock = virtualClock('2026-03-29T00:59:00Z');
    const jobs = [cron(script('job', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })];
    const recording = record(orchestrate(jobs, { scheduler: clock }), { clock });
    clock.advance(2 * 86_400_000);
    expect(toMarbles(recording).split('\n')[0]).to.equal('job          > 59.999s + 23h 29m 59.999s (+|)');
  });
});
