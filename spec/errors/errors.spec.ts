import { expect } from 'chai';
import { CancelledError, DeadlineError, SignalError, TaskError } from '../../lib/index.js';

describe('TaskError', () => {
  it('has its own message and the stack frames of its cause', () => {
    const cause = new Error('boom');
    const { stack } = new TaskError('x', 'execute', cause);
    expect(stack).to.equal(
      `TaskError: x failed in execute: boom${cause.stack?.slice(cause.stack.indexOf('\n    at '))}`,
    );
    expect(new TaskError('x', 'execute', 0).stack).to.equal('TaskError: x failed in execute: 0');
    const bare = Object.assign(new Error('boom'), { stack: 'nothing' });
    expect(new TaskError('x', 'execute', bare).stack).to.equal('TaskError: x failed in execute: boom');
  });

  it('has its message and its suppressed errors in JSON', () => {
    const error = new TaskError('db', 'execute', new Error('boom'));
    const toJson = () => JSON.parse(JSON.stringify(error)) as unknown;
    const json = { name: 'TaskError', message: 'db failed in execute: boom', task: 'db', phase: 'execute' };
    expect(toJson()).to.deep.equal(json);
    error.suppressed.push(new TaskError('db', 'finalize', 'not closed'));
    expect(toJson()).to.deep.equal({
      ...json,
      suppressed: [
        { name: 'TaskError', message: "db failed in finalize: 'not closed'", task: 'db', phase: 'finalize' },
      ],
    });
  });

  it('has a message for every kind of thrown value', () => {
    const message = (cause: unknown) => new TaskError('db', 'initialize', cause).message;
    expect(message(new Error('refused'))).to.equal('db failed in initialize: refused');
    expect(message(new CancelledError(''))).to.equal('db failed in initialize: CancelledError');
    expect(message(undefined)).to.equal('db failed in initialize: undefined');
    expect(message({ code: 7 })).to.equal('db failed in initialize: { code: 7 }');
  });
});

describe('CancelledError, DeadlineError, SignalError', () => {
  it('have a default message and their properties', () => {
    expect(new DeadlineError(250)).to.include({ message: 'Not done within 250 ms', ms: 250 });
    expect(new CancelledError().message).to.equal('Cancelled');
    expect(new SignalError('SIGTERM')).to.include({ message: 'Received SIGTERM', signal: 'SIGTERM' });
  });
});
