import { expect } from 'chai';
import { cron, orchestrate, ordered, task } from '../../lib/index.js';
import { painter } from '../../lib/inspect/text/paint.js';
import { displayWidth, padToWidth, truncate } from '../../lib/inspect/text-width.js';
import { drawText } from '../../lib/inspect/text/draw-text.js';
import { renderText, type Recording } from '../../lib/inspect/index.js';
import { styles } from '../../lib/inspect/styles.js';
import { Timeline } from '../../lib/inspect/timeline.js';
import { virtualClock, record, script } from '../../lib/testing/index.js';

function recordingOf(runnables: Parameters<typeof orchestrate>[0], ms = 1000): Recording {
  const clock = virtualClock(0);
  const recording = record(orchestrate(runnables, { scheduler: clock, onFailure: 'continue' }), { clock });
  clock.advance(ms);
  return recording;
}

describe('renderText', () => {
  it('draws a line for each task below a time axis', () => {
    const recording = recordingOf([ordered('app', script('db', '[--->---------#]----|')), script('b', '-----|')]);
    expect(renderText(recording, { width: 60 }).split('\n')).to.deep.equal([
      '3 tasks, 19 ms',
      '      0          5 ms       10 ms      15 ms',
      '      ┬──────────┬──────────┬──────────┬─────────',
      'app   ░░░░░░░░░━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━✗  failed',
      '  db  ░░░░░░░░░━━━━━━━━━━━━━━━━━━━━━━✗▒▒▒▒▒▒▒▒▒▒▒  failed',
      'b     ━━━━━━━━━━━✓                              │  completed',
      '',
      '│ shutdown, not clean, 19 ms',
      '',
      '✗ app/db  execute: db was to fail in execute',
      '',
      '░ initializing   ━ running   ▒ finalizing   ✓ completed',
      '✗ failed',
    ]);
  });

  it('has an empty line between its parts, and none for a part that it does not have', () => {
    expect(renderText({ version: 1, from: 0, dropped: 0, events: [] }, { width: 26 })).to.equal(
      ['0 tasks, 1 ms', '      0', '      ┬───────────────────'].join('\n'),
    );
    const recording = recordingOf([script('b', '->--')], 2);
    expect(renderText(recording, { width: 26 }).split('\n').slice(2)).to.deep.equal([
      '      ┬───────────────────',
      `b     ${'━'.repeat(20)}`,
      '',
      '━ running',
    ]);
  });

  it('aligns wide names, and removes characters that would move the cursor', () => {
    const names = ['監視', 'e\u0301te\u0301', '👩‍👩‍👧', '\u001b[2J\u001b]0;title\u0007evil\r\n', 'plain'];
    const text = renderText(recordingOf(names.map((name) => script(name, '-----|'))), { width: 60 });
    // eslint-disable-next-line no-control-regex
    expect(text).to.not.match(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    const starts = text
      .split('\n')
      .filter((line) => /━.*completed/.test(line) && !/^[░━]/.test(line))
      .map((line) => displayWidth(line.slice(0, line.indexOf('━'))));
    expect(starts).to.deep.equal([7, 7, 7, 7, 7]);
  });

  it('is never wider than requested', () => {
    const recording = recordingOf([
      ordered('app', script('a-rather-long-name', '[--->---------#]----|'), script('監視監視監視監視監視', '[->')),
      cron(
        task('c', () => Promise.reject(new Error('x'.repeat(300)))),
        10,
        { maxRuns: 3 },
      ),
    ]);
    for (let width = 20; width < 130; width += 3)
      for (const line of renderText(recording, { width }).split('\n'))
        expect(displayWidth(line), `«${line}»`).to.be.at.most(width);
  });

  it('draws a part of the time, and the most important rows: failed and active tasks', () => {
    const tasks = [script('early', '-----|'), script('late', '->'), script('bad', '-----------#')];
    const timeline = new Timeline();
    for (const event of recordingOf(tasks).events) timeline.add(event);
    const window = { timeline, from: 10, to: 20, zero: 0 };
    const { rows } = drawText(window, 40, painter(false));
    expect(rows.map(({ text }) => text)).to.deep.equal(['early', `late   ${'━'.repeat(33)}`, 'bad    ━━━✗']);
    expect(drawText(window, 40, painter(false), 2).rows.map(({ row }) => row.task)).to.deep.equal(['late', 'bad']);
  });

  it('has colours on request, and the same text without them', () => {
    const recording = recordingOf([ordered('app', script('db', '[--->---------#]----|'))]);
    const colored = renderText(recording, { color: true });
    expect(colored).to.include('\u001b[31m✗');
    // eslint-disable-next-line no-control-regex
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).to.equal(renderText(recording));
  });

  it('draws an empty recording', () => {
    expect(renderText({ version: 1, from: 0, dropped: 0, events: [] })).to.match(/^0 tasks, 1 ms\n/);
    expect(renderText({ version: 1, from: 0, dropped: 7, events: [] })).to.include('7 earlier events were not kept');
  });

  it('refuses values that are not recordings, and invalid options', () => {
    const empty: Recording = { version: 1, from: 0, dropped: 0, events: [] };
    expect(() => renderText({} as never)).to.throw(
      TypeError,
      'Expected `recording` to be a recording made by `record`',
    );
    expect(() => renderText(empty, { width: 3 })).to.throw(RangeError, 'Expected `width`');
    expect(() => renderText(empty, { color: 'no' as never })).to.throw(TypeError, 'Expected `color` to be a boolean');
    expect(() => renderText(empty, { colour: true } as never)).to.throw(
      TypeError,
      'Expected an option of `renderText`, got `colour`',
    );
  });
});

describe('The symbols', () => {
  it('differ from one another and are one column wide', () => {
    const symbols = Object.values(styles).map(({ symbol }) => symbol);
    expect(new Set(symbols).size).to.equal(symbols.length);
    for (const symbol of symbols) expect(displayWidth(symbol)).to.equal(1);
  });
});

describe('displayWidth', () => {
  it('returns the columns of a text in a terminal', () => {
    const widths = {
      abc: 3,
      監視: 4,
      한국: 4,
      ｶﾅ: 2,
      ＡＢ: 4,
      'e\u0301': 1,
      '👍': 2,
      '👩‍👩‍👧': 2,
      '⚠️': 2,
      '…': 1,
      '': 0,
      '\u200b': 0,
    };
    for (const [text, width] of Object.entries(widths)) expect(displayWidth(text), text).to.equal(width);
    expect(truncate('監視サーバ', 6)).to.equal('監視…');
    expect(padToWidth('監視サーバ', 6)).to.equal('監視… ');
    expect([truncate('abc', 1), truncate('abc', 0)]).to.deep.equal(['…', '']);
  });
});
