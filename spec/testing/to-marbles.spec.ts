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
      'http         [->-----   -(!|)',
      'application  --------   -(!#)',
    ]);
  });

  it('draws a failure where it occurred: before `finalize`, or at its end if `finalize` failed', () => {
    expect(drawn([script('x', '[->-(#])--|')])[0]).to.equal('x            [->-(#])--|');
    expect(drawn([script('x', '[(#])--|')])[0]).to.equal('x            [(#])--|');
    expect(drawn([script('x', '[>-]--#')])[0]).to.equal('x            [>-]--#');
    expect(drawn([script('x', '[>-(#])-#')])[0]).to.equal('x            [>-(#])-|');
    expect(drawn([script('x', '-#')])[0]).to.equal('x            >#');
  });

  it('draws each run of a supervised task', () => {
    const backoff = { initial: 3, factor: 1, jitter: 0 };
    const rows = ['[>-(#])-|', '[-#', '[>-|'];
    const supervised = supervise(script('x', rows), { backoff, restart: 'always', maxRestarts: 3 });
    expect(drawn([supervised], { onFailure: 'continue' })[0]).to.equal(
      'x            [>-(#])-<--[-(#]<)--[>-(]<)--[>-(#]|)',
    );
  });

  it('draws what happens to the slots of a cron', () => {
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
        'cancelling',
        'finalizing',
      ),
    ).to.equal("x  >+/%:*'!]");
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

  it('draws a cron at the times of its slots', () => {
    const clock = virtualClock('2026-03-29T00:59:00Z');
    const jobs = [cron(script('job', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })];
    const recording = record(orchestrate(jobs, { scheduler: clock }), { clock });
    clock.advance(2 * 86_400_000);
    expect(toMarbles(recording).split('\n')[0]).to.equal('job          > 59.999s + 23h 29m 59.999s (+|)');
  });
});
