import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { takesColors, writeTo } from '../../lib/inspect/terminal/terminal-output.js';
import { painter } from '../../lib/inspect/text/paint.js';

/** Calls a function with other variables of the environment. */
function withEnvironment<T>(variables: Record<string, string>, use: () => T): T {
  const names = ['NO_COLOR', 'FORCE_COLOR', 'TERM'];
  const saved = names.map((name) => [name, process.env[name]] as const);
  try {
    for (const name of names) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, variables);
    return use();
  } finally {
    for (const [name, value] of saved)
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
  }
}

describe('The output of a terminal', () => {
  it('has colours on a terminal, unless the environment decides otherwise', () => {
    const cases = [
      [true, {}, true],
      [false, {}, false],
      [true, { NO_COLOR: '1' }, false],
      [true, { NO_COLOR: '' }, true],
      [false, { FORCE_COLOR: '1' }, true],
      [true, { FORCE_COLOR: '0' }, false],
      [true, { TERM: 'dumb' }, false],
    ] as const;
    for (const [isTTY, variables, expected] of cases) {
      const result = withEnvironment({ TERM: 'xterm', ...variables }, () => takesColors({ write: () => true, isTTY }));
      expect(result, JSON.stringify([isTTY, variables])).to.equal(expected);
    }
  });

  it('is painted as the caller decides, whatever the environment says', () => {
    const painted = withEnvironment({ NO_COLOR: '1' }, () => painter(true)('text', 'red'));
    expect(painted).to.equal('\u001b[31mtext\u001b[39m');
    expect(withEnvironment({ FORCE_COLOR: '1' }, () => painter(false)('text', 'red'))).to.equal('text');
  });

  it('is dropped when it is closed: one listener waits for the error of any number of writes', () => {
    const closed = Object.assign(new EventEmitter(), {
      write: (_: string, done?: (error: Error) => void) => done?.(new Error('EPIPE')),
    });
    for (let round = 0; round < 2; round++) {
      for (let text = 0; text < 20; text++) writeTo(closed, 'text');
      expect(closed.listenerCount('error')).to.equal(1);
      closed.emit('error', new Error('EPIPE'));
      expect(closed.listenerCount('error')).to.equal(0);
    }
  });
});
