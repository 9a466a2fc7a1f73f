import { expect } from 'chai';
import fc from 'fast-check';
import sinon from 'sinon';
import { format, inspect } from 'node:util';
import { logError } from '../../lib/util/log-error.js';
import { throwing } from '../helpers/tasks.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

const million = 1_000_000;

describe('logError', () => {
  let written: unknown[] = [];
  let lines: string[] = [];

  beforeEach(() => {
    written = [];
    lines = [];
    sinon.stub(console, 'error').callsFake((...args: unknown[]) => {
      written.push(...args);
      lines.push(...format(...args).split('\n'));
    });
  });
  afterEach(() => sinon.restore());

  it('writes an error as the console prints it', () => {
    const error = Object.assign(new Error('boom', { cause: 'why' }), { code: 'EBOOM' });
    logError(error);
    logError('text of 100 %s');
    logError({ a: 1 });
    expect(written).to.deep.equal([error, 'text of 100 %s', { a: 1 }]);
  });

  it('writes the stacks of an error and its causes if it cannot be printed', () => {
    const cause = Object.assign(new Error('hostile'), { [inspect.custom]: throwing() });
    const error = new Error('boom', { cause });
    logError(error);
    expect(lines.join('\n')).to.equal(`${error.stack}\n  caused by: ${cause.stack}`);
  });

  it('does not throw when the console does', () => {
    sinon.restore();
    sinon.stub(console, 'error').throws(new Error('closed'));
    expect(() => logError(new Error('boom'))).not.to.throw();
    expect(() => logError(new Error('bo\nom'))).not.to.throw();
  });

  it('writes the same as the console, without what a terminal obeys', () => {
    const cause = new TypeError('in\u202ener');
    const error = Object.assign(new Error('\u001b[2Jbo\u0000om', { cause }), { code: 'E\u001b[31m', errno: -1 });
    logError(error);
    expect(lines).to.have.length(inspect(error).split('\n').length);
    expect(lines[0]).to.equal('Error: bo om');
    expect(lines.filter((line) => /^ {2}\w/.test(line))).to.deep.equal(["  code: 'E\\x1B[31m',", '  errno: -1,']);
    expect(lines.find((line) => line.includes('[cause]'))).to.equal('  [cause]: TypeError: in ner');
  });

  it('indents the lines of a message, so that none looks like a line of others', () => {
    logError(
      Object.assign(new Error('boom\n2026-01-01 INFO all is well\n  indented\n\n} x\r\ny'), { stack: undefined }),
    );
    expect(lines[0]).to.include('boom');
    logError('boom\n2026-01-01 INFO all is well');
    logError(new AggregateError([new Error('a\nb')], 'several\nlines'));
    expect(lines.filter((line) => /^[^\s}\]]/.test(line))).to.deep.equal([lines[0], 'boom', 'AggregateError: several']);
  });

  it('cuts a long message and a long stack, and still writes the frames, the properties and the causes', () => {
    const cause = new RangeError('c'.repeat(million));
    const error = Object.assign(new Error('/'.repeat(million), { cause }), { code: 'EBIG', details: { cause } });
    const frames = String(error.stack).split('\n').slice(1);
    logError(error);
    expect(lines[0]).to.match(/^Error: \/{9993}… 990,007 more characters$/);
    expect(lines.slice(1, frames.length + 1)).to.deep.equal(frames);
    expect(lines[frames.length + 1]).to.equal("  { code: 'EBIG', details: [Object] }");
    expect(lines[frames.length + 2]).to.match(/^ {2}caused by: RangeError: c{9988}… 990,012 more characters$/);
    expect(lines.join('\n')).to.have.length.below(30_000);
  });

  it('writes the errors of a long error that consists of others', () => {
    const inner = [new Error('first'), new Error('second')];
    const error = Object.assign(new AggregateError(inner, 'x'.repeat(million), { cause: 'why' }), { stack: '' });
    logError(Object.assign(new Error('outer', { cause: error }), { stack: 'y'.repeat(million) }));
    const heads = lines.filter((line) => !line.startsWith('    ')).map((line) => line.slice(0, 27));
    expect(heads).to.deep.equal([
      'y'.repeat(27),
      '  caused by: AggregateError',
      '  caused by: Error: first',
      '  caused by: Error: second',
      "  caused by: 'why'",
    ]);
  });

  it('takes linear time for a text of any kind, wherever it is in an error', () => {
    // Node compares long stacks with those of causes in cubic time: of these, in days.
    for (const repeated of ['/', ' ', "'", '(', '\n', '\n    at f (/a.js:1:1)', '\u001b[', 'a\n', '\n}']) {
      const text = repeated.repeat(200_000);
      const error = new Error(text, { cause: new Error(`${text}.`) });
      const named = Object.assign(new Error('x'), { name: text, code: text, [text]: text });
      const nested = new Map([[Symbol('key'), [{ error, [Symbol('error')]: error }]]]);
      for (const each of [error, named, text, nested, new Set([error]), new AggregateError([error, error], text)])
        logError(each);
    }
    expect(lines.every(({ length }) => length < 101_000)).to.equal(true);
  });

  it('never writes an unprintable character, whatever the parts of an error are', () => {
    const parts = {
      name: anyText,
      message: anyText,
      stack: fc.option(anyText),
      code: anyText,
      key: anyText,
      long: fc.nat(9),
    };
    fc.assert(
      fc.property(fc.record(parts), ({ name, message, stack, code, key, long }) => {
        lines = [];
        const error = Object.assign(new Error(message, { cause: code }), { name, code, [key]: { key } });
        if (stack !== null) error.stack = stack + (long === 0 ? 'x'.repeat(10_001) : '');
        for (const each of [error, message, { error }, [code, error], new AggregateError([error, code], name)])
          logError(each);
        for (const line of lines) expect(unprintableIn(line)).to.equal(undefined);
      }),
      { numRuns: 1000 },
    );
  });
});
