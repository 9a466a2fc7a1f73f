import { expect } from 'chai';
import { NEVER, Subject, timer } from 'rxjs';
import {
  AlreadyRunningError,
  critical,
  DeadlineError,
  launchRunner,
  parallel,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type SuperviseOptions,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { customRunner } from '../helpers/custom-runners.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { deferred, failAfter, outcomeOf, settled } from '../helpers/tasks.js';
import { exactBackoff, startRunner } from './helpers.js';

describe('The finalizeTimeout of a supervised task', () => {
  const written = spyOnConsoleError();

  /** Starts a task that fails after 2 ms, and whose finalize does this. */
  const startFailing = (finalize: () => unknown, options: SuperviseOptions = {}) =>
    startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(2, scheduler), finalize }), {
        backoff: exactBackoff,
        finalizeTimeout: 10,
        ...options,
      }),
    );
  const expectTimeout = (error: unknown, ms = 10) => {
    expect(error).to.be.instanceOf(TaskError);
    const { task: name, phase, cause } = error as TaskError;
    expect([name, phase, cause]).to.deep.equal(['x', 'finalize', new DeadlineError(ms)]);
    expect(cause).to.be.instanceOf(DeadlineError);
  };

  it('fails the task with its first error, on which the timeout is suppressed', () => {
    const { clock, ctx, runner, emitted, log } = startFailing(() => NEVER);
    clock.advance(11);
    expect([emitted, runner.status]).to.deep.equal([[], 'finalizing']);
    clock.advance(1);
    const { error, status, endedAt } = outcomeOf(runner) ?? {};
    expect([emitted, status, endedAt, runner.status]).to.deep.equal([[error], 'failed', 12, 'done']);
    expect(String(error)).to.equal('TaskError: x failed in execute: boom');
    expect(error?.suppressed).to.have.length(1);
    expectTimeout(error?.suppressed[0]);
    expect(log.slice(2)).to.deep.equal(['2: x failed', '2: x finalizing', '12: x done failed']);
    expectNothingLeft(ctx, clock);
  });

  it('is 30 s by default', () => {
    const { clock, runner } = startFailing(() => NEVER, { finalizeTimeout: undefined });
    clock.advance(30_001);
    expect(runner.status).to.equal('finalizing');
    clock.advance(1);
    expect(runner.status).to.equal('done');
    expectTimeout(outcomeOf(runner)?.error?.suppressed[0], 30_000);
  });

  it('never comes when it is Infinity', () => {
    const { clock, runner, cancel } = startFailing(() => NEVER, { finalizeTimeout: Infinity });
    clock.advance(1e12);
    expect(runner.status).to.equal('finalizing');
    cancel();
  });

  it('does not come when the run ends in time, and begins again with each run', () => {
    const { clock, ctx, cancel, log } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(9, scheduler) }), {
        backoff: exactBackoff,
        finalizeTimeout: 10,
        maxRestarts: 3,
      }),
    );
    clock.advance(100);
    expect(log.filter((line) => /restarting|done/.test(line)).map((line) => line.slice(0, 18))).to.deep.equal([
      '11: x restarting 1',
      '22: x restarting 2',
      '33: x restarting 3',
      '47: x done failed',
    ]);
    cancel();
    expectNothingLeft(ctx, clock);
  });

  it('is removed by a cancel from outside, and the failure is that of the task', () => {
    const end = new Subject();
    const { clock, ctx, cancel, runner, emitted } = startFailing(() => end);
    clock.advance(5);
    cancel();
    clock.advance(1000);
    expect([emitted, runner.status]).to.deep.equal([[], 'finalizing']);
    end.complete();
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
    expect(outcomeOf(runner)?.error?.suppressed).to.deep.equal([]);
    expectNothingLeft(ctx, clock);
  });

  it('is removed by a cancel, which reports the failure although finalize hangs', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const work = task('x', { execute: () => failAfter(2, clock), finalize: () => NEVER });
    launchRunner(ctx, cancel, supervise(work, { finalizeTimeout: 10 }));
    clock.advance(3);
    const texts = written.during(() => cancel());
    expect(texts.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
  });

  it('does not apply to a run that is cancelled, or that is the last one', () => {
    const lasts: Record<string, SuperviseOptions> = {
      'one failure too many': { maxRestarts: 0 },
      'always, and one end too many': { maxRestarts: 0, restart: 'always' },
    };
    for (const [title, options] of Object.entries(lasts)) {
      const { clock, runner } = startFailing(() => NEVER, options);
      clock.advance(1000);
      expect(runner.status, title).to.equal('finalizing');
    }
    for (const restart of ['on-failure', 'always'] as const) {
      const { clock, runner, cancel } = startRunner(() =>
        supervise(task('x', { execute: () => NEVER, finalize: () => NEVER }), { restart, finalizeTimeout: 10 }),
      );
      cancel();
      clock.advance(1000);
      expect(runner.status, restart).to.equal('finalizing');
    }
    const clean = startRunner(() =>
      supervise(task('x', { execute: () => 1, finalize: () => NEVER }), { finalizeTimeout: 10 }),
    );
    clean.clock.advance(1000);
    expect(clean.runner.status).to.equal('finalizing');
  });

  it("applies after a clean end with 'always'", () => {
    const { clock, ctx, emitted, runner } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => timer(2, scheduler), finalize: () => NEVER }), {
        restart: 'always',
        finalizeTimeout: 10,
      }),
    );
    clock.advance(11);
    expect(runner.status).to.equal('finalizing');
    clock.advance(1);
    expect(emitted).to.deep.equal([0, outcomeOf(runner)?.error]);
    expectTimeout(outcomeOf(runner)?.error);
    expect(outcomeOf(runner)?.error?.suppressed).to.deep.equal([]);
    expectNothingLeft(ctx, clock);
  });

  it('applies to a requested restart, which resolves with the outcome so far', async () => {
    const { clock, ctx, runner, emitted } = startRunner(() =>
      supervise(task('x', { execute: () => NEVER, finalize: () => NEVER }), { finalizeTimeout: 10 }),
    );
    const restarted = runner.restart();
    clock.advance(10);
    expectTimeout(outcomeOf(runner)?.error);
    expect(emitted).to.deep.equal([outcomeOf(runner)?.error]);
    expect(await restarted).to.include({ task: 'x', status: 'timed-out', phase: 'finalize' });
    expect(written.all()).to.deep.equal([]);
    expectNothingLeft(ctx, clock);
  });

  it('begins with the failure, although the hook that failed still has grace', () => {
    const { clock, ctx, runner } = startRunner(() =>
      supervise(
        task('x', { initialize: () => NEVER, startTimeout: 5, grace: 4, execute: () => 1, finalize: () => NEVER }),
        { finalizeTimeout: 10 },
      ),
    );
    clock.advance(14);
    expect(runner.status).to.equal('finalizing');
    clock.advance(1);
    expect(outcomeOf(runner)).to.include({ status: 'failed', endedAt: 15 });
    expectNothingLeft(ctx, clock);
  });

  it('applies to a requested restart of a group', () => {
    const { clock, ctx, runner } = startRunner(() =>
      supervise(
        parallel(
          'g',
          task('x', { execute: () => NEVER, finalize: () => NEVER }),
          task('y', () => NEVER),
        ),
        { finalizeTimeout: 10 },
      ),
    );
    void runner.restart();
    clock.advance(10);
    const { status, error, members } = outcomeOf(runner) ?? {};
    expect([status, String(error), members?.map((member) => `${member.task} ${member.status}`)]).to.deep.equal([
      'failed',
      'TaskError: g failed in finalize: Not done within 10 ms',
      ['g/x timed-out', 'g/y cancelled'],
    ]);
    expectNothingLeft(ctx, clock);
  });

  it('applies while the run waits for the runs that it has started', () => {
    const { clock, runner, log } = startRunner((scheduler) => {
      const child = taskRunner(task('child', { execute: () => NEVER, finalize: () => NEVER }));
      return supervise(
        task('x', (ctx) => {
          child.start(ctx).subscribe();
          return failAfter(2, scheduler);
        }),
        { finalizeTimeout: 10 },
      );
    });
    clock.advance(12);
    expectTimeout(outcomeOf(runner)?.error?.suppressed[0]);
    expect(log.slice(-2)).to.deep.equal(['2: x/child finalizing', '12: x done failed']);
  });

  it('applies to a custom runner', () => {
    const { clock, runner } = startRunner((scheduler) =>
      supervise(
        customRunner(taskRunner(task('x', { execute: () => failAfter(2, scheduler), finalize: () => NEVER }))),
        { finalizeTimeout: 10 },
      ),
    );
    clock.advance(12);
    expectTimeout(outcomeOf(runner)?.error?.suppressed[0]);
  });

  it('of an outer supervised task does not begin when an inner one restarts', () => {
    const { clock, runner, cancel, ctx } = startRunner((scheduler) =>
      supervise(
        supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(30, scheduler) }), {
          backoff: exactBackoff,
          window: 0,
        }),
        { restart: 'always', finalizeTimeout: 10 },
      ),
    );
    clock.advance(1000);
    expect(outcomeOf(runner)).to.equal(undefined);
    cancel();
    clock.advance(1000);
    expectNothingLeft(ctx, clock);
  });

  it('of an outer supervised task begins when an inner one has failed, or has ended by itself', () => {
    for (const fails of [true, false]) {
      const { clock, runner, ctx } = startRunner((scheduler) => {
        const execute = () => (fails ? failAfter(2, scheduler) : timer(2, scheduler));
        const inner = supervise(task('x', { execute, finalize: () => NEVER }), { maxRestarts: 0 });
        return supervise(inner, { restart: 'always', finalizeTimeout: 10 });
      });
      clock.advance(11);
      expect(outcomeOf(runner)).to.equal(undefined);
      clock.advance(1);
      expect(outcomeOf(runner)?.status).to.equal('failed');
      expectNothingLeft(ctx, clock);
    }
  });

  it('stops the siblings in a group, whose outcome says what hangs', () => {
    const { clock, runner, emitted } = startRunner((scheduler) =>
      parallel(
        'app',
        supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => NEVER }), {
          finalizeTimeout: 10,
        }),
        task('y', () => NEVER),
      ),
    );
    clock.advance(12);
    expect(emitted).to.deep.equal([outcomeOf(runner)?.error]);
    expect(outcomeOf(runner)?.members?.map((member) => `${member.task} ${member.status}`)).to.deep.equal([
      'app/x failed',
      'app/y cancelled',
    ]);
  });

  it('leaves a run behind whose later end changes nothing', () => {
    const end = new Subject();
    const { clock, runner, emitted, log, ctx } = startFailing(() => end);
    clock.advance(12);
    const outcome = outcomeOf(runner);
    const before = [...log];
    end.next('late');
    end.complete();
    expect([log, emitted, outcomeOf(runner), runner.status]).to.deep.equal([before, [outcome?.error], outcome, 'done']);
    expectNothingLeft(ctx, clock);
  });

  it('leaves a run behind whose later children, finalize and end change nothing', () => {
    const end = new Subject();
    const finished: string[] = [];
    const { clock, runner, log } = startRunner((scheduler) => {
      const child = taskRunner(task('child', { execute: () => NEVER, finalize: () => end }));
      return critical(
        supervise(
          task('x', {
            execute: (ctx) => {
              child.start(ctx).subscribe();
              return failAfter(2, scheduler);
            },
            finalize: () => finished.push('finalize'),
          }),
          { finalizeTimeout: 10 },
        ),
      );
    });
    clock.advance(12);
    const before = [...log];
    const ready = collect(runner.ready$);
    end.complete();
    expect(finished).to.deep.equal(['finalize']);
    expect([log, runner.status, ready]).to.deep.equal([before, 'done', ['complete']]);
  });

  it('leaves a group behind whose later values and ends change nothing', async () => {
    const work = deferred<string>();
    const { clock, runner, log, emitted } = startRunner((scheduler) =>
      supervise(
        parallel(
          'g',
          task('a', () => work.promise),
          task('b', () => failAfter(2, scheduler)),
        ),
        { finalizeTimeout: 10 },
      ),
    );
    const results = collect(runner.results$);
    clock.advance(12);
    expect(outcomeOf(runner)?.members?.map((member) => `${member.task} ${member.status}`)).to.deep.equal([
      'g/a timed-out',
      'g/b failed',
    ]);
    const before = [...log];
    work.resolve('late');
    await settled();
    expect([log, results, emitted]).to.deep.equal([before, [], [outcomeOf(runner)?.error]]);
  });

  it('leaves a run behind whose later error is an event', () => {
    const end = new Subject();
    const { clock, log } = startFailing(() => end);
    clock.advance(12);
    end.error(new Error('late'));
    expect(log.slice(-2)).to.deep.equal([
      '12: x done failed',
      '12: x result dropped in finalize (x failed in finalize: late)',
    ]);
  });

  it('leaves a run behind whose later error is written to the console when nobody listens', () => {
    const end = new Subject();
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const work = task('x', { execute: () => failAfter(2, clock), finalize: () => end });
    collect(supervise(work, { finalizeTimeout: 10 }).start(ctx));
    clock.advance(12);
    const texts = written.during(() => end.error(new Error('late')));
    expect(texts.map(String)).to.deep.equal(['TaskError: x failed in finalize: late']);
  });

  it('lets the runner start again, which fails as long as the run that was left behind has not ended', () => {
    const end = new Subject();
    let runs = 0;
    const { clock, runner, ctx } = startRunner((scheduler) =>
      supervise(
        task('x', {
          execute: () => (++runs === 1 ? failAfter(2, scheduler) : NEVER),
          finalize: () => end,
        }),
        { finalizeTimeout: 10 },
      ),
    );
    clock.advance(12);
    const [error] = collect(runner.start(ctx));
    expect((error as TaskError).cause).to.be.instanceOf(AlreadyRunningError);
    end.complete();
    expect(runner.status).to.equal('done');
    collect(runner.start(ctx));
    expect([runner.status, runs]).to.deep.equal(['running', 2]);
  });
});
