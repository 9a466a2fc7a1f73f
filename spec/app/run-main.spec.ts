import { expect } from 'chai';
import { runMain, task, withCancel } from '../../lib/index.js';
import { listenerCount } from '../helpers/collect.js';

describe('runMain with invalid input', () => {
  it('throws synchronously and adds no signal listener', () => {
    const before = process.listenerCount('SIGTERM');
    expect(() => runMain([{} as never])).to.throw(TypeError, 'Expected `task`');
    expect(() => runMain([task('x', () => 1)], { timeout: -1 })).to.throw(RangeError, 'Expected `timeout`');
    expect(() => runMain([], Object.create({ timeout: -1 }) as object)).to.throw(RangeError, 'Expected `timeout`');
    expect(() => runMain([], { exitCode: 143 as never })).to.throw(
      RangeError,
      "Expected `exitCode` to be 'zero' or 'signal', got `143` (number)",
    );
    expect(() => runMain([], { instrumentation: 1 as never })).to.throw(
      TypeError,
      'Expected `instrumentation` to be an array, got `1` (number)',
    );
    expect(process.listenerCount('SIGTERM')).to.equal(before);
  });

  it('leaves no child in the parent', () => {
    const [parent] = withCancel();
    expect(() => runMain([{} as never], { parent })).to.throw(TypeError);
    expect(() => runMain([], { observe: 1 } as never)).to.throw(TypeError, 'got `observe`');
    expect(listenerCount(parent)).to.equal(0);
  });
});
