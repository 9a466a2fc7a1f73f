import { expect } from 'chai';
import { EMPTY, map, Observable, throwError, timer } from 'rxjs';
import {
  AlreadyRunningError,
  supervise,
  task,
  withCancel,
  type RunContext,
  type TaskDefinition,
} from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { exactBackoff, startRunner, taskOf } from './helpers.js';

describe('A supervised task', () => {
  spyOnConsoleError();

  it('restarts after a failure and ends after a clean end by default', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const runs = [cold('-a-#'), cold('--#'), cold('--b|'), cold('c|')] as const;
      for (const options of [{ backoff: exactBackoff }, { restart: 'on-failure', backoff: exactBackoff }] as const)
        expectObservable(supervise(taskOf(...runs), options).start()).toBe('-a--------------b|');
      for (const [n, marbles] of ['^--!', '------^-!', '--------------^--!'].entries())
        expectSubscriptions(runs[n]?.subscriptions ?? []).toBe([marbles, marbles]);
      expectSubscriptions(runs[3].subscriptions).toBe([]);
    });
  });

  it("restarts after every end with 'always'", () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      const runs = [cold('-a|'), cold('--#'), cold('b-|'), cold('-c-d-e-f-g')] as const;
      const runner = supervise(taskOf(...runs), { restart: 'always', backoff: { ...exactBackoff, factor: 1 } });
      hot('-------------------c').subscribe(cancel);
      expectObservable(runner.start(ctx)).toBe('-a--------b-----c-d|');
      for (const [n, marbles] of ['^-!', '-----^-!', '----------^-!', '---------------^---!'].entries())
        expectSubscriptions(runs[n]?.subscriptions ?? []).toBe(marbles);
    });
  });

  it('repeats the whole lifecycle in a restart, each time with a new context', () => {
    const seen: RunContext[] = [];
    const { clock, log, emitted, runner } = startRunner((scheduler) =>
      supervise(
        task('x', {
          initialize: (ctx) => (seen.push(ctx), timer(1, scheduler)),
          execute: () => (seen.length < 3 ? failAfter(2, scheduler) : timer(2, scheduler).pipe(map(() => 'value'))),
          finalize: () => timer(4, scheduler),
        }),
        { backoff: exactBackoff },
      ),
    );
    clock.advance(100);
    expect(log).to.deep.equal([
      '0: x initializing',
      '1: x ready',
      '3: x failed',
      '3: x finalizing',
      '7: x restarting 1 in 3 (x failed in execute: boom)',
      '7: x initializing',
      '8: x ready',
      '10: x failed',
      '10: x finalizing',
      '14: x restarting 2 in 6 (x failed in execute: boom)',
      '16: x initializing',
      '17: x ready',
      '19: x finalizing',
      '23: x done completed',
    ]);
    expect(emitted).to.deep.equal(['value', 'complete']);
    expect(new Set(seen).size).to.equal(3);
    expect(seen.map(({ cause }) => (cause as Error).name)).to.deep.equal(['TaskError', 'TaskError', 'CancelledError']);
    expect(outcomeOf(runner)?.status).to.equal('completed');
  });

  it('restarts when any hook throws or emits an error', () => {
    const kinds: Record<string, Partial<TaskDefinition<unknown>>> = {
      'initialize throws': { initialize: throwing() },
      'initialize errors': { initialize: () => throwError(() => new Error('boom')) },
      'execute throws': { execute: throwing() },
      'execute errors': { execute: () => throwError(() => new Error('boom')) },
      'finalize throws': { finalize: throwing() },
      'finalize errors': { finalize: () => throwError(() => new Error('boom')) },
    };
    for (const [kind, hooks] of Object.entries(kinds)) {
      let runs = 0;
      const definition = (): TaskDefinition<unknown> =>
        runs++ < 2 ? { execute: () => EMPTY, ...hooks } : { execute: () => EMPTY };
      let now = definition();
      const { clock, log, emitted } = startRunner(() =>
        supervise(
          task('x', {
            initialize: (ctx) => now.initialize?.(ctx),
            execute: (ctx, cancel) => now.execute?.(ctx, cancel),
            finalize: () => {
              const { finalize } = now;
              now = definition();
              return finalize?.();
            },
          }),
          { backoff: exactBackoff },
        ),
      );
      clock.advance(100);
      const phase = kind.split(' ')[0] ?? '';
      expect(
        log.filter((line) => /restarting|done/.test(line)),
        kind,
      ).to.deep.equal([
        `0: x restarting 1 in 3 (x failed in ${phase}: boom)`,
        `3: x restarting 2 in 6 (x failed in ${phase}: boom)`,
        '9: x done completed',
      ]);
      expect(
        log.filter((line) => line.endsWith('finalizing')),
        kind,
      ).to.have.length(3);
      expect(emitted).to.deep.equal(['complete']);
    }
  });

  it('restarts a task of promises', async () => {
    let runs = 0;
    const runner = supervise(
      task('x', async () => {
        if (++runs < 3) throw new Error('boom');
        return runs;
      }),
      { backoff: { initial: 0 } },
    );
    const emitted = collect(runner.start());
    await new Promise((resolve) => runner.done$.subscribe(resolve));
    expect(emitted).to.deep.equal([3, 'complete']);
  });

  it('leaves nothing of the previous run on the context', () => {
    const hanging: number[] = [];
    const { clock, cancel, ctx } = startRunner((scheduler) =>
      supervise(
        task('x', (run) => {
          // The child's context, and above it the context of the supervised run.
          const above = (run as unknown as { list: { list: object } }).list.list;
          hanging.push(listenerCount(above));
          timer(2, scheduler).subscribe(() => hanging.push(listenerCount(above)));
          return failAfter(1, scheduler);
        }),
        { backoff: { ...exactBackoff, factor: 1 } },
      ),
    );
    clock.advance(11);
    // During a run: the child's context. During a wait: the listener that ends the wait.
    expect(hanging).to.deep.equal([1, 1, 1, 1, 1, 1]);
    cancel();
    expectNothingLeft(ctx, clock);
  });

  it('starts again after its end with a new count of restarts', () => {
    const { clock, runner, ctx, log, emitted } = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(1, scheduler)),
        { backoff: exactBackoff, maxRestarts: 2 },
      ),
    );
    clock.advance(100);
    log.length = 0;
    const first = outcomeOf(runner);
    const again = collect(runner.start(ctx));
    expect([outcomeOf(runner), runner.status]).to.deep.equal([undefined, 'running']);
    clock.advance(100);
    expect(log.filter((line) => /restarting|done/.test(line))).to.deep.equal([
      '101: x restarting 1 in 3 (x failed in execute: boom)',
      '105: x restarting 2 in 6 (x failed in execute: boom)',
      '112: x done failed',
    ]);
    expect([emitted, again]).to.deep.equal([[first?.error], [outcomeOf(runner)?.error]]);
    expect(first).to.not.equal(outcomeOf(runner));
    expect([outcomeOf(runner)?.startedAt, outcomeOf(runner)?.endedAt]).to.deep.equal([100, 112]);
  });

  it('can be started again by a listener of its end', () => {
    const { clock, runner, ctx, log } = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(1, scheduler)),
        { maxRestarts: 0 },
      ),
    );
    let again: unknown[] = [];
    runner.done$.subscribe(() => (again = collect(runner.start(ctx))));
    clock.advance(10);
    expect(log).to.deep.equal([
      '0: x ready',
      '1: x failed',
      '1: x done failed',
      '1: x ready',
      '2: x failed',
      '2: x done failed',
    ]);
    expect(again).to.deep.equal([outcomeOf(runner)?.error]);
  });

  it('rejects a second start while it runs or waits for a restart, and continues', () => {
    virtually(({ cold, hot, expectObservable }) => {
      const runner = supervise(taskOf(cold('-#'), cold('--a|')), { backoff: exactBackoff });
      const refused: unknown[] = [];
      hot('^a-a-a').subscribe(() => runner.start().subscribe({ error: (error: unknown) => refused.push(error) }));
      expectObservable(
        new Observable((subscriber) => {
          runner.start().subscribe(subscriber);
          subscriber.add(() => {
            expect(refused).to.have.length(3);
            for (const error of refused) expect(error).to.be.instanceOf(AlreadyRunningError);
          });
        }),
      ).toBe('------a|');
    });
  });
});
