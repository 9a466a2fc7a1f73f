import { expect } from 'chai';
import fc from 'fast-check';
import { getEventListeners } from 'node:events';
import { asyncScheduler, NEVER, Observable, Subject, VirtualTimeScheduler } from 'rxjs';
import sinon from 'sinon';
import {
  background,
  CancelledError,
  DeadlineError,
  launchRunner,
  task,
  taskRunner,
  untilCancelled,
  withCancel,
  withTimeout,
  type Context,
} from '../../lib/index.js';
import { collect, listenerCount, unhandledDuring, warningsDuring } from '../helpers/collect.js';
import { settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { outlastOverflow } from '../helpers/wait.js';

describe('withCancel', () => {
  it('creates a context that is not cancelled until its function is called', () => {
    const [ctx, cancel] = withCancel();
    expect([ctx.cancelled, ctx.cause]).to.deep.equal([false, undefined]);
    const cause = new Error('enough');
    cancel(cause);
    expect(ctx.cancelled).to.equal(true);
    expect(ctx.cause).to.equal(cause);
  });

  it('cancels with a CancelledError by default, and with any other value as it is', () => {
    const [silent, cancelSilent] = withCancel();
    cancelSilent();
    expect(silent.cause).to.be.instanceOf(CancelledError);
    for (const cause of [null, 0, '', false]) {
      const [ctx, cancel] = withCancel();
      cancel(cause);
      expect([ctx.cancelled, ctx.cause]).to.deep.equal([true, cause]);
    }
  });

  it('emits once, with the first cause, when it is cancelled twice', () => {
    const [ctx, cancel] = withCancel();
    const received = collect(ctx.cancelled$);
    cancel('first');
    cancel('second');
    expect(received).to.deep.equal(['first', 'complete']);
    expect(ctx.cause).to.equal('first');
  });

  it('emits to late subscribers immediately', () => {
    const [ctx, cancel] = withCancel();
    cancel('cause');
    expect(collect(ctx.cancelled$)).to.deep.equal(['cause', 'complete']);
  });

  it('cancels descendants only, with the same cause', () => {
    const [parent, cancelParent] = withCancel();
    const [child, cancelChild] = withCancel(parent);
    const [sibling] = withCancel(parent);
    const [grandchild] = withCancel(child);
    cancelChild('child');
    expect([parent, child, sibling, grandchild].map(({ cause }) => cause)).to.deep.equal([
      undefined,
      'child',
      undefined,
      'child',
    ]);
    cancelParent('parent');
    expect([parent, child, sibling, grandchild].map(({ cause }) => cause)).to.deep.equal([
      'parent',
      'child',
      'parent',
      'child',
    ]);
  });

  it('creates a cancelled context under a cancelled parent', () => {
    const [parent, cancel] = withCancel();
    cancel('gone');
    const [child] = withCancel(parent);
    expect([child.cancelled, child.cause, child.signal.aborted]).to.deep.equal([true, 'gone', true]);
  });

  it('sets the state of all descendants before it notifies a listener', () => {
    const [parent, cancel] = withCancel();
    const [child] = withCancel(parent);
    const [grandchild] = withCancel(child);
    const signals = [parent.signal, child.signal, grandchild.signal];
    const states: boolean[] = [];
    const recordStates = () => {
      states.push(parent.cancelled, child.cancelled, grandchild.cancelled);
      states.push(parent.signal.aborted, child.signal.aborted, grandchild.signal.aborted);
    };
    child.signal.addEventListener('abort', recordStates);
    parent.cancelled$.subscribe(recordStates);
    parent.cancelled$.subscribe(() => states.push(...signals.map(({ aborted }) => aborted)));
    grandchild.cancelled$.subscribe(recordStates);
    cancel();
    expect(states).to.have.length(21);
    expect(states).to.not.include(false);
  });

  it('notifies listeners and children in the order in which they were attached', () => {
    const [parent, cancel] = withCancel();
    const log: string[] = [];
    parent.cancelled$.subscribe(() => log.push('first'));
    const [child] = withCancel(parent);
    child.cancelled$.subscribe(() => log.push('child'));
    parent.cancelled$.subscribe(() => log.push('last'));
    cancel();
    expect(log).to.deep.equal(['first', 'child', 'last']);
  });

  it('notifies the other subscribers, and reports the error, when a subscriber throws during a cancel', async () => {
    const [ctx, cancel] = withCancel();
    const [child] = withCancel(ctx);
    const inNext = new Error('in next');
    const inTeardown = new Error('in teardown');
    let notified = 0;
    ctx.cancelled$.subscribe(() => {
      throw inNext;
    });
    ctx.cancelled$
      .subscribe(() => notified++)
      .add(() => {
        throw inTeardown;
      });
    child.cancelled$.subscribe(() => notified++);
    const errors = await unhandledDuring(() => cancel());
    expect(notified).to.equal(2);
    expect(errors).to.have.length(2);
    expect(errors).to.include(inNext);
    expect(String(errors[1])).to.include('in teardown');
  });

  it('notifies the other listeners when an abort listener throws', async () => {
    const [ctx, cancel] = withCancel();
    const thrown: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => {
      thrown.push(error.message);
      for (const listener of listeners) process.on('uncaughtException', listener);
    });
    ctx.signal.addEventListener('abort', () => {
      throw new Error('in abort');
    });
    const received = collect(ctx.cancelled$);
    cancel('cause');
    expect(received).to.deep.equal(['cause', 'complete']);
    await settled();
    expect(thrown).to.deep.equal(['in abort']);
  });

  it('allows cancels, subscriptions and unsubscriptions during a cancel', () => {
    const [ctx, cancel] = withCancel();
    const log: string[] = [];
    ctx.cancelled$.subscribe(() => {
      cancel('again');
      removed.unsubscribe();
      ctx.cancelled$.subscribe((cause) => log.push(`late ${String(cause)}`));
      log.push(`child ${String(withCancel(ctx)[0].cause)}`);
    });
    const removed = ctx.cancelled$.subscribe(() => log.push('removed'));
    ctx.cancelled$.subscribe(() => log.push('stayed'));
    cancel('cause');
    expect(log).to.deep.equal(['late cause', 'child cause', 'stayed']);
  });

  it('creates a context without a method to cancel itself', () => {
    const [ctx] = withCancel();
    for (const name of ['cancel', 'abort', 'unsubscribe', 'complete', 'next']) expect(ctx).to.not.have.property(name);
    expect(ctx.signal).to.be.instanceOf(AbortSignal);
  });

  it('passes the scheduler to descendants', () => {
    const scheduler = new VirtualTimeScheduler();
    const [parent] = withCancel(background, { scheduler });
    expect(withCancel(parent)[0].scheduler).to.equal(scheduler);
    expect(withTimeout(1, parent)[0].scheduler).to.equal(scheduler);
    expect(withCancel()[0].scheduler).to.equal(asyncScheduler);
  });

  it('stores no child that has ended', () => {
    const [parent] = withCancel();
    const [child, cancel] = withCancel(parent);
    const subscription = child.cancelled$.subscribe();
    expect([listenerCount(parent), listenerCount(child)]).to.deep.equal([1, 1]);
    subscription.unsubscribe();
    cancel();
    expect([listenerCount(parent), listenerCount(child)]).to.deep.equal([0, 0]);
  });

  it('supports 100,000 children of one context without a warning or a leak', async () => {
    for (const parent of [withCancel()[0], new AbortController().signal]) {
      const listeners = () =>
        parent instanceof AbortSignal ? getEventListeners(parent, 'abort').length : listenerCount(parent);
      const warnings = await warningsDuring(() => {
        const cancels = Array.from({ length: 100_000 }, () => withCancel(parent)[1]);
        expect(listeners()).to.equal(parent instanceof AbortSignal ? 1 : 100_000);
        for (const cancel of cancels) cancel();
        expect(listeners()).to.equal(0);
      });
      expect(warnings).to.deep.equal([]);
    }
  });

  it('supports 100,000 runs under one context without a warning or a leak', async () => {
    const [ctx, cancel] = withCancel();
    const warnings = await warningsDuring(() => {
      const runners = Array.from({ length: 100_000 }, () => taskRunner(task('x', () => NEVER)));
      const runs = runners.map((runner) => launchRunner(ctx, cancel, runner));
      expect(listenerCount(ctx)).to.equal(100_000);
      for (const run of runs) run.unsubscribe();
      expect(listenerCount(ctx)).to.equal(0);
      for (const runner of runners) launchRunner(ctx, cancel, runner);
      cancel();
      expect(runners.every(({ status }) => status === 'done')).to.equal(true);
    });
    expect(warnings).to.deep.equal([]);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('cancels a chain of 100,000 contexts', () => {
    const [first, cancel] = withCancel();
    let last: Context = first;
    for (let i = 0; i < 100_000; i++) [last] = withCancel(last);
    const received = collect(last.cancelled$);
    cancel('cause');
    expect(received).to.deep.equal(['cause', 'complete']);
  });

  it('causes no leak warning for many abort listeners', async () => {
    const [ctx] = withCancel();
    const warnings = await warningsDuring(() => {
      for (let i = 0; i < 30; i++) ctx.signal.addEventListener('abort', () => undefined);
    });
    expect(warnings).to.deep.equal([]);
  });

  it('throws for an invalid scheduler', () => {
    expect(() => withCancel(undefined, { scheduler: 5 as never })).to.throw(TypeError, 'Expected `scheduler`');
  });

  it('throws for an invalid parent and an unknown option', () => {
    expect(() => withCancel('ctx' as never)).to.throw(
      TypeError,
      "Expected `ctx` to be a Context or an AbortSignal, got `'ctx'` (string)",
    );
    expect(() => withCancel(null as never)).to.throw(TypeError, 'got null');
    expect(() => withCancel({} as never)).to.throw(TypeError, 'got `{}` (object)');
    expect(() => withCancel(background, { schedular: 1 } as never)).to.throw(TypeError, 'got `schedular`');
  });

  it('gives each descendant in every tree of contexts the first cause, once', () => {
    // Context i + 1 is a child of an earlier one; the cancels come in the order given.
    const trees = fc.integer({ min: 1, max: 30 }).chain((size) =>
      fc.record({
        parents: fc.tuple(...Array.from({ length: size }, (_, i) => fc.nat(i))),
        cancels: fc.array(fc.nat(size), { maxLength: 8 }),
      }),
    );
    fc.assert(
      fc.property(trees, ({ parents, cancels }) => {
        const nodes = [withCancel()];
        for (const parent of parents) nodes.push(withCancel(nodes[parent]?.[0]));
        const received = nodes.map(([ctx]) => collect(ctx.cancelled$));
        const model = nodes.map(() => undefined as unknown);
        const under = (node: number, root: number): boolean =>
          node === root || (node > 0 && under(parents[node - 1] ?? 0, root));
        cancels.forEach((target, turn) => {
          nodes[target]?.[1](turn);
          // Only a context that was not cancelled before takes the cause.
          model.forEach((cause, node) => {
            if (cause === undefined && under(node, target)) model[node] = turn;
          });
        });
        expect(nodes.map(([ctx]) => ctx.cause)).to.deep.equal(model);
        expect(received).to.deep.equal(model.map((cause) => (cause === undefined ? [] : [cause, 'complete'])));
      }),
    );
  });
});

describe('An AbortSignal as a context', () => {
  it('cancels its children with its reason', () => {
    const controller = new AbortController();
    const [ctx] = withCancel(controller.signal);
    controller.abort('reason');
    expect([ctx.cancelled, ctx.cause]).to.deep.equal([true, 'reason']);
    expect(withCancel(controller.signal)[0].cause).to.equal('reason');
  });

  it('has one abort listener for all children, which is removed after the last child has ended', () => {
    const { signal } = new AbortController();
    const added = sinon.spy(signal, 'addEventListener');
    const removed = sinon.spy(signal, 'removeEventListener');
    const cancels = [1, 2, 3].map(() => withCancel(signal)[1]);
    const subscription = new Subject().pipe(untilCancelled(signal)).subscribe();
    expect([added.callCount, removed.callCount]).to.deep.equal([1, 0]);
    for (const cancel of cancels) cancel();
    expect(removed.callCount).to.equal(0);
    subscription.unsubscribe();
    expect([added.callCount, removed.callCount]).to.deep.equal([1, 1]);
    expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
    withCancel(signal);
    expect(added.callCount).to.equal(2);
  });

  it('cancels its children even if another abort listener stops the event', () => {
    const controller = new AbortController();
    controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
    const [ctx] = withCancel(controller.signal);
    controller.abort('reason');
    expect([ctx.cancelled, ctx.cause]).to.deep.equal([true, 'reason']);
  });

  it('is checked when a child is created, even if it was aborted before or without a listener', () => {
    const controller = new AbortController();
    const [, cancel] = withCancel(controller.signal);
    cancel();
    controller.abort('late');
    expect(withCancel(controller.signal)[0].cause).to.equal('late');
    expect(collect(new Subject().pipe(untilCancelled(controller.signal)))).to.deep.equal(['complete']);
  });

  it('is checked when an operator that was created before is subscribed', () => {
    const controller = new AbortController();
    const until = untilCancelled(controller.signal);
    controller.abort();
    expect(collect(new Subject().pipe(until))).to.deep.equal(['complete']);
    expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
  });

  it('is not confused with objects that have a signal or look like one', () => {
    expect(() => withCancel(new AbortController() as never)).to.throw(TypeError, 'Expected `ctx`');
    expect(() => withCancel(new Request('http://localhost') as never)).to.throw(TypeError, 'Expected `ctx`');
    // As an IncomingMessage does.
    expect(() => withCancel({ aborted: false } as never)).to.throw(TypeError, 'Expected `ctx`');
    expect(() => withCancel({ cancelled$: NEVER } as never)).to.throw(TypeError, 'Expected `ctx`');
  });

  it('represents a context of another copy of the package', () => {
    const controller = new AbortController();
    const copy = {
      cancelled: false,
      cause: undefined,
      cancelled$: new Subject(),
      signal: controller.signal,
      scheduler: new VirtualTimeScheduler(),
    };
    const [ctx] = withCancel(copy);
    expect(ctx.scheduler).to.equal(copy.scheduler);
    controller.abort('reason');
    expect(ctx.cause).to.equal('reason');
  });
});

describe('ctx.signal', () => {
  it('is always the same signal, aborted with the cause', () => {
    const [ctx, cancel] = withCancel();
    const { signal } = ctx;
    expect(ctx.signal).to.equal(signal);
    const cause = new Error('cause');
    cancel(cause);
    expect(signal.aborted).to.equal(true);
    expect(signal.reason).to.equal(cause);
  });
});

describe('background', () => {
  it('is never cancelled and stores no listeners', () => {
    expect([background.cancelled, background.cause, background.signal.aborted]).to.deep.equal([
      false,
      undefined,
      false,
    ]);
    const subscription = background.cancelled$.subscribe();
    const [, cancel] = withCancel(background);
    expect(listenerCount(background)).to.equal(0);
    subscription.unsubscribe();
    cancel();
    expect(background.cancelled).to.equal(false);
  });
});

describe('untilCancelled', () => {
  it('completes at the cancel and unsubscribes from the source', () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      hot('   ---c').subscribe(cancel);
      const source = cold('-a-b-c-|');
      expectObservable(source.pipe(untilCancelled(ctx))).toBe('-a-|');
      expectSubscriptions(source.subscriptions).toBe('^--!');
    });
  });

  it('forwards values, errors and completion', () => {
    virtually(({ cold, expectObservable }) => {
      const [ctx] = withCancel();
      expectObservable(cold('-a-b|').pipe(untilCancelled(ctx))).toBe('-a-b|');
      expectObservable(cold('-a-#').pipe(untilCancelled(ctx))).toBe('-a-#');
    });
  });

  it('does not subscribe to the source under a cancelled context', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      cancel();
      const source = cold('-a');
      expectObservable(source.pipe(untilCancelled(ctx))).toBe('|');
      expectSubscriptions(source.subscriptions).toBe([]);
    });
  });

  it('leaves no listener in the context after completion or an unsubscribe', () => {
    const [ctx] = withCancel();
    const source = new Subject();
    const unsubscribed = source.pipe(untilCancelled(ctx)).subscribe();
    source.pipe(untilCancelled(ctx)).subscribe();
    expect(listenerCount(ctx)).to.equal(2);
    unsubscribed.unsubscribe();
    expect(listenerCount(ctx)).to.equal(1);
    source.complete();
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('stops a synchronous source when it is cancelled during the subscription', () => {
    const [ctx, cancel] = withCancel();
    const received: number[] = [];
    new Observable<number>((subscriber) => {
      for (let i = 0; i < 10 && !subscriber.closed; i++) subscriber.next(i);
    })
      .pipe(untilCancelled(ctx))
      .subscribe((i) => {
        received.push(i);
        if (i === 2) cancel();
      });
    expect(received).to.deep.equal([0, 1, 2]);
  });

  it('throws for a value that is not a context', () => {
    expect(() => untilCancelled(1 as never)).to.throw(TypeError, 'Expected `ctx`');
  });
});

describe('withTimeout', () => {
  it('cancels with a DeadlineError after its timeout', () => {
    virtually(({ expectObservable }) => {
      const [ctx] = withTimeout(5);
      expectObservable(ctx.cancelled$).toBe('-----(e|)', { e: new DeadlineError(5) });
    });
  });

  it('uses the scheduler of its parent', () => {
    const scheduler = new VirtualTimeScheduler();
    const [ctx] = withTimeout(1e6, withCancel(background, { scheduler })[0]);
    scheduler.flush();
    expect(ctx.cause).to.be.instanceOf(DeadlineError);
    expect(scheduler.now()).to.equal(1e6);
  });

  it('clears its timer at an earlier cancel', () => {
    const clock = sinon.useFakeTimers();
    try {
      const [parent, cancelParent] = withCancel();
      const [, cancel] = withTimeout(1000);
      withTimeout(1000, parent);
      expect(clock.countTimers()).to.equal(2);
      cancel();
      cancelParent();
      withTimeout(1000, parent);
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  it('accepts any timeout, and never cancels for Infinity', () => {
    virtually(({ expectObservable }) => {
      expectObservable(withTimeout(2 ** 32)[0].cancelled$).toBe(`${2 ** 32}ms (e|)`, { e: new DeadlineError(2 ** 32) });
      expectObservable(withTimeout(Infinity)[0].cancelled$).toBe('-');
    });
  });

  it('waits longer than 2³¹−1 ms with real timers', async () => {
    // On real timers, because virtual time has no such limit.
    const [ctx, cancel] = withTimeout(2 ** 31);
    await outlastOverflow();
    expect(ctx.cancelled).to.equal(false);
    cancel();
  });

  it('cancels at the exact time after more than 2³¹−1 ms', () => {
    const scheduler = new VirtualTimeScheduler();
    const [parent] = withCancel(undefined, { scheduler });
    const ms = 2 ** 31 + 5;
    const [ctx] = withTimeout(ms, parent);
    const at: number[] = [];
    ctx.cancelled$.subscribe(() => at.push(scheduler.now()));
    scheduler.flush();
    expect(at).to.deep.equal([ms]);
  });

  it('throws for an invalid timeout', () => {
    expect(() => withTimeout(-1)).to.throw(
      RangeError,
      'Expected `ms` to be a number of ms from 0 and up, got `-1` (number)',
    );
    expect(() => withTimeout(NaN)).to.throw(RangeError, 'got `NaN` (number)');
    expect(() => withTimeout('1' as never)).to.throw(TypeError, "got `'1'` (string)");
  });
});
