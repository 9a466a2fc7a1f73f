import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  defer,
  finalize,
  firstValueFrom,
  fromEvent,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  skip,
  Subject,
  take,
  timer,
  type Subscriber,
} from 'rxjs';
import sinon from 'sinon';
import { CancelledError, task, taskRunner, withCancel, type Outcome, type RunContext } from '../../lib/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { deferred, events, eventTypes, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { loggingRunner, statusOf } from './helpers.js';

describe('A cancelled run', () => {
  it('calls no hook when it was cancelled before its start', () => {
    const log: string[] = [];
    const [ctx, cancel] = withCancel();
    cancel();
    const runner = loggingRunner(log);
    const types = eventTypes(runner);
    expect(collect(runner.start(ctx))).to.deep.equal(['complete']);
    expect(log).to.deep.equal([]);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
    expect(types).to.deep.equal(['done']);
    expect(collect(runner.ready$)).to.deep.equal(['complete']);
    expect(collect(loggingRunner(log).start(AbortSignal.abort()))).to.deep.equal(['complete']);
    expect(log).to.deep.equal([]);
  });

  it('calls no hook when it is started while its parent is being cancelled', () => {
    const log: string[] = [];
    const [ctx, cancel] = withCancel();
    const runner = loggingRunner(log);
    ctx.cancelled$.subscribe(() => runner.start(ctx).subscribe());
    cancel();
    expect([log, outcomeOf(runner)?.status]).to.deep.equal([[], 'cancelled']);
  });

  it('removes its listener from the AbortSignal that cancelled it', () => {
    const controller = new AbortController();
    const removed = sinon.spy(controller.signal, 'removeEventListener');
    const runner = taskRunner(task('x', () => NEVER));
    const received = collect(runner.start(controller.signal));
    controller.abort();
    expect(received).to.deep.equal(['complete']);
    expect(removed.callCount).to.equal(1);
  });

  it('unsubscribes an Observable immediately and does not interrupt finalize', () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      hot('      -----c').subscribe(cancel);
      const source = cold('-a-b-c-d');
      const finalizing = cold('  ---|');
      const runner = taskRunner(task('x', { execute: () => source, finalize: () => finalizing }));
      expectObservable(runner.start(ctx)).toBe('-a-b----|');
      expectSubscriptions(source.subscriptions).toBe('^----!');
      expectSubscriptions(finalizing.subscriptions).toBe('-----^--!');
    });
  });

  it('calls finalize once when a hook or an event listener cancels it', () => {
    const inExecute: string[] = [];
    const inInitialize: string[] = [];
    const [ctx, cancel] = withCancel();
    const first = loggingRunner(inExecute, { execute: (_, cancelApp) => defer(() => (cancelApp(), NEVER)) });
    first.start(ctx, cancel).subscribe();
    expect(inExecute).to.deep.equal(['initialize', 'execute', 'finalize']);

    const [other, cancelOther] = withCancel();
    const second = loggingRunner(inInitialize, { initialize: () => cancelOther() });
    second.start(other).subscribe();
    expect(inInitialize).to.deep.equal(['initialize', 'finalize']);

    for (const [type, hooks] of Object.entries({
      initializing: ['initialize', 'finalize'],
      ready: ['initialize', 'finalize'],
      cancelling: ['initialize', 'execute', 'finalize'],
      finalizing: ['initialize', 'execute', 'finalize'],
      done: ['initialize', 'execute', 'finalize'],
    })) {
      const log: string[] = [];
      const [parent, cancelParent] = withCancel();
      const runner = loggingRunner(log, { execute: () => (type === 'cancelling' ? (cancelParent(), NEVER) : 1) });
      runner.events$.subscribe((event) => event.type === type && cancelParent());
      const received = collect(runner.start(parent));
      expect(log, type).to.deep.equal(hooks);
      expect(received.at(-1), type).to.equal('complete');
    }
  });

  it('emits one cancelling event, with the cause', () => {
    const runner = taskRunner(task('x', { execute: () => NEVER }));
    const emitted = events(runner);
    const [ctx, cancel] = withCancel();
    runner.start(ctx).subscribe();
    cancel('cause');
    expect(emitted.map(({ type }) => type)).to.deep.equal([
      'initializing',
      'ready',
      'cancelling',
      'finalizing',
      'done',
    ]);
    expect(emitted[2]).to.include({ cause: 'cause', task: 'x', runId: 1 });
  });

  it('never calls execute when it was cancelled during initialize', async () => {
    const log: string[] = [];
    const [ctx, cancel] = withCancel();
    const { promise, resolve } = deferred<void>();
    const runner = loggingRunner(log, { initialize: () => promise });
    runner.start(ctx).subscribe();
    cancel();
    await settled();
    expect(log).to.deep.equal(['initialize']);
    resolve();
    await lastValueFrom(runner.done$);
    expect([log, outcomeOf(runner)?.status]).to.deep.equal([['initialize', 'finalize'], 'cancelled']);
  });

  it('has the status cancelled when it ends by a value, the cause, a wrapped cause, or an AbortError', async () => {
    const cause = new Error('stop');
    const looped: { cause?: unknown } = new Error('looped');
    looped.cause = new Error('back', { cause: new Error('to', { cause }) });
    for (const end of [
      () => Promise.resolve('value'),
      () => Promise.reject(cause),
      () => Promise.reject(new Error('outer', { cause: new Error('inner', { cause }) })),
      () => Promise.reject(looped),
      () => Promise.reject(new DOMException('aborted', 'AbortError')),
      (ctx: RunContext) => sleep(1000, undefined, { signal: ctx.signal }),
    ]) {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', async (run) => {
          await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
          return end(run);
        }),
      );
      const received = collect(runner.start(ctx));
      cancel(cause);
      const outcome = await lastValueFrom(runner.done$);
      expect([outcome.status, outcome.error]).to.deep.equal(['cancelled', undefined]);
      expect(received.at(-1)).to.equal('complete');
    }
  });

  it('has failed when it ends by another error, or by an AbortError without a cancel', async () => {
    const [ctx, cancel] = withCancel();
    const other = new Error('other', { cause: Object.assign(new Error('loop'), {}) });
    (other.cause as Error).cause = other;
    const runner = taskRunner(
      task('x', async (run) => {
        await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
        throw other;
      }),
    );
    runner.start(ctx).subscribe({ error: () => undefined });
    cancel();
    expect(await lastValueFrom(runner.done$))
      .to.include({ status: 'failed' })
      .and.have.nested.property('error.cause', other);

    for (const reason of [null, new Error('without more', { cause: null })]) {
      const [parent, stop] = withCancel();
      const late = deferred<never>();
      const rejecting = taskRunner(task('x', () => late.promise));
      rejecting.start(parent).subscribe({ error: () => undefined });
      stop();
      late.reject(reason);
      expect((await lastValueFrom(rejecting.done$)).error?.cause).to.equal(reason);
    }

    const aborting = taskRunner(task('x', () => Promise.reject(new DOMException('aborted', 'AbortError'))));
    aborting.start().subscribe({ error: () => undefined });
    expect((await lastValueFrom(aborting.done$)).status).to.equal('failed');
  });

  it('stays completed when the cancel comes after execute has ended', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      hot('---c').subscribe(cancel);
      const runner = taskRunner(task('x', { execute: () => timer(2), finalize: () => timer(5) }));
      const types$ = runner.events$.pipe(map(({ type }) => type));
      expectObservable(types$.pipe(skip(2))).toBe('--f----d', { f: 'finalizing', d: 'done' });
      expectObservable(runner.start(ctx)).toBe('--0----|', [0]);
      expectObservable(statusOf(runner)).toBe('-------(c|)', { c: 'completed' });
    });
  });

  it('notifies all listeners of its context before finalize, even if one of them ends execute', () => {
    const log: string[] = [];
    const [ctx, cancel] = withCancel();
    const runner = loggingRunner(log, {
      execute: (run) =>
        new Observable((subscriber) => {
          run.cancelled$.subscribe(() => subscriber.complete());
          run.cancelled$.subscribe(() => log.push('notified'));
        }),
    });
    const types = eventTypes(runner);
    runner.start(ctx).subscribe();
    cancel();
    expect(log).to.deep.equal(['initialize', 'execute', 'notified', 'finalize']);
    expect(types).to.deep.equal(['initializing', 'ready', 'cancelling', 'finalizing', 'done']);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('finalizes after its subscriber has unsubscribed, and done$ emits at the end', async () => {
    const { promise, resolve } = deferred<void>();
    const log: string[] = [];
    let cause: unknown;
    const runner = loggingRunner(log, {
      execute: (ctx) => {
        ctx.cancelled$.subscribe((reason) => (cause = reason));
        return NEVER;
      },
      finalize: () => promise,
    });
    const outcomes: Outcome[] = [];
    const subscription = runner.start().subscribe();
    runner.done$.subscribe((outcome) => outcomes.push(outcome));
    subscription.unsubscribe();
    expect([log, runner.status]).to.deep.equal([['initialize', 'execute', 'finalize'], 'finalizing']);
    expect(cause).to.be.instanceOf(CancelledError);
    await settled();
    expect(outcomes).to.deep.equal([]);
    resolve();
    await settled();
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
  });

  it('does not cancel its parent when its subscriber unsubscribes', () => {
    const [ctx, cancel] = withCancel();
    taskRunner(task('x', () => NEVER))
      .start(ctx, cancel)
      .subscribe()
      .unsubscribe();
    expect([ctx.cancelled, listenerCount(ctx)]).to.deep.equal([false, 0]);
  });

  it('has the status cancelled when execute ends at the abort of the signal, before the run is notified', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', (run) => fromEvent(run.signal, 'abort').pipe(take(1))));
    const types = eventTypes(runner);
    runner.start(ctx).subscribe();
    cancel();
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
    expect(types).to.deep.equal(['ready', 'cancelling', 'done']);
  });

  it('is never ready when it was cancelled during initialize', async () => {
    const { promise, resolve } = deferred<void>();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', { initialize: () => promise, execute: () => 1 }));
    const ready = collect(runner.ready$);
    const types = eventTypes(runner);
    runner.start(ctx).subscribe();
    cancel();
    resolve();
    await settled();
    expect(ready).to.deep.equal(['complete']);
    expect(types).to.deep.equal(['initializing', 'cancelling', 'finalizing', 'done']);
  });

  it('has the status cancelled when execute errors with the cause at the abort', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task(
        'x',
        (run) =>
          new Observable((subscriber) =>
            run.signal.addEventListener('abort', () => subscriber.error(run.signal.reason)),
          ),
      ),
    );
    const received = collect(runner.start(ctx));
    cancel(new Error('cause'));
    expect([received, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
  });

  it('drops what a source emits in its teardown', () => {
    for (const emitLate of [
      (s: Subscriber<string>) => s.next('late'),
      (s: Subscriber<string>) => s.error(new Error('late')),
      (s: Subscriber<string>) => s.complete(),
    ]) {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => new Observable<string>((subscriber) => () => emitLate(subscriber))));
      const received = collect(runner.start(ctx));
      cancel();
      expect([received, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
    }
  });

  it('stays completed when the cancel comes from the teardown of execute', () => {
    const subject = new Subject();
    const cases: [Observable<unknown>, () => void][] = [
      [of(1), () => undefined],
      [subject, () => subject.complete()],
    ];
    for (const [source, end] of cases) {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', (_, cancelApp) => source.pipe(finalize(() => cancelApp()))));
      const types = eventTypes(runner);
      runner.start(ctx, cancel).subscribe();
      end();
      expect([outcomeOf(runner)?.status, types, ctx.cancelled]).to.deep.equal(['completed', ['ready', 'done'], true]);
    }
  });

  it('stays completed when its subscriber unsubscribes at the only value', async () => {
    for (const execute of [() => 1, async () => 1]) {
      const runner = taskRunner(task('x', execute));
      expect(await firstValueFrom(runner.start())).to.equal(1);
      expect((await lastValueFrom(runner.done$)).status).to.equal('completed');
    }
  });

  it('has a CancelledError as its cause when its own cancel gives none', () => {
    let ctx: RunContext | undefined;
    const runner = taskRunner(
      task('x', (run, cancel) => {
        ctx = run;
        cancel();
        return NEVER;
      }),
    );
    runner.start().subscribe();
    expect(ctx?.cause).to.be.instanceOf(CancelledError).and.equal(ctx?.signal.reason);
  });

  it('has failed when it throws after its own cancel', () => {
    const runner = taskRunner(
      task('x', (_, cancel) => {
        cancel();
        throw new Error('boom');
      }),
    );
    runner.start().subscribe({ error: () => undefined });
    expect(outcomeOf(runner)?.status).to.equal('failed');
  });

  it('was ready when a listener of ready$ cancels it', () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', { execute: () => NEVER }));
    const types = eventTypes(runner);
    runner.ready$.subscribe(() => cancel());
    runner.start(ctx).subscribe();
    expect(types).to.deep.equal(['initializing', 'ready', 'cancelling', 'finalizing', 'done']);
  });
});
