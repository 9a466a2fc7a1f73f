import { expect } from 'chai';
import { CancelledError, TaskError } from '../lib/index.js';

describe('TaskError', () => {
  it('has the stack of its cause, under its own message', () => {
    const cause = new Error('boom');
    const { stack } = new TaskError('x', 'execute', cause);
    expect(stack).to.equal(
      `TaskError: x failed in execute: boom${cause.stack?.slice(cause.stack.indexOf('\n    at '))}`,
    );
    expect(new TaskError('x', 'execute', 0).stack).to.equal('TaskError: x failed in execute: 0');
  });

  it('says what went wrong, whatever was thrown', () => {
    const message = (cause: unknown) => new TaskError('db', 'initialize', cause).message;
    expect(message(new Error('refused'))).to.equal('db failed in initialize: refused');
    expect(message(new CancelledError(''))).to.equal('db failed in initialize: CancelledError');
    expect(message(undefined)).to.equal('db failed in initialize: undefined');
    expect(message({ code: 7 })).to.equal('db failed in initialize: { code: 7 }');
  });
});
