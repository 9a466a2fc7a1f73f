import { expect } from 'chai';
import { CancelledError, DeadlineError, SignalError, TaskError } from '../../lib/index.js';

describe('TaskError', () => {
  it('has the stack of its cause, under its own message', () => {
    const cause = new Error('boom');
    const { stack } = new TaskError('x', 'execute', cause);
    expect(stack).to.equal(
      `TaskError: x failed in execute: boom${cause.stack?.slice(cause.stack.indexOf('\n    at '))}`,
    );
    expect(new TaskError('x', 'execute', 0).stack).to.equal('TaskError: x failed in execute: 0');
    const bare = Object.assign(new Error('boom'), { stack: 'nothing' });
    expect(new TaskError('x', 'execute', bare).stack).to.equal('TaskError: x failed in execute: boom');
  });

  it('is for a log as it is for people, with what it has suppressed', () => {
    const error = new TaskError('db', 'execute', new Error('boom'));
    const log = () => JSON.parse(JSON.stringify(error)) as unknown;
    const shown = { name: 'TaskError', message: 'db failed in execute: boom', task: 'db', phase: 'execute' };
    expect(log()).to.deep.equal(shown);
    error.suppressed.push(new TaskError('db', 'finalize', 'not closed'));
    expect(log()).to.deep.equal({
      ...shown,
      suppressed: [
        { name: 'TaskError', message: "db failed in finalize: 'not closed'", task: 'db', phase: 'finalize' },
      ],
    });
  });

  it('says what went wrong, whatever was thrown', () => {
    const message = (cause: unknown) => new TaskError('db', 'initialize', cause).message;
    expect(message(new Error('refused'))).to.equal('db failed in initialize: refused');
    expect(message(new CancelledError(''))).to.equal('db failed in initialize: CancelledError');
    expect(message(undefined)).to.equal('db failed in initialize: undefined');
    expect(message({ code: 7 })).to.equal('db failed in initialize: { code: 7 }');
  });
});

describe('CancelledError, DeadlineError, SignalError', () => {
  it('say what happened', () => {
    expect(new DeadlineError(250)).to.include({ message: 'Not done within 250 ms', ms: 250 });
    expect(new CancelledError().message).to.equal('Cancelled');
    expect(new SignalError('SIGTERM')).to.include({ message: 'Received SIGTERM', signal: 'SIGTERM' });
  });
});
