import { expect } from 'chai';
import { NEVER, Subject, timer } from 'rxjs';
import {
  critical,
  launch,
  orchestrate,
  parallel,
  RestartLimitError,
  supervise,
  task,
  type AppEvent,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { events, failAfter, outcomeOf } from '../helpers/tasks.js';
import { exactBackoff, startRunner } from './helpers.js';

describe('A supervised task that fails while its finalize is slow', () => {
  spyOnConsoleError();

  it('emits the failure at once, and counts the delay from there', () => {
    let runs = 0;
    const { clock, log } = startRunner((scheduler) =>
      supervise(
        task('x', {
          execute: () => (++runs === 1 ? failAfter(2, scheduler) : NEVER),
          finalize: () => timer(4, scheduler),
        }),
        { backoff: { initial: 10, jitter: 0 } },
      ),
    );
    clock.advance(100);
    expect(log).to.deep.equal([
      '0: x initializing',
      '0: x ready',
      '2: x failed',
      '2: x finalizing',
      '6: x restarting 1 in 10 (x failed in execute: boom)',
      '12: x initializing',
      '12: x ready',
    ]);
  });

  it('restarts when it has finalized if that takes longer than the delay', () => {
    let runs = 0;
    const { clock, log } = startRunner((scheduler) =>
      supervise(
        task('x', {
          execute: () => (++runs === 1 ? failAfter(2, scheduler) : NEVER),
          finalize: () => timer(50, scheduler),
        }),
        { backoff: exactBackoff },
      ),
    );
    clock.advance(100);
    expect(log.slice(-3)).to.deep.equal([
      '52: x restarting 1 in 3 (x failed in execute: boom)',
      '52: x initializing',
      '52: x ready',
    ]);
  });

  it('is not ready from the failure on, and may become ready again', () => {
    let runs = 0;
    const { clock, runner } = startRunner((scheduler) =>
      supervise(
        task('x', {
          execute: () => (++runs === 1 ? failAfter(2, scheduler) : NEVER),
          finalize: () => timer(4, scheduler),
        }),
        { backoff: exactBackoff },
      ),
    );
    clock.advance(2);
    const ready = collect(runner.ready$);
    expect([ready, runner.status]).to.deep.equal([[], 'finalizing']);
    clock.advance(4);
    expect([ready, runner.status]).to.deep.equal([[undefined, 'complete'], 'running']);
  });

  it('fails at the moment of one failure too many, and ends after finalize', () => {
    const { clock, runner, emitted, log } = startRunner((scheduler) =>
      parallel(
        'app',
        supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(50, scheduler) }), {
          maxRestarts: 0,
        }),
        task('y', () => NEVER),
      ),
    );
    const ready = collect(runner.ready$);
    clock.advance(2);
    expect(log.slice(-4)).to.deep.equal([
      '2: app/x failed',
      '2: app/y cancelling',
      '2: app/y done cancelled',
      '2: app/x finalizing',
    ]);
    expect([ready, collect(runner.ready$)]).to.deep.equal([[undefined, 'complete'], ['complete']]);
    expect(emitted).to.deep.equal([]);
    clock.advance(50);
    expect(emitted).to.deep.equal([outcomeOf(runner)?.error]);
    expect(outcomeOf(runner)?.error).to.be.instanceOf(RestartLimitError);
    expect(outcomeOf(runner)?.endedAt).to.equal(52);
  });

  it('starts the deadline of the application at one failure too many, and its outcome keeps the error', () => {
    const clock = virtualClock();
    const emitted: AppEvent[] = [];
    const hanging = supervise(task('x', { execute: () => failAfter(2, clock), finalize: () => NEVER }), {
      maxRestarts: 0,
    });
    orchestrate([hanging], { scheduler: clock, timeout: 10 }).subscribe((event) => emitted.push(event));
    clock.advance(11);
    expect(emitted.map(({ type }) => type)).to.deep.equal([
      'initializing',
      'ready',
      'failed',
      'cancelled',
      'finalizing',
    ]);
    clock.advance(1);
    const last = emitted.at(-1);
    const [outcome] = last?.type === 'shutdown' ? last.report.outcomes : [];
    expect(outcome).to.include({ task: 'x', status: 'timed-out', phase: 'finalize' });
    expect(outcome?.error).to.be.instanceOf(RestartLimitError);
  });

  it('keeps its error in the outcome when the application stops before a restart and finalize hangs', async () => {
    const clock = virtualClock();
    const app = launch([supervise(task('x', { execute: () => failAfter(2, clock), finalize: () => NEVER }))], {
      scheduler: clock,
      timeout: 10,
      observer: () => undefined,
    });
    clock.advance(3);
    const stopped = app.stop();
    clock.advance(10);
    const { outcomes, clean } = await stopped;
    expect([outcomes[0]?.status, String(outcomes[0]?.error), clean]).to.deep.equal([
      'timed-out',
      'TaskError: x failed in execute: boom',
      false,
    ]);
  });

  it('cancels the application at the failure, when it is critical', () => {
    const clock = virtualClock();
    const emitted: AppEvent[] = [];
    const work = task('x', { execute: () => failAfter(2, clock), finalize: () => timer(50, clock) });
    orchestrate([critical(supervise(work, { maxRestarts: 0 })), task('y', () => NEVER)], {
      scheduler: clock,
      onFailure: 'continue',
    }).subscribe((event) => emitted.push(event));
    clock.advance(2);
    expect(emitted.map(({ type }) => type).slice(-5)).to.deep.equal([
      'failed',
      'cancelled',
      'cancelling',
      'done',
      'finalizing',
    ]);
  });

  it('counts a failure of the same run once', () => {
    const { clock, log, runner } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => failAfter(4, scheduler) }), {
        backoff: exactBackoff,
        maxRestarts: 1,
      }),
    );
    clock.advance(100);
    expect(log.filter((line) => /restarting|done|failed$/.test(line))).to.deep.equal([
      '2: x failed',
      '6: x restarting 1 in 3 (x failed in execute: boom)',
      '8: x failed',
      '12: x done failed',
    ]);
    const { error } = outcomeOf(runner) ?? {};
    expect((error?.cause as typeof error)?.suppressed.map(String)).to.deep.equal([
      'TaskError: x failed in finalize: boom',
    ]);
  });

  it('plans no restart when a listener of the failure cancels it', () => {
    const { clock, runner, cancel, log, ctx } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(4, scheduler) })),
    );
    runner.events$.subscribe(({ type }) => {
      if (type === 'failed') cancel();
    });
    clock.advance(1000);
    expect(log.slice(-3)).to.deep.equal(['2: x failed', '2: x finalizing', '6: x done failed']);
    expectNothingLeft(ctx, clock);
  });

  it('counts the delay of a group from the failure of its member', () => {
    const work = new Subject();
    const { clock, runner, cancel, ctx } = startRunner((scheduler) =>
      supervise(
        parallel(
          'g',
          task('a', { execute: () => NEVER, finalize: () => timer(20, scheduler) }),
          task('b', () => work),
        ),
        { backoff: { initial: 30, jitter: 0 } },
      ),
    );
    const restarts = events(runner);
    clock.advance(5);
    work.error(new Error('boom'));
    clock.advance(100);
    const [restarting] = restarts.filter(({ type }) => type === 'restarting');
    expect(restarting).to.include({ at: 25, delay: 30 });
    const initializing = restarts.filter(({ type, task: name }) => type === 'initializing' && name === 'g');
    expect(initializing.map(({ at }) => at)).to.include(35);
    cancel();
    clock.advance(100);
    expectNothingLeft(ctx, clock);
  });
});
