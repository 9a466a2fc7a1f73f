import { expect } from 'chai';
import { map, NEVER, Subject, timer } from 'rxjs';
import {
  critical,
  joinAll,
  orchestrate,
  parallel,
  RestartLimitError,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
  type Outcome,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { deferred, failAfter, settled, throwing } from '../helpers/tasks.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { exactBackoff, startRunner } from './helpers.js';

describe('A supervised task in a join', () => {
  const written = spyOnConsoleError();

  it('that hangs times out in the hook that hangs', () => {
    for (const phase of ['initialize', 'execute', 'finalize'] as const) {
      for (const nested of [false, true]) {
        const hang = (of: string) => (of === phase ? new Promise<never>(() => undefined) : undefined);
        const { clock, ctx, cancel, runner, log } = startRunner((scheduler) => {
          const runner = supervise(
            task('x', {
              initialize: () => hang('initialize'),
              execute: () => hang('execute') ?? timer(1000, scheduler),
              finalize: () => hang('finalize'),
            }),
          );
          return nested ? critical(supervise(runner)) : runner;
        });
        const outcomes = collect(joinAll(ctx, 10, [runner]));
        clock.advance(5);
        cancel();
        clock.advance(9);
        expect(outcomes).to.deep.equal([]);
        clock.advance(1);
        expect(outcomes).to.deep.equal([{ task: 'x', runner, status: 'timed-out', phase, startedAt: 0 }, 'complete']);
        expect(log.some((line) => line.includes('done'))).to.equal(false);
      }
    }
  });

  it('delivers no late value, and reports it once', async () => {
    for (const settle of ['resolve', 'reject'] as const) {
      const work = deferred<unknown>();
      const { clock, ctx, cancel, runner, log, emitted } = startRunner(() =>
        supervise(supervise(task('x', { execute: () => work.promise, finalize: () => 1 })), { restart: 'always' }),
      );
      const results = collect(runner.results$);
      collect(joinAll(ctx, 10, [runner]));
      cancel();
      clock.advance(20);
      work[settle](new Error('boom'));
      await settled();
      clock.advance(1000);
      expect(results).to.deep.equal([]);
      expect(emitted.filter((value) => !(value instanceof TaskError))).to.deep.equal(
        settle === 'resolve' ? ['complete'] : [],
      );
      expect(log).to.deep.equal([
        '0: x initializing',
        '0: x ready',
        '0: x cancelling',
        `20: x result dropped in execute${settle === 'reject' ? ' (x failed in execute: boom)' : ''}`,
        ...(settle === 'reject' ? ['20: x failed'] : []),
        '20: x finalizing',
        `20: x done ${settle === 'reject' ? 'failed' : 'cancelled'}`,
      ]);
      expectNothingLeft(ctx);
    }
  });

  it('writes a late error once when nobody listens', async () => {
    const work = deferred<unknown>();
    const [ctx, cancel] = withCancel();
    const runner = supervise(task('x', () => work.promise));
    runner.start(ctx).subscribe({ error: () => undefined });
    cancel();
    collect(joinAll(ctx, 0, [runner]));
    work.reject(new Error('boom'));
    await settled();
    expect(written.all().map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
  });

  it('that hangs after a restart times out as if it had run once', async () => {
    const work = deferred<unknown>();
    let runs = 0;
    const { clock, ctx, cancel, runner, log, emitted } = startRunner(() =>
      supervise(
        task('x', () => {
          if (++runs === 1) throw new Error('boom');
          return work.promise;
        }),
        { backoff: exactBackoff },
      ),
    );
    const outcomes = collect(joinAll(ctx, 10, [runner]));
    clock.advance(5);
    cancel();
    clock.advance(10);
    expect(outcomes).to.deep.equal([
      { task: 'x', runner, status: 'timed-out', phase: 'execute', startedAt: 0 },
      'complete',
    ]);
    work.resolve('late');
    await settled();
    expect(emitted).to.deep.equal(['complete']);
    expect(log.slice(-3)).to.deep.equal(['5: x cancelling', '15: x result dropped in execute', '15: x done cancelled']);
  });

  it('that hangs in another hook after a restart times out in that hook', () => {
    for (const phase of ['initialize', 'finalize'] as const) {
      let runs = 0;
      const hang = (of: string) => (of === phase && runs > 1 ? new Promise<never>(() => undefined) : undefined);
      const { clock, ctx, cancel, runner } = startRunner((scheduler) =>
        supervise(
          task('x', {
            initialize: () => (runs++, hang('initialize')),
            execute: () => (runs === 1 ? failAfter(1, scheduler) : NEVER),
            finalize: () => hang('finalize'),
          }),
          { backoff: exactBackoff },
        ),
      );
      const outcomes: Outcome[] = [];
      joinAll(ctx, 10, [runner]).subscribe((outcome) => outcomes.push(outcome));
      clock.advance(5);
      cancel();
      clock.advance(10);
      expect(outcomes).to.deep.equal([{ task: 'x', runner, status: 'timed-out', phase, startedAt: 0 }]);
    }
  });

  it('of another context reports the members of the last run when it is abandoned in a wait', () => {
    const [other, cancelOther] = withCancel();
    cancelOther();
    const { clock, runner, cancel } = startRunner(() =>
      supervise(parallel('g', task('a', throwing())), { backoff: exactBackoff }),
    );
    clock.advance(1);
    const outcomes: Outcome[] = [];
    joinAll(other, 0, [runner]).subscribe((outcome) => outcomes.push(outcome));
    expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal(['g timed-out']);
    expect(outcomes[0]?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal(['g/a failed']);
    cancel();
  });

  it('that is abandoned in a wait does not abandon its runner, which runs alone meanwhile', () => {
    const [other, cancelOther] = withCancel();
    cancelOther();
    const source = new Subject<number>();
    const outputs = [throwing(), () => source];
    const child = taskRunner(task('x', () => outputs.shift()?.() ?? NEVER));
    const { runner, cancel } = startRunner(() => supervise(child, { backoff: exactBackoff }));
    const values = collect(child.start());
    joinAll(other, 0, [runner]).subscribe();
    source.next(1);
    expect(values).to.deep.equal([1]);
    cancel();
  });

  it('is cancelled at once when the cancel comes during a wait', () => {
    const { clock, ctx, cancel, runner } = startRunner(() => supervise(task('x', throwing())));
    const outcomes = collect(joinAll(ctx, 0, [runner]).pipe(map(({ status }) => status)));
    clock.advance(50);
    cancel();
    expect(outcomes).to.deep.equal(['cancelled', 'complete']);
  });

  it('emits its restarts as events of the application, and its last failure cancels the application', () => {
    const clock = virtualClock();
    const emitted: AppEvent[] = [];
    orchestrate([supervise(task('x', throwing()), { backoff: exactBackoff, maxRestarts: 2 }), task('y', () => NEVER)], {
      scheduler: clock,
    }).subscribe((event) => emitted.push(event));
    clock.advance(100);
    const types = emitted.filter(({ type }) => type !== 'ready').map((event) => event.type);
    expect(types).to.deep.equal([
      'failed',
      'restarting',
      'failed',
      'restarting',
      'failed',
      'cancelled',
      'cancelling',
      'done',
      'done',
      'shutdown',
    ]);
    const cancelled = emitted.find(({ type }) => type === 'cancelled') as { cause?: unknown };
    expect(cancelled.cause).to.be.instanceOf(RestartLimitError);
    const last = emitted.at(-1);
    expect(last?.type === 'shutdown' && last.report.clean).to.equal(false);
  });
});
