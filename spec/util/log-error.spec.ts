import { expect } from 'chai';
import sinon from 'sinon';
import { format, inspect } from 'node:util';
import { logError } from '../../lib/util/log-error.js';
import { throwing } from '../helpers/tasks.js';

describe('logError', () => {
  afterEach(() => sinon.restore());

  it('writes an error as the console prints it', () => {
    const write = sinon.stub(console, 'error');
    const error = new Error('boom', { cause: 'why' });
    logError(error);
    expect(write.args).to.deep.equal([[error]]);
  });

  it('writes the stacks of an error and its causes if it cannot be printed', () => {
    const lines: string[] = [];
    sinon.stub(console, 'error').callsFake((error) => lines.push(format(error)));
    const cause = Object.assign(new Error('hostile'), { [inspect.custom]: throwing() });
    const error = new Error('boom', { cause });
    logError(error);
    expect(lines).to.deep.equal([`${error.stack}\ncaused by: ${cause.stack}`]);
  });

  it('does not throw when the console does', () => {
    sinon.stub(console, 'error').throws(new Error('closed'));
    expect(() => logError(new Error('boom'))).not.to.throw();
  });
});
