import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import sinon from 'sinon';
import { SignalError, isTask, signalListener, task, taskRunner, withCancel } from '../../lib/index.js';
import { collect, warningsDuring } from '../helpers/collect.js';
import { outcomeOf } from '../helpers/tasks.js';

describe('signalListener', () => {
  it('cancels the master with a SignalError at the first signal, and emits it', () => {
    const target = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(signalListener({ target }));
    const told = collect(runner.start(ctx, cancel));
    target.emit('SIGTERM', 'SIGTERM', 15);
    target.emit('SIGINT', 'SIGINT', 2);
    expect(told).to.deep.equal(['SIGTERM', 'complete']);
    expect(ctx.cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGTERM', message: 'Received SIGTERM' });
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('listens for SIGINT and SIGTERM, or for those that are named', () => {
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

  it('leaves no listener when it ends, whichever way', () => {
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

  it('warns nobody, thirty times over, and tells all thirty', async () => {
    const runners = Array.from({ length: 30 }, () => taskRunner(signalListener('SIGUSR2')));
    const before = process.listenerCount('SIGUSR2');
    const told: unknown[] = [];
    const warnings = await warningsDuring(async () => {
      for (const runner of runners) runner.start().subscribe((signal) => told.push(signal));
      process.kill(process.pid, 'SIGUSR2');
      for (const runner of runners) await lastValueFrom(runner.done$);
    });
    expect(warnings).to.deep.equal([]);
    expect(told).to.deep.equal(Array(30).fill('SIGUSR2'));
    expect(process.listenerCount('SIGUSR2')).to.equal(before);
  });

  it('an unknown signal name: a clear error when made, and one for a signal that cannot be caught', () => {
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

  it('is an ordinary task beside others', () => {
    const target = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const other = taskRunner(task('other', () => new Promise<void>(() => undefined)));
    other.start(ctx, cancel).subscribe();
    taskRunner(signalListener({ target })).start(ctx, cancel).subscribe();
    target.emit('SIGINT');
    expect(ctx.cancelled).to.equal(true);
  });

  it('ends with the first signal, though the cancel it got is of no context of its own', () => {
    const target = new EventEmitter();
    const [ctx] = withCancel();
    const cancel = sinon.spy();
    const told = collect(taskRunner(signalListener({ target })).start(ctx, cancel));
    target.emit('SIGTERM');
    target.emit('SIGINT');
    expect([told, cancel.callCount, target.eventNames()]).to.deep.equal([['SIGTERM', 'complete'], 1, []]);
  });

  it('refuses a target without off, or without on', () => {
    expect(() => signalListener({ target: { off: () => undefined } as never })).to.throw(
      TypeError,
      'Expected `target` to be an emitter',
    );
    expect(() => signalListener({ target: { on: () => undefined } as never })).to.throw(
      TypeError,
      'Expected `target` to be an emitter',
    );
  });

  it('cancels the master, too, when whoever subscribed leaves at the signal', async () => {
    const target = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const first = firstValueFrom(taskRunner(signalListener({ target })).start(ctx, cancel));
    target.emit('SIGINT');
    expect(await first).to.equal('SIGINT');
    expect(ctx.cause).to.be.instanceOf(SignalError);
  });

  it('refuses options that are none', () => {
    expect(() => signalListener(null as never)).to.throw(TypeError, 'Expected `options` to be an object, got null');
    expect(() => signalListener({ signals: 'SIGTERM' as never })).to.throw(
      TypeError,
      'Expected `signals` to be an array',
    );
    expect(() => signalListener({ signal: 'SIGHUP' } as never)).to.throw(
      TypeError,
      'Expected `options` to be made of `signals`, `target`, got `signal` (unknown)',
    );
  });
});
