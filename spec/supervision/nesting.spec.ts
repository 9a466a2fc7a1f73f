import { expect } from 'chai';
import { NEVER, of, timer } from 'rxjs';
import {
  AlreadyRunningError,
  cron,
  isTaskRunner,
  ordered,
  supervise,
  task,
  taskRunner,
  withCancel,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { customRunner } from '../helpers/custom-runners.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { delaysOf, eventLines, exactBackoff, startRunner } from './helpers.js';

describe('A supervised runner', () => {
  spyOnConsoleError();

  it('takes a runner that has run before, which still reports its own runs', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    let n = 0;
    const inner = taskRunner(task('x', () => (++n === 2 ? failAfter(1, clock) : of(n))));
    inner.start(ctx).subscribe();
    const own = eventLines(inner);
    const runner = supervise(inner, { backoff: exactBackoff });
    const log = eventLines(runner);
    expect([String(runner), isTaskRunner(runner), runner === inner]).to.deep.equal(['x', true, false]);
    const emitted = collect(runner.start(ctx));
    clock.advance(10);
    expect(emitted).to.deep.equal([3, 'complete']);
    expect(own).to.deep.equal(['0: x ready', '1: x failed', '1: x done failed', '4: x ready', '4: x done completed']);
    expect(log).to.deep.equal([
      '0: x ready',
      '1: x failed',
      '1: x restarting 1 in 3 (x failed in execute: boom)',
      '4: x ready',
      '4: x done completed',
    ]);
    expect([outcomeOf(runner)?.runner, outcomeOf(inner)?.runner]).to.deep.equal([runner, inner]);
  });

  it('fails without a restart when its runner already runs elsewhere', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const inner = taskRunner(task('x', () => NEVER));
    inner.start(ctx).subscribe();
    for (const maxRestarts of [0, 5]) {
      const runner = supervise(inner, { restart: 'always', maxRestarts });
      const delays = delaysOf(runner);
      const emitted = collect(runner.start(ctx));
      clock.advance(1000);
      const { error, status } = outcomeOf(runner) ?? {};
      expect([emitted, delays, status, inner.status]).to.deep.equal([[error], [], 'failed', 'running']);
      expect(error?.cause).to.be.instanceOf(AlreadyRunningError);
      expect(String(error)).to.equal('TaskError: x failed in execute: x is already running');
    }
    expect(listenerCount(ctx)).to.equal(1);
  });

  it('fails without a restart when its runner was started elsewhere during the wait', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    let n = 0;
    const inner = taskRunner(task('x', () => (++n === 1 ? failAfter(1, clock) : NEVER)));
    const runner = supervise(inner, { backoff: exactBackoff });
    const log = eventLines(runner);
    const emitted = collect(runner.start(ctx));
    clock.advance(2);
    inner.start(ctx).subscribe();
    clock.advance(100);
    expect(emitted.map((error) => (error as Error).cause)).to.deep.equal([new AlreadyRunningError('x')]);
    expect(log.slice(-1)).to.deep.equal(['4: x done failed']);
    expect(inner.status).to.equal('running');
    cancel();
    expectNothingLeft(ctx, clock);
  });

  it('restarts a supervised runner that has exceeded its limit', () => {
    const { clock, log, emitted } = startRunner((scheduler) =>
      supervise(
        supervise(
          task('x', () => failAfter(1, scheduler)),
          { backoff: exactBackoff, maxRestarts: 1, window: 100 },
        ),
        { backoff: { initial: 50, jitter: 0 }, maxRestarts: 1 },
      ),
    );
    clock.advance(1000);
    expect(log.filter((line) => /restarting|done/.test(line))).to.deep.equal([
      '1: x restarting 1 in 3 (x failed in execute: boom)',
      '5: x restarting 1 in 50 (x ended for good after 1 restart within 100 ms: x failed in execute: boom)',
      '56: x restarting 1 in 3 (x failed in execute: boom)',
      '60: x done failed',
    ]);
    expect(emitted.map(String)).to.deep.equal([
      'RestartLimitError: x ended for good after 1 restart within 60000 ms: ' +
        'x ended for good after 1 restart within 100 ms: x failed in execute: boom',
    ]);
  });

  it('ends a nested wait immediately when it is cancelled', () => {
    const { clock, log, emitted, cancel, ctx } = startRunner(() =>
      supervise(supervise(task('x', throwing()), { backoff: exactBackoff }), { restart: 'always' }),
    );
    clock.advance(1);
    cancel();
    clock.advance(1000);
    expect(log.slice(2)).to.deep.equal(['0: x restarting 1 in 3 (x failed in execute: boom)', '1: x done cancelled']);
    expect(emitted).to.deep.equal(['complete']);
    expectNothingLeft(ctx, clock);
  });

  it('continues the schedule of a cron after a run that has stopped it', () => {
    const { clock, log, emitted, cancel } = startRunner(() =>
      supervise(
        cron(
          task('x', ({ slot }) => (slot === 20 ? throwing()() : slot)),
          10,
          { onError: 'stop' },
        ),
        { backoff: { initial: 5, jitter: 0 } },
      ),
    );
    clock.advance(40);
    cancel();
    expect(emitted).to.deep.equal([0, 10, 25, 35, 'complete']);
    expect(log).to.deep.equal([
      '0: x ready',
      '0: x slot-started',
      '10: x slot-started',
      '20: x slot-started',
      '20: x slot-failed',
      '20: x failed',
      '20: x restarting 1 in 5 (x failed in execute: boom)',
      '25: x ready',
      '25: x slot-started',
      '35: x slot-started',
      '40: x cancelling',
      '40: x done cancelled',
    ]);
  });

  it('restarts a group with all its members', () => {
    const { clock, log, runner, cancel } = startRunner((scheduler) => {
      let n = 0;
      return supervise(
        ordered(
          'g',
          task('a', { execute: () => NEVER, finalize: () => timer(1, scheduler) }),
          task('b', () => (++n === 1 ? failAfter(2, scheduler) : NEVER)),
        ),
        { backoff: exactBackoff },
      );
    });
    clock.advance(10);
    cancel();
    clock.advance(10);
    expect(log).to.deep.equal([
      '0: g initializing',
      '0: g/a initializing',
      '0: g/a ready',
      '0: g/b ready',
      '0: g ready',
      '2: g/b failed',
      '2: g/b done failed',
      '2: g/a cancelling',
      '2: g/a finalizing',
      '3: g/a done cancelled',
      '3: g restarting 1 in 3 (g/b failed in execute: boom)',
      '5: g initializing',
      '5: g/a initializing',
      '5: g/a ready',
      '5: g/b ready',
      '5: g ready',
      '10: g/b cancelling',
      '10: g/b done cancelled',
      '10: g/a cancelling',
      '10: g/a finalizing',
      '10: g cancelling',
      '11: g/a done cancelled',
      '11: g done cancelled',
    ]);
    expect(outcomeOf(runner)?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
      'g/a cancelled',
      'g/b cancelled',
    ]);
  });

  for (const context of ['its own', 'the same'] as const) {
    it(`restarts a custom runner that starts its task under ${context} context`, () => {
      const { clock, log, emitted, runner, cancel, ctx } = startRunner((scheduler) => {
        let n = 0;
        const inner = taskRunner(task('x', () => (++n === 1 ? failAfter(2, scheduler) : timer(1, 1, scheduler))));
        return supervise(customRunner(inner, context), { backoff: exactBackoff });
      });
      clock.advance(7);
      expect(emitted).to.deep.equal([0, 1]);
      cancel();
      expect(emitted).to.deep.equal([0, 1, 'complete']);
      expect(log).to.deep.equal([
        '0: x ready',
        '2: x failed',
        '2: x restarting 1 in 3 (x failed in execute: boom)',
        '5: x ready',
        '7: x cancelling',
        '7: x done cancelled',
      ]);
      expect([outcomeOf(runner)?.runner, listenerCount(ctx), clock.timers]).to.deep.equal([runner, 0, 0]);
    });
  }

  it('has the status of a custom runner', () => {
    const { clock, runner } = startRunner((scheduler) => {
      let n = 0;
      const inner = task('x', {
        initialize: () => timer(1, scheduler),
        execute: () => (++n === 1 ? failAfter(2, scheduler) : NEVER),
      });
      return supervise(customRunner(taskRunner(inner)), { backoff: exactBackoff });
    });
    const seen = [0, 2, 4, 8].map((at) => {
      clock.advance(at - clock.now());
      return runner.status;
    });
    expect(seen).to.deep.equal(['initializing', 'running', 'initializing', 'running']);
  });

  it('does not restart a custom runner that was cancelled elsewhere', () => {
    const inner = taskRunner(task('x', () => NEVER));
    const [own, cancelOwn] = withCancel();
    const start: TaskRunner<never>['start'] = (_, cancel) => inner.start(own, cancel);
    const { clock, emitted, log } = startRunner(() =>
      supervise(Object.assign(customRunner(inner), { start }), { restart: 'always' }),
    );
    cancelOwn();
    clock.advance(1000);
    expect(emitted).to.deep.equal(['complete']);
    expect(log.filter((line) => line.includes('restarting'))).to.deep.equal([]);
  });

  it('fails without a restart when its custom runner already runs elsewhere', () => {
    const inner = taskRunner(task('x', () => NEVER));
    inner.start().subscribe();
    const { clock, emitted, log, ctx } = startRunner(() => supervise(customRunner(inner), { restart: 'always' }));
    clock.advance(1000);
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: x is already running']);
    expect([log, listenerCount(ctx)]).to.deep.equal([['0: x done failed'], 0]);
  });
});
