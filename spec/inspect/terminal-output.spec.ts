import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { Writable } from 'node:stream';
import sinon from 'sinon';
import { launch, task } from '../../lib/index.js';
import { terminal } from '../../lib/inspect/index.js';
import { sizeOf, takesColors, writeTo } from '../../lib/inspect/terminal/terminal-output.js';
import { painter } from '../../lib/inspect/text/paint.js';
import { withEnvironment } from '../helpers/environment.js';

describe('The output of a terminal', () => {
  it('has colours on a terminal, unless the environment decides otherwise', () => {
    const cases = [
      [true, {}, true],
      [false, {}, false],
      [true, { NO_COLOR: '1' }, false],
      [true, { NO_COLOR: '' }, true],
      [false, { FORCE_COLOR: '1' }, true],
      [true, { FORCE_COLOR: '0' }, false],
      [true, { FORCE_COLOR: 'false' }, false],
      [false, { FORCE_COLOR: '1', NO_COLOR: '1', TERM: 'dumb' }, true],
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
    expect(painter(true)('', 'red')).to.equal('');
  });

  it('has the size of its terminal, or 80 columns and 24 rows if that is not known', () => {
    const write = () => true;
    expect(sizeOf({ write, columns: 100, rows: 30 })).to.deep.equal({ columns: 100, rows: 30 });
    for (const unknown of [{}, { columns: 0, rows: 0 }])
      expect(sizeOf({ write, ...unknown })).to.deep.equal({ columns: 80, rows: 24 });
  });

  it('may fail without an event', () => {
    const failing = { write: sinon.stub().yields(new Error('EPIPE')) };
    for (const text of ['a', 'b']) writeTo(failing, text);
    expect(failing.write.callCount).to.equal(2);
  });

  it('does not fail the application when it is closed, in any form', async () => {
    for (const ui of ['live', 'lines', 'json'] as const) {
      const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EIO')) });
      // Not `once` of `node:events`, which would handle the error.
      const closed = new Promise((resolve) => stream.on('close', resolve));
      const instrumentation = withEnvironment({ TERM: 'xterm' }, () => [
        terminal({ ui, stream: Object.assign(stream, { isTTY: true, columns: 80, rows: 24 }) }),
      ]);
      const { clean } = await launch([task('a', () => 1)], { instrumentation, observer: () => undefined });
      expect(clean, ui).to.equal(true);
      await closed;
    }
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
