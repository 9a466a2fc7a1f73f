import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { interceptEvents } from '../../lib/http/intercept-events.js';

describe('The interception of events', () => {
  let emitter: EventEmitter;
  let received: unknown[][];
  let intercepted: unknown[][];
  const intercept = (handled: boolean) =>
    interceptEvents(emitter, (event, args) => {
      intercepted.push([event, ...args]);
      return handled;
    });

  beforeEach(() => {
    emitter = new EventEmitter();
    received = [];
    intercepted = [];
    emitter.on('data', (...args) => received.push(args));
  });

  it('comes before the listeners, adds none, and does not change whether there are any', () => {
    intercept(false);
    expect([emitter.emit('data', 1, 2), emitter.emit('other')]).to.deep.equal([true, false]);
    expect(intercepted).to.deep.equal([['data', 1, 2], ['other']]);
    expect(received).to.deep.equal([[1, 2]]);
    expect(emitter.listenerCount('data')).to.equal(1);
  });

  it('can keep an event from the listeners', () => {
    intercept(true);
    expect([emitter.emit('data', 1), emitter.emit('error', new Error('x'))]).to.deep.equal([true, true]);
    expect(received).to.deep.equal([]);
  });

  it('ends without a trace', () => {
    intercept(true)();
    emitter.emit('data', 1);
    expect([intercepted, received, Object.hasOwn(emitter, 'emit')]).to.deep.equal([[], [[1]], false]);
  });

  it('ends without undoing what other code has done since it began', () => {
    const end = intercept(true);
    const emit = emitter.emit.bind(emitter);
    const others: unknown[] = [];
    const replaced = (event: string | symbol, ...args: unknown[]) => (others.push(event), emit(event, ...args));
    emitter.emit = replaced;
    end();
    emitter.emit('data', 1);
    expect(Object.entries(emitter)).to.deep.include(['emit', replaced]);
    expect([others, intercepted, received]).to.deep.equal([['data'], [], [[1]]]);
  });
});
