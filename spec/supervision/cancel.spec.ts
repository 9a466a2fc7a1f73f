import { expect } from 'chai';
import { NEVER, Observable, of, take, timer } from 'rxjs';
import sinon from 'sinon';
import { critical, supervise, task, withCancel, type CancelFunc } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { failAfter, outcomeOf } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { eventLines, exactBackoff, startRunner, taskOf } from './helpers.js';

describe('A supervised task that is cancelled', () => {
  spyOnConsoleError();

  type Ending = [when: string, at: number, log: readonly string[], calls: readonly string[]];
  // It fails at 6, and ends at 10.
  const restarted = ['10: x restarting 1 in 14 (x failed in execute: boom)'];
  const endings: readonly Ending[] = [
    ['initialize', 2, ['2: x cancelling', '2: x finalizing', '6: x done cancelled'], ['initialize', 'finalize']],
    [
      'execute',
      4,
      ['4: x cancelling', '4: x finalizing', '8: x done cancelled'],
      ['initialize', 'execute', 'finalize'],
    ],
    ['the wait', 15, [...restarted, '15: x done cancelled'], ['initialize', 'execute', 'finalize']],
    [
      'initialize after a restart',
      22,
      [...restarted, '22: x cancelling', '22: x finalizing', '26: x done cancelled'],
      ['initialize', 'execute', 'finalize', 'initialize', 'finalize'],
    ],
    [
      'execute after a restart',
      24,
      [...restarted, '24: x cancelling', '24: x finalizing', '28: x done cancelled'],
      ['initialize', 'execute', 'finalize', 'initialize', 'execute', 'finalize'],
    ],
  ];
  for (const restart of ['on-failure', 'always'] as const) {
    for (const [when, time, rest, expected] of endings) {
      for (const how of ['cancelled', 'unsubscribed'] as const) {
        it(`ends without a restart during ${when}, and leaves nothing behind (${restart}, ${how})`, () => {
          const clock = virtualClock();
          const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
          const calls: string[] = [];
          const runner = supervise(
            task('x', {
              initialize: () => (calls.push('initialize'), timer(3, clock)),
              execute: () => (calls.push('execute'), failAfter(3, clock)),
              finalize: () => (calls.push('finalize'), timer(4, clock)),
            }),
            { restart, backoff: { initial: 14, jitter: 0 } },
          );
          const log = eventLines(runner);
          const emitted: unknown[] = [];
          const subscription = runner.start(ctx).subscribe({ complete: () => emitted.push('complete') });
          clock.advance(time);
          if (how === 'cancelled') cancel(new Error('enough'));
          else subscription.unsubscribe();
          clock.advance(1000);
          expect(log.filter((line) => line.includes('restarting') || Number.parseInt(line) >= time)).to.deep.equal(
            rest,
          );
          expect(log.filter((line) => line.includes('finalizing'))).to.have.length(
            expected.filter((call) => call === 'finalize').length,
          );
          expect(calls).to.deep.equal(expected);
          expect(emitted).to.deep.equal(how === 'cancelled' ? ['complete'] : []);
          expectNothingLeft(ctx, clock);
          expect(runner.status).to.equal('done');
          expect(outcomeOf(runner)).to.not.have.property('error');
        });
      }
    }
  }

  it('does not start again when the cancel comes first in the instant in which a wait ends', () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      const runs = [cold('-#'), cold('-#')] as const;
      hot('----c').subscribe(cancel);
      expectObservable(supervise(taskOf(...runs), { backoff: exactBackoff }).start(ctx)).toBe('----|');
      expectSubscriptions(runs[1].subscriptions).toBe([]);
    });
  });

  it('keeps a failure, and does not restart, when the cancel comes during finalize', () => {
    for (const restart of ['on-failure', 'always'] as const) {
      const { clock, cancel, ctx, emitted, log, runner } = startRunner((scheduler) =>
        supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(4, scheduler) }), {
          restart,
        }),
      );
      clock.advance(3);
      cancel();
      expect(runner.status).to.equal('finalizing');
      clock.advance(1000);
      expect(log).to.deep.equal([
        '0: x initializing',
        '0: x ready',
        '2: x failed',
        '2: x finalizing',
        '6: x done failed',
      ]);
      expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
      expectNothingLeft(ctx, clock);
    }
  });

  it('has completed when the cancel comes during its last finalize, or is cancelled if it would restart', () => {
    for (const [restart, status] of [
      ['on-failure', 'completed'],
      ['always', 'cancelled'],
    ] as const) {
      const { clock, cancel, ctx, emitted, log } = startRunner((scheduler) =>
        supervise(task('x', { execute: () => timer(2, scheduler), finalize: () => timer(4, scheduler) }), {
          restart,
        }),
      );
      clock.advance(3);
      cancel();
      clock.advance(1000);
      expect(emitted).to.deep.equal([0, 'complete']);
      expectNothingLeft(ctx, clock);
      expect(log.slice(1)).to.deep.equal(['0: x ready', '2: x finalizing', `6: x done ${status}`]);
    }
  });

  it('does not restart when finalize fails after the cancel', () => {
    for (const phase of ['initialize', 'execute'] as const) {
      const { clock, cancel, ctx, emitted, log, runner } = startRunner((scheduler) =>
        supervise(
          task('x', {
            initialize: () => (phase === 'initialize' ? NEVER : undefined),
            execute: () => NEVER,
            finalize: () => failAfter(4, scheduler),
          }),
          { restart: 'always' },
        ),
      );
      clock.advance(3);
      cancel();
      clock.advance(1000);
      expect(log.slice(-2)).to.deep.equal(['3: x finalizing', '7: x done failed']);
      expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in finalize: boom']);
      expect(emitted).to.deep.equal([outcomeOf(runner)?.error]);
      expectNothingLeft(ctx, clock);
    }
  });

  it('does not restart when execute answers the cancel with an error', () => {
    const { cancel, emitted, clock, log } = startRunner(() =>
      supervise(
        task('x', ({ cancelled$ }) => {
          return new Observable((subscriber) => {
            cancelled$.subscribe(() => subscriber.error(new Error('boom')));
          });
        }),
      ),
    );
    cancel();
    clock.advance(1000);
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
    expect(log).to.deep.equal(['0: x ready', '0: x cancelling', '0: x failed', '0: x done failed']);
  });

  it('delivers the values of a hook during its grace', () => {
    const { clock, cancel, emitted, log } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => timer(2, 2, scheduler), grace: 5 }), { restart: 'always' }),
    );
    clock.advance(3);
    cancel();
    clock.advance(1000);
    expect(emitted).to.deep.equal([0, 1, 2, 'complete']);
    expect(log.slice(1)).to.deep.equal(['0: x ready', '3: x cancelling', '8: x finalizing', '8: x done cancelled']);
  });

  it('calls no hook when the cancel comes before the start', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    cancel();
    const execute = sinon.spy();
    const runner = supervise(task('x', execute), { restart: 'always' });
    const emitted = collect(runner.start(ctx));
    clock.advance(1000);
    expect([emitted, execute.callCount, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 0, 'cancelled']);
  });

  it('ends when a hook of its task calls cancel, without a cancel for the application', () => {
    for (const restart of ['on-failure', 'always'] as const) {
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      let runs = 0;
      const runner = supervise(
        task('x', (_, cancel) => {
          if (++runs === 1) throw new Error('boom');
          timer(5, clock).subscribe(() => cancel('enough'));
          return NEVER;
        }),
        { restart, backoff: exactBackoff },
      );
      const emitted = collect(runner.start(ctx));
      clock.advance(1000);
      expect([emitted, runs, outcomeOf(runner)?.status, outcomeOf(runner)?.endedAt]).to.deep.equal([
        ['complete'],
        2,
        'cancelled',
        8,
      ]);
      expect([ctx.cancelled, listenerCount(ctx)]).to.deep.equal([false, 0]);
    }
  });

  it('passes the cancel of the application to the hooks', () => {
    const [ctx, cancel] = withCancel();
    const seen: CancelFunc[] = [];
    const work = task('x', (_, cancelApp) => (seen.push(cancelApp), 1));
    supervise(work).start(ctx, cancel).subscribe();
    critical(work).start(ctx, cancel).subscribe();
    expect(seen).to.deep.equal([cancel, cancel]);
  });

  for (const [when, type, occurrence] of [
    ['a restart', 'restarting', 1],
    ['the second restart', 'restarting', 2],
    ['the second ready', 'ready', 2],
    ['finalizing', 'finalizing', 1],
  ] as const) {
    it(`ends when a listener cancels at ${when}`, () => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const execute = sinon.spy(() => failAfter(1, clock));
      const runner = supervise(task('x', { execute, finalize: () => 1 }), { backoff: exactBackoff });
      let left: number = occurrence;
      runner.events$.subscribe((event) => {
        if (event.type === type && --left === 0) cancel();
      });
      const log = eventLines(runner);
      collect(runner.start(ctx));
      clock.advance(1000);
      expect(log.filter((line) => line.includes(type))).to.have.length(occurrence);
      expect(log.filter((line) => line.includes('done'))).to.have.length(1);
      expectNothingLeft(ctx, clock);
      expect(runner.status).to.equal('done');
      expect(execute.callCount).to.be.at.most(occurrence);
    });
  }

  it('ends when a subscriber cancels or leaves at a value', () => {
    for (const how of ['cancelled', 'left'] as const) {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const finalize = sinon.spy();
      const runner = supervise(task('x', { execute: () => of(1, 2), finalize }), { restart: 'always' });
      const emitted: unknown[] = [];
      runner
        .start(ctx)
        .pipe(take(how === 'left' ? 1 : Infinity))
        .subscribe((value) => {
          emitted.push(value);
          if (how === 'cancelled') cancel();
        });
      clock.advance(1000);
      expect([emitted, finalize.callCount, outcomeOf(runner)?.status]).to.deep.equal([[1], 1, 'cancelled']);
      expectNothingLeft(ctx, clock);
    }
  });
});
