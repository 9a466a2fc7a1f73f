import { expect } from 'chai';
import { CancelledError, DeadlineError, SignalError, TaskError } from '../../lib/index.js';
import { suppress } from '../../lib/errors/errors.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';

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

  it('lists each suppressed error once in JSON, also in a graph or a circle of them', () => {
    let error = new TaskError('t', 'execute', 'first');
    error.suppressed.push(error);
    for (let level = 0; level < 22; level++) {
      const outer = new TaskError('t', 'execute', level);
      outer.suppressed.push(error, error);
      error = outer;
    }
    expect(JSON.parse(JSON.stringify(error)))
      .to.have.property('suppressed')
      .with.length(22);
    error.suppressed.push(...Array.from({ length: 1000 }, () => new TaskError('t', 'execute', 'more')));
    expect(JSON.parse(JSON.stringify(error)))
      .to.have.property('suppressed')
      .with.length(100);
  });
});

describe('suppress', () => {
  const written = spyOnConsoleError();

  it('adds a later error, but not the error itself', () => {
    const [error, later] = [new TaskError('t', 'execute', 1), new TaskError('t', 'finalize', 2)];
    suppress(error, error);
    suppress(error, later);
    expect(error.suppressed).to.deep.equal([later]);
    expect(written.all()).to.deep.equal([]);
  });

  it('writes a later error to the console when the first one is frozen', () => {
    const [error, later] = [new TaskError('t', 'execute', 1), new TaskError('t', 'finalize', 2)];
    Object.freeze(error.suppressed);
    suppress(error, later);
    expect(written.all()).to.deep.equal([later]);
  });
});

describe('CancelledError, DeadlineError, SignalError', () => {
  it('have a default message and their properties', () => {
    expect(new DeadlineError(250)).to.include({ message: 'Not done within 250 ms', ms: 250 });
    expect(new CancelledError().message).to.equal('Cancelled');
    expect(new SignalError('SIGTERM')).to.include({ message: 'Received SIGTERM', signal: 'SIGTERM' });
  });
});
