import { expect } from 'chai';
import { EMPTY, firstValueFrom, NEVER, Observable, Subject, throwError, timer } from 'rxjs';
import { joinAll, task, taskRunner, withCancel, type Outcome, type TaskRunner } from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { eventTypes, failAfter, outcomeOf, settled, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const boom = new Error('boom');

function failures(runner: TaskRunner): unknown[] {
  const found: unknown[] = [];
  runner.events$.subscribe((event) => {
    if (event.type === 'failed') found.push([event.task, event.runId, event.at, event.phase, event.error.cause]);
  });
  return found;
}

describe('A failure of a hook', () => {
  it('is an event before the run finalizes, once', () => {
    virtually((_, scheduler) => {
      const runner = taskRunner(
        task('x', { initialize: () => timer(1), execute: () => failAfter(2), finalize: () => timer(5) }),
      );
      const types = eventTypes(runner);
      const found = failures(runner);
      const received = collect(runner.start());
      scheduler.schedule(() => expect([runner.status, received]).to.deep.equal(['finalizing', []]), 6);
      scheduler.flush();
      expect(types).to.deep.equal(['initializing', 'ready', 'failed', 'finalizing', 'done']);
      expect(found).to.have.length(1);
      expect(found[0]).to.deep.include.members(['x', 1, 3, 'execute']);
      expect(received).to.deep.equal([outcomeOf(runner)?.error]);
      expect(outcomeOf(runner)).to.include({ status: 'failed', endedAt: 8 });
    });
  });

  for (const [title, hook] of [
    ['that throws', throwing(boom)],
    ['of an Observable that errors when it is subscribed', () => throwError(() => boom)],
    ['of an Observable whose subscribe throws', () => new Observable(throwing(boom))],
  ] as const) {
    it(`${title} is reported in initialize and in execute, before finalize is called`, () => {
      for (const phase of ['initialize', 'execute'] as const) {
        const log: string[] = [];
        const runner = taskRunner(
          task('x', { execute: () => EMPTY, [phase]: hook, finalize: () => void log.push('finalize called') }),
        );
        runner.events$.subscribe(({ type }) => log.push(type));
        collect(runner.start());
        const before = phase === 'initialize' ? ['initializing'] : ['initializing', 'ready'];
        expect(log).to.deep.equal([...before, 'failed', 'finalizing', 'finalize called', 'done']);
        expect(outcomeOf(runner)?.error).to.include({ phase, cause: boom });
      }
    });
  }

  it('of a promise is reported before finalize ends', async () => {
    const runner = taskRunner(task('x', { execute: () => Promise.reject(boom), finalize: () => NEVER }));
    const found = failures(runner);
    collect(runner.start());
    await settled();
    expect(found).to.have.length(1);
    expect([runner.status, outcomeOf(runner)]).to.deep.equal(['finalizing', undefined]);
  });

  it('cancels the context of the run with the error, after the event and before finalize', () => {
    const log: unknown[] = [];
    const source = new Subject<never>();
    const runner = taskRunner(
      task('x', {
        execute: (ctx) => {
          ctx.cancelled$.subscribe((cause) => log.push(cause));
          return source;
        },
        finalize: () => void log.push('finalize'),
      }),
    );
    runner.events$.subscribe(({ type }) => type === 'failed' && log.push(type));
    collect(runner.start());
    source.error(boom);
    expect(log).to.deep.equal(['failed', outcomeOf(runner)?.error, 'finalize']);
  });

  it('ends the readiness at once, for earlier and for later subscribers', () => {
    virtually(({ expectObservable }) => {
      const runner = taskRunner(
        task('x', { initialize: () => failAfter(3), execute: () => EMPTY, finalize: () => timer(4) }),
      );
      const late = taskRunner(task('y', { execute: () => failAfter(3), finalize: () => timer(4) }));
      expectObservable(runner.ready$).toBe('---|');
      expectObservable(runner.ready$, '-----^').toBe('-----|');
      expectObservable(late.ready$, '-^').toBe('-(r|)', { r: undefined });
      expectObservable(late.ready$, '----^').toBe('----|');
      expectObservable(late.ready$, '---------^').toBe('---------|');
      collect(runner.start());
      collect(late.start());
    });
  });

  it('is no longer seen as ready by a listener of the event', () => {
    const runner = taskRunner(task('x', { execute: throwing(boom), finalize: () => NEVER }));
    const seen: unknown[] = [];
    runner.events$.subscribe(({ type }) => type === 'failed' && seen.push(...collect(runner.ready$)));
    collect(runner.start());
    expect(seen).to.deep.equal(['complete']);
  });

  it('lets the runner be ready again in its next run', () => {
    let runs = 0;
    const runner = taskRunner(task('x', () => (runs++ ? NEVER : throwError(() => boom))));
    collect(runner.start());
    expect(collect(runner.ready$)).to.deep.equal(['complete']);
    collect(runner.start());
    expect(collect(runner.ready$)).to.deep.equal([undefined, 'complete']);
  });

  it('stays on the outcome of a run that times out while it finalizes', () => {
    virtually((_, scheduler) => {
      const runner = taskRunner(task('x', { execute: () => failAfter(2), finalize: () => NEVER }));
      const [ctx, cancel] = withCancel();
      const outcomes: Outcome[] = [];
      collect(runner.start(ctx));
      joinAll(ctx, 5, [runner]).subscribe((outcome) => outcomes.push(outcome));
      scheduler.schedule(() => cancel(), 4);
      scheduler.flush();
      expect(outcomes).to.have.length(1);
      expect(outcomes[0]).to.include({ task: 'x', status: 'timed-out', phase: 'finalize' });
      expect(outcomes[0]?.error).to.include({ phase: 'execute', task: 'x' });
    });
  });

  it('after a cancel is an event when the hook has ended, and the run has failed', () => {
    for (const phase of ['initialize', 'execute'] as const)
      virtually((_, scheduler) => {
        const [ctx, cancel] = withCancel();
        const runner = taskRunner(
          task('x', { execute: () => NEVER, [phase]: () => failAfter(5), finalize: () => timer(1), grace: 10 }),
        );
        const types = eventTypes(runner);
        const found = failures(runner);
        collect(runner.start(ctx));
        scheduler.schedule(() => cancel(), 2);
        scheduler.flush();
        const before = phase === 'initialize' ? ['initializing'] : ['initializing', 'ready'];
        expect(types).to.deep.equal([...before, 'cancelling', 'failed', 'finalizing', 'done']);
        expect((found[0] as unknown[]).slice(0, 4)).to.deep.equal(['x', 1, 5, phase]);
        expect(outcomeOf(runner)?.status).to.equal('failed');
      });
  });

  it('with the cause of the cancel is neither an event nor a failure', () => {
    const stop = new Error('stop');
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', {
        execute: (run) => new Observable((subscriber) => run.cancelled$.subscribe((cause) => subscriber.error(cause))),
        grace: 5,
      }),
    );
    const types = eventTypes(runner);
    collect(runner.start(ctx));
    cancel(stop);
    expect(types).to.deep.equal(['initializing', 'ready', 'cancelling', 'finalizing', 'done']);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('in finalize is no event of its own, because the outcome follows', () => {
    const runner = taskRunner(task('x', { execute: () => EMPTY, finalize: throwing(boom) }));
    const types = eventTypes(runner);
    collect(runner.start());
    expect(types).to.deep.equal(['initializing', 'ready', 'finalizing', 'done']);
    expect(outcomeOf(runner)).to.include({ status: 'failed' });
  });

  it('in finalize is on `suppressed` of an earlier one, which stays the error of the run', () => {
    const later = new Error('later');
    const runner = taskRunner(task('x', { execute: throwing(boom), finalize: throwing(later) }));
    const found: unknown[] = [];
    runner.events$.subscribe((event) => event.type === 'failed' && found.push(event.error));
    collect(runner.start());
    const { error } = outcomeOf(runner) ?? {};
    expect(found).to.deep.equal([error]);
    expect(error?.cause).to.equal(boom);
    expect(error?.suppressed.map(({ phase, cause }) => [phase, cause])).to.deep.equal([['finalize', later]]);
  });

  it('ends once when a listener of the event cancels the run', async () => {
    for (const execute of [throwing(boom), () => Promise.reject(boom)]) {
      let finalized = 0;
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', { execute, finalize: () => (finalized += 1) }));
      const types = eventTypes(runner);
      runner.events$.subscribe(({ type }) => type === 'failed' && cancel());
      const received = collect(runner.start(ctx, cancel));
      await firstValueFrom(runner.done$);
      expect(types).to.deep.equal(['initializing', 'ready', 'failed', 'finalizing', 'done']);
      expect([finalized, received]).to.deep.equal([1, [outcomeOf(runner)?.error]]);
    }
  });
});

describe('A teardown that throws', () => {
  it('of the subscriber, is an event and leaves the outcome of the run as it is', () => {
    const runner = taskRunner(task('x', () => NEVER));
    const [ctx, cancel] = withCancel();
    const thrown: unknown[] = [];
    runner.events$.subscribe((event) => {
      if (event.type === 'teardown-failed') thrown.push(event.error);
    });
    const subscription = runner.start(ctx).subscribe();
    subscription.add(throwing(boom));
    cancel();
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
    expect(String(thrown[0])).to.include('boom');
    expect(thrown).to.have.length(1);
  });
});
