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
import { virtually } from '../helpers/virtual-time.js';

describe('withCancel', () => {
  it('gives a context that is not cancelled until its function is called', () => {
    const [ctx, cancel] = withCancel();
    expect([ctx.cancelled, ctx.cause]).to.deep.equal([false, undefined]);
    const cause = new Error('enough');
    cancel(cause);
    expect(ctx.cancelled).to.equal(true);
    expect(ctx.cause).to.equal(cause);
  });

  it('cancels with a CancelledError when no cause is given, and with any other value as it is', () => {
    const [silent, cancelSilent] = withCancel();
    cancelSilent();
    expect(silent.cause).to.be.instanceOf(CancelledError);
    for (const cause of [null, 0, '', false]) {
      const [ctx, cancel] = withCancel();
      cancel(cause);
      expect([ctx.cancelled, ctx.cause]).to.deep.equal([true, cause]);
    }
  });

  it('cancel twice, with different causes: one emission, the first cause', () => {
    const [ctx, cancel] = withCancel();
    const told = collect(ctx.cancelled$);
    cancel('first');
    cancel('second');
    expect(told).to.deep.equal(['first', 'complete']);
    expect(ctx.cause).to.equal('first');
  });

  it('tells late subscribers at once', () => {
    const [ctx, cancel] = withCancel();
    cancel('cause');
    expect(collect(ctx.cancelled$)).to.deep.equal(['cause', 'complete']);
  });

  it('flows down only, with the same cause', () => {
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

  it('is cancelled from the start under a cancelled parent', () => {
    const [parent, cancel] = withCancel();
    cancel('gone');
    const [child] = withCancel(parent);
    expect([child.cancelled, child.cause, child.signal.aborted]).to.deep.equal([true, 'gone', true]);
  });

  it('has set the state of all descendants before anyone is told', () => {
    const [parent, cancel] = withCancel();
    const [child] = withCancel(parent);
    const [grandchild] = withCancel(child);
    const signals = [parent.signal, child.signal, grandchild.signal];
    const states: boolean[] = [];
    const look = () => {
      states.push(parent.cancelled, child.cancelled, grandchild.cancelled);
      states.push(parent.signal.aborted, child.signal.aborted, grandchild.signal.aborted);
    };
    child.signal.addEventListener('abort', look);
    parent.cancelled$.subscribe(look);
    parent.cancelled$.subscribe(() => states.push(...signals.map(({ aborted }) => aborted)));
    grandchild.cancelled$.subscribe(look);
    cancel();
    expect(states).to.have.length(21);
    expect(states).to.not.include(false);
  });

  it('tells in the order of subscription, children in their place', () => {
    const [parent, cancel] = withCancel();
    const told: string[] = [];
    parent.cancelled$.subscribe(() => told.push('first'));
    const [child] = withCancel(parent);
    child.cancelled$.subscribe(() => told.push('child'));
    parent.cancelled$.subscribe(() => told.push('last'));
    cancel();
    expect(told).to.deep.equal(['first', 'child', 'last']);
  });

  it('a subscriber throws during cancel: the others are cancelled; the error is reported, not lost', async () => {
    const [ctx, cancel] = withCancel();
    const [child] = withCancel(ctx);
    const inNext = new Error('in next');
    const inTeardown = new Error('in teardown');
    let told = 0;
    ctx.cancelled$.subscribe(() => {
      throw inNext;
    });
    ctx.cancelled$
      .subscribe(() => told++)
      .add(() => {
        throw inTeardown;
      });
    child.cancelled$.subscribe(() => told++);
    const errors = await unhandledDuring(() => cancel());
    expect(told).to.equal(2);
    expect(errors).to.have.length(2);
    expect(errors).to.include(inNext);
    expect(String(errors[1])).to.include('in teardown');
  });

  it('a throwing abort listener does not keep the others from being told', () => {
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
    const told = collect(ctx.cancelled$);
    cancel('cause');
    expect(told).to.deep.equal(['cause', 'complete']);
    return new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() =>
      expect(thrown).to.deep.equal(['in abort']),
    );
  });

  it('stands cancels, subscriptions and unsubscriptions while it tells', () => {
    const [ctx, cancel] = withCancel();
    const told: string[] = [];
    ctx.cancelled$.subscribe(() => {
      cancel('again');
      left.unsubscribe();
      ctx.cancelled$.subscribe((cause) => told.push(`late ${String(cause)}`));
      told.push(`child ${String(withCancel(ctx)[0].cause)}`);
    });
    const left = ctx.cancelled$.subscribe(() => told.push('left'));
    ctx.cancelled$.subscribe(() => told.push('stayed'));
    cancel('cause');
    expect(told).to.deep.equal(['late cause', 'child cause', 'stayed']);
  });

  it('gives a context that has no way to cancel itself', () => {
    const [ctx] = withCancel();
    for (const name of ['cancel', 'abort', 'unsubscribe', 'complete', 'next']) expect(ctx).to.not.have.property(name);
    expect(ctx.signal).to.be.instanceOf(AbortSignal);
  });

  it('hands the scheduler down', () => {
    const scheduler = new VirtualTimeScheduler();
    const [parent] = withCancel(background, { scheduler });
    expect(withCancel(parent)[0].scheduler).to.equal(scheduler);
    expect(withTimeout(1, parent)[0].scheduler).to.equal(scheduler);
    expect(withCancel()[0].scheduler).to.equal(asyncScheduler);
  });

  it('keeps nothing of a child that has ended', () => {
    const [parent] = withCancel();
    const [child, cancel] = withCancel(parent);
    const subscription = child.cancelled$.subscribe();
    expect([listenerCount(parent), listenerCount(child)]).to.deep.equal([1, 1]);
    subscription.unsubscribe();
    cancel();
    expect([listenerCount(parent), listenerCount(child)]).to.deep.equal([0, 0]);
  });

  it('100,000 children of one context: no warning, nothing left after they end', async () => {
    for (const parent of [withCancel()[0], new AbortController().signal]) {
      const left = () =>
        parent instanceof AbortSignal ? getEventListeners(parent, 'abort').length : listenerCount(parent);
      const warnings = await warningsDuring(() => {
        const cancels = Array.from({ length: 100_000 }, () => withCancel(parent)[1]);
        expect(left()).to.equal(parent instanceof AbortSignal ? 1 : 100_000);
        for (const cancel of cancels) cancel();
        expect(left()).to.equal(0);
      });
      expect(warnings).to.deep.equal([]);
    }
  });

  it('100,000 runs under one context: likewise', async function () {
    this.timeout(20_000);
    const [ctx, cancel] = withCancel();
    const warnings = await warningsDuring(() => {
      const waiting = Array.from({ length: 100_000 }, () => taskRunner(task('x', () => NEVER)));
      const runs = waiting.map((runner) => launchRunner(ctx, cancel, runner));
      expect(listenerCount(ctx)).to.equal(100_000);
      for (const run of runs) run.unsubscribe();
      expect(listenerCount(ctx)).to.equal(0);
      for (const runner of waiting) launchRunner(ctx, cancel, runner);
      cancel();
      expect(waiting.every(({ status }) => status === 'done')).to.equal(true);
    });
    expect(warnings).to.deep.equal([]);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('cancels a chain of 100,000 contexts', () => {
    const [first, cancel] = withCancel();
    let last: Context = first;
    for (let i = 0; i < 100_000; i++) [last] = withCancel(last);
    const told = collect(last.cancelled$);
    cancel('cause');
    expect(told).to.deep.equal(['cause', 'complete']);
  });

  it('warns of no leak, however many listen to its signal', async () => {
    const [ctx] = withCancel();
    const warnings = await warningsDuring(() => {
      for (let i = 0; i < 30; i++) ctx.signal.addEventListener('abort', () => undefined);
    });
    expect(warnings).to.deep.equal([]);
  });

  it('refuses a scheduler that is none', () => {
    expect(() => withCancel(undefined, { scheduler: 5 as never })).to.throw(TypeError, 'Expected `scheduler`');
  });

  it('refuses a parent that is none', () => {
    expect(() => withCancel('ctx' as never)).to.throw(
      TypeError,
      "Expected `ctx` to be a Context or an AbortSignal, got `'ctx'` (string)",
    );
    expect(() => withCancel(null as never)).to.throw(TypeError, 'got null');
    expect(() => withCancel({} as never)).to.throw(TypeError, 'got `{}` (object)');
    expect(() => withCancel(background, { schedular: 1 } as never)).to.throw(TypeError, 'got `schedular` (unknown)');
  });

  it('holds for every tree of contexts: whoever is under a cancel has the first cause, and is told once', () => {
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
        const told = nodes.map(([ctx]) => collect(ctx.cancelled$));
        const model = nodes.map(() => undefined as unknown);
        const under = (node: number, root: number): boolean =>
          node === root || (node > 0 && under(parents[node - 1] ?? 0, root));
        cancels.forEach((target, turn) => {
          nodes[target]?.[1](turn);
          // Read before the model changes: only who was not cancelled yet takes the cause.
          model.forEach((cause, node) => {
            if (cause === undefined && under(node, target)) model[node] = turn;
          });
        });
        expect(nodes.map(([ctx]) => ctx.cause)).to.deep.equal(model);
        expect(told).to.deep.equal(model.map((cause) => (cause === undefined ? [] : [cause, 'complete'])));
      }),
    );
  });
});

describe('An AbortSignal taken as a context', () => {
  it('cancels with its reason', () => {
    const controller = new AbortController();
    const [ctx] = withCancel(controller.signal);
    controller.abort('reason');
    expect([ctx.cancelled, ctx.cause]).to.deep.equal([true, 'reason']);
    expect(withCancel(controller.signal)[0].cause).to.equal('reason');
  });

  it('gets one abort listener for all, removed when the last child has ended', () => {
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

  it('is looked at when it is taken, aborted before or while nobody listened', () => {
    const controller = new AbortController();
    const [, cancel] = withCancel(controller.signal);
    cancel();
    controller.abort('late');
    expect(withCancel(controller.signal)[0].cause).to.equal('late');
    expect(collect(new Subject().pipe(untilCancelled(controller.signal)))).to.deep.equal(['complete']);
  });

  it('is looked at when an operator that was made before is subscribed', () => {
    const controller = new AbortController();
    const until = untilCancelled(controller.signal);
    controller.abort();
    expect(collect(new Subject().pipe(until))).to.deep.equal(['complete']);
    expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
  });

  it('is told from what merely has one', () => {
    expect(() => withCancel(new AbortController() as never)).to.throw(TypeError, 'Expected `ctx`');
    expect(() => withCancel(new Request('http://localhost') as never)).to.throw(TypeError, 'Expected `ctx`');
    // As an IncomingMessage does.
    expect(() => withCancel({ aborted: false } as never)).to.throw(TypeError, 'Expected `ctx`');
    expect(() => withCancel({ cancelled$: NEVER } as never)).to.throw(TypeError, 'Expected `ctx`');
  });

  it('stands for a context of another copy of the package', () => {
    const controller = new AbortController();
    const foreign = {
      cancelled: false,
      cause: undefined,
      cancelled$: new Subject(),
      signal: controller.signal,
      scheduler: new VirtualTimeScheduler(),
    };
    const [ctx] = withCancel(foreign);
    expect(ctx.scheduler).to.equal(foreign.scheduler);
    controller.abort('theirs');
    expect(ctx.cause).to.equal('theirs');
  });
});

describe('ctx.signal', () => {
  it('is one signal, aborted with the cause', () => {
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
  it('is never cancelled and keeps nobody who waits', () => {
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

  it('passes on values, errors and the end', () => {
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

  it('leaves nothing in the context, whichever way it ends', () => {
    const [ctx] = withCancel();
    const source = new Subject();
    const left = source.pipe(untilCancelled(ctx)).subscribe();
    source.pipe(untilCancelled(ctx)).subscribe();
    expect(listenerCount(ctx)).to.equal(2);
    left.unsubscribe();
    expect(listenerCount(ctx)).to.equal(1);
    source.complete();
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('stops a source that is still subscribing when it is cancelled', () => {
    const [ctx, cancel] = withCancel();
    const told: number[] = [];
    new Observable<number>((subscriber) => {
      for (let i = 0; i < 10 && !subscriber.closed; i++) subscriber.next(i);
    })
      .pipe(untilCancelled(ctx))
      .subscribe((i) => {
        told.push(i);
        if (i === 2) cancel();
      });
    expect(told).to.deep.equal([0, 1, 2]);
  });

  it('refuses what is no context', () => {
    expect(() => untilCancelled(1 as never)).to.throw(TypeError, 'Expected `ctx`');
  });
});

describe('withTimeout', () => {
  it('cancels after its time with a DeadlineError', () => {
    virtually(({ expectObservable }) => {
      const [ctx] = withTimeout(5);
      expectObservable(ctx.cancelled$).toBe('-----(e|)', { e: new DeadlineError(5) });
    });
  });

  it('goes by the scheduler of its parent', () => {
    const scheduler = new VirtualTimeScheduler();
    const [ctx] = withTimeout(1e6, withCancel(background, { scheduler })[0]);
    scheduler.flush();
    expect(ctx.cause).to.be.instanceOf(DeadlineError);
    expect(scheduler.now()).to.equal(1e6);
  });

  it('clears its timer when it is cancelled before', () => {
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

  it('waits for any length of time, and for Infinity for ever', () => {
    virtually(({ expectObservable }) => {
      expectObservable(withTimeout(2 ** 32)[0].cancelled$).toBe(`${2 ** 32}ms (e|)`, { e: new DeadlineError(2 ** 32) });
      expectObservable(withTimeout(Infinity)[0].cancelled$).toBe('-');
    });
  });

  it('a delay beyond 2³¹−1 ms: waits', async () => {
    // On real timers, because virtual time has no such limit.
    const [ctx, cancel] = withTimeout(2 ** 31);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ctx.cancelled).to.equal(false);
    cancel();
  });

  it('ends exactly then, be it beyond what a timer holds', () => {
    const scheduler = new VirtualTimeScheduler();
    const [parent] = withCancel(undefined, { scheduler });
    const ms = 2 ** 31 + 5;
    const [ctx] = withTimeout(ms, parent);
    const at: number[] = [];
    ctx.cancelled$.subscribe(() => at.push(scheduler.now()));
    scheduler.flush();
    expect(at).to.deep.equal([ms]);
  });

  it('refuses what is no time', () => {
    expect(() => withTimeout(-1)).to.throw(
      RangeError,
      'Expected `ms` to be a number of ms from 0 and up, got `-1` (number)',
    );
    expect(() => withTimeout(NaN)).to.throw(RangeError, 'got `NaN` (number)');
    expect(() => withTimeout('1' as never)).to.throw(TypeError, "got `'1'` (string)");
  });
});
