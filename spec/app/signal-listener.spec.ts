import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import sinon from 'sinon';
import { SignalError, isTask, signalListener, task, taskRunner, withCancel } from '../../lib/index.js';
import { collect, warningsDuring } from '../helpers/collect.js';
import { outcomeOf } from '../helpers/tasks.js';

describe('signalListener', () => {
  it('emits the first signal and cancels the master context with a SignalError', () => {
    const target = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(signalListener({ target }));
    const emitted = collect(runner.start(ctx, cancel));
    target.emit('SIGTERM', 'SIGTERM', 15);
    target.emit('SIGINT', 'SIGINT', 2);
    expect(emitted).to.deep.equal(['SIGTERM', 'complete']);
    expect(ctx.cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGTERM', message: 'Received SIGTERM' });
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('listens for SIGINT and SIGTERM, or for the given signals', () => {
    for (const [listener, names] of [
      [signalListener({ target: new EventEmitter() }), 'SIGINT, SIGTERM'],
      [signalListener(), 'SIGINT, SIGTERM'],
      [signalListener('SIGHUP'), 'SIGHUP'],
      [signalListener({ signals: ['SIGUSR2', 'SIGHUP'] }), 'SIGUSR2, SIGHUP'],
    ] as const) {
      expect(String(listener)).to.equal(`signalListener(${names})`);
      expect(isTask(listener)).to.equal(true);
    }
    const target = new EventEmitter();
    const subscription = taskRunner(signalListener({ signals: ['SIGHUP'], target }))
      .start()
      .subscribe();
    expect(target.eventNames()).to.deep.equal(['SIGHUP']);
    subscription.unsubscribe();
  });

  it('leaves no listener after a signal, a cancel or an unsubscribe', () => {
    const target = new EventEmitter();
    for (const end of ['signal', 'cancel', 'unsubscribe']) {
      const [ctx, cancel] = withCancel();
      const subscription = taskRunner(signalListener({ target })).start(ctx, cancel).subscribe();
      expect(target.listenerCount('SIGINT'), end).to.equal(1);
      if (end === 'signal') target.emit('SIGINT');
      else if (end === 'cancel') cancel();
      else subscription.unsubscribe();
      expect(target.eventNames(), end).to.deep.equal([]);
    }
  });

  it('causes no warning of a leak when thirty listeners wait for one signal, and ends all thirty', async () => {
    const runners = Array.from({ length: 30 }, () => taskRunner(signalListener('SIGUSR2')));
    const before = process.listenerCount('SIGUSR2');
    const emitted: unknown[] = [];
    const warnings = await warningsDuring(async () => {
      for (const runner of runners) runner.start().subscribe((signal) => emitted.push(signal));
      process.kill(process.pid, 'SIGUSR2');
      for (const runner of runners) await lastValueFrom(runner.done$);
    });
    expect(warnings).to.deep.equal([]);
    expect(emitted).to.deep.equal(Array(30).fill('SIGUSR2'));
    expect(process.listenerCount('SIGUSR2')).to.equal(before);
  });

  it('throws when it is created with an unknown signal or one that cannot be caught', () => {
    expect(() => signalListener('SIGFOO' as never)).to.throw(
      RangeError,
      "Expected `signal` to be the name of a signal, got `'SIGFOO'` (string)",
    );
    expect(() => signalListener(15 as never)).to.throw(RangeError, 'got `15` (number)');
    expect(() => signalListener('toString' as never)).to.throw(RangeError);
    expect(() => signalListener({ signals: [['SIGTERM']] as never })).to.throw(RangeError, 'Expected `signal`');
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      expect(() => signalListener('SIGTERM', signal)).to.throw(
        RangeError,
        'Expected `signal` to be a signal that a process can catch',
      );
    }
    expect(() => signalListener({ target: {} as never })).to.throw(TypeError, 'Expected `target` to be an emitter');
  });

  it('cancels the other tasks of its context like any task', () => {
    const target = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const other = taskRunner(task('other', () => new Promise<void>(() => undefined)));
    other.start(ctx, cancel).subscribe();
    taskRunner(signalListener({ target })).start(ctx, cancel).subscribe();
    target.emit('SIGINT');
    expect(ctx.cancelled).to.equal(true);
  });

  it('ends with the first signal even if the cancel function does not cancel its context', () => {
    const target = new EventEmitter();
    const [ctx] = withCancel();
    const cancel = sinon.spy();
    const emitted = collect(taskRunner(signalListener({ target })).start(ctx, cancel));
    target.emit('SIGTERM');
    target.emit('SIGINT');
    expect([emitted, cancel.callCount, target.eventNames()]).to.deep.equal([['SIGTERM', 'complete'], 1, []]);
  });

  it('throws for a target without `off` or without `on`', () => {
    expect(() => signalListener({ target: { off: () => undefined } as never })).to.throw(
      TypeError,
      'Expected `target` to be an emitter',
    );
    expect(() => signalListener({ target: { on: () => undefined } as never })).to.throw(
      TypeError,
      'Expected `target` to be an emitter',
    );
  });

  it('cancels the master context even if the subscriber unsubscribes at the signal', async () => {
    const target = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const first = firstValueFrom(taskRunner(signalListener({ target })).start(ctx, cancel));
    target.emit('SIGINT');
    expect(await first).to.equal('SIGINT');
    expect(ctx.cause).to.be.instanceOf(SignalError);
  });

  it('throws for invalid options', () => {
    expect(() => signalListener(null as never)).to.throw(
      TypeError,
      'Expected `options` of `signalListener` to be an object, got null',
    );
    expect(() => signalListener({ signals: 'SIGTERM' as never })).to.throw(
      TypeError,
      'Expected `signals` to be an array',
    );
    expect(() => signalListener({ signal: 'SIGHUP' } as never)).to.throw(
      TypeError,
      'Expected an option of `signalListener`, got `signal`; did you mean `signals`? ' +
        'Known options: `signals`, `target`',
    );
  });

  it('is not failed by a target whose `off` throws, and reports each such error', () => {
    for (const end of ['signal', 'cancel', 'unsubscribe'] as const) {
      const emitter = new EventEmitter();
      const target = {
        on: (signal: string, listener: () => void) => emitter.on(signal, listener),
        off: (signal: string) => {
          throw new Error(`off ${signal}`);
        },
      };
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(signalListener({ target }));
      const failures: string[] = [];
      runner.events$.subscribe((event) => event.type === 'teardown-failed' && failures.push(String(event.error)));
      const subscription = runner.start(ctx, cancel).subscribe();
      if (end === 'signal') emitter.emit('SIGINT');
      else if (end === 'cancel') cancel();
      else subscription.unsubscribe();
      expect(failures, end).to.deep.equal(['Error: off SIGINT', 'Error: off SIGTERM']);
      expect(outcomeOf(runner), end).to.include({ status: 'cancelled' }).and.not.have.property('error');
    }
  });

  it('can be started again after `off` has thrown', () => {
    const emitter = new EventEmitter();
    const target = {
      on: (signal: string, listener: () => void) => emitter.on(signal, listener),
      off: () => {
        throw new Error('off');
      },
    };
    const runner = taskRunner(signalListener({ target }));
    runner.events$.subscribe();
    runner.start().subscribe().unsubscribe();
    const emitted = collect(runner.start());
    emitter.emit('SIGTERM');
    expect(emitted).to.deep.equal(['SIGTERM', 'complete']);
  });

  it('keeps its signals when the array changes later', () => {
    const target = new EventEmitter();
    const signals: NodeJS.Signals[] = ['SIGHUP'];
    const listener = signalListener({ signals, target });
    signals[0] = 'SIGTERM';
    const subscription = taskRunner(listener).start().subscribe();
    expect(target.eventNames()).to.deep.equal(['SIGHUP']);
    subscription.unsubscribe();
  });

  it('takes undefined for each option', () => {
    expect(String(signalListener({ signals: undefined, target: undefined }))).to.equal(
      'signalListener(SIGINT, SIGTERM)',
    );
  });
});
