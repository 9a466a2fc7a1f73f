import { expect } from 'chai';
import { signalListener, taskRunner } from '../../lib/index.js';
import { fakeSignals } from '../../lib/testing/index.js';

describe('fakeSignals', () => {
  it('sends a signal to its listeners', () => {
    const signals = fakeSignals();
    const received: string[] = [];
    const listener = (signal: unknown) => received.push(String(signal));
    signals.on('SIGTERM', listener);
    signals.on('SIGHUP', () => received.push('hup'));
    signals.send('SIGTERM');
    signals.send('SIGINT');
    expect(received).to.deep.equal(['SIGTERM']);
    expect([signals.listeners('SIGTERM'), signals.listeners('SIGINT')]).to.deep.equal([1, 0]);
    signals.off('SIGTERM', listener);
    signals.send('SIGTERM');
    expect([received.length, signals.listeners('SIGTERM')]).to.deep.equal([1, 0]);
  });

  it('is a target for a signalListener, which removes its listeners when it ends', () => {
    const signals = fakeSignals();
    const received: unknown[] = [];
    const runner = taskRunner(signalListener({ target: signals }));
    const start = () => runner.start().subscribe((signal) => received.push(signal));
    start();
    expect([signals.listeners('SIGINT'), signals.listeners('SIGTERM')]).to.deep.equal([1, 1]);
    signals.send('SIGINT');
    expect([received, signals.listeners('SIGINT'), signals.listeners('SIGTERM')]).to.deep.equal([['SIGINT'], 0, 0]);
    start().unsubscribe();
    expect(signals.listeners('SIGTERM')).to.equal(0);
  });

  it('can send a signal from a listener', () => {
    const signals = fakeSignals();
    const received: string[] = [];
    signals.on('SIGTERM', () => signals.send('SIGHUP'));
    signals.on('SIGHUP', () => received.push('hup'));
    signals.send('SIGTERM');
    expect(received).to.deep.equal(['hup']);
  });

  it('sends a signal only to its own listeners', () => {
    const [first, second] = [fakeSignals(), fakeSignals()];
    first.on('SIGTERM', () => expect.fail('The listener is called'));
    second.send('SIGTERM');
  });

  it('rejects a signal that is unknown or cannot be caught', () => {
    const signals = fakeSignals();
    expect(() => signals.send('SIGFOO' as never)).to.throw(RangeError, 'Expected `signal` to be the name of a signal');
    expect(() => signals.send('SIGKILL')).to.throw(RangeError, 'a signal that a process can catch');
    expect(() => signals.send(15 as never)).to.throw(RangeError);
  });
});
