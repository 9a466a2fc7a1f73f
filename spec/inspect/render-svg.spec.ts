import { expect } from 'chai';
import { timer } from 'rxjs';
import { cron, launch, orchestrate, ordered, task } from '../../lib/index.js';
import { renderSvg, type Recording } from '../../lib/inspect/index.js';
import { virtualClock, record, script } from '../../lib/testing/index.js';

function recordingOf(runnables: Parameters<typeof orchestrate>[0], ms = 1000): Recording {
  const clock = virtualClock('2026-03-02T08:00:00Z');
  const recording = record(orchestrate(runnables, { scheduler: clock, onFailure: 'continue' }), {
    clock,
    limit: 100_000,
  });
  clock.advance(ms);
  return recording;
}

/** Parses well-formed XML, and returns its texts and the names of its elements. */
function parsed(xml: string): { texts: string[]; elements: string[] } {
  const open: string[] = [];
  const elements: string[] = [];
  const texts: string[] = [];
  const token = /<(\/?)([\w-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<>]+)/y;
  while (token.lastIndex < xml.length) {
    const from = token.lastIndex;
    const [, close, name = '', attributes = '', empty, text] =
      token.exec(xml) ?? expect.fail(`Not well-formed: ${xml.slice(from, from + 80)}`);
    expect(text ?? attributes).to.not.match(/&(?!(amp|lt|gt|quot|#39);)/);
    if (text !== undefined) texts.push(text);
    else if (close) expect(open.pop()).to.equal(name);
    else {
      elements.push(name);
      if (!empty) open.push(name);
    }
  }
  expect(open).to.deep.equal([]);
  // eslint-disable-next-line no-control-regex
  expect(xml).to.not.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff]/u);
  return { texts, elements };
}

describe('renderSvg', () => {
  it('returns a document with a light and a dark theme, without scripts and external resources', () => {
    const svg = renderSvg(recordingOf([ordered('app', script('db', '[-->---]-|'), script('http', '[->--#]-|'))]));
    const { elements } = parsed(svg);
    expect(svg).to.match(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).to.include('@media (prefers-color-scheme:dark)');
    expect(elements).to.not.include.members(['script', 'image', 'foreignObject']);
    expect(svg.replace('http://www.w3.org/2000/svg', '')).to.not.match(/https?:|href|url\((?!#)/);
  });

  it('has titles for bars and marks, and errors for failures', () => {
    const { texts } = parsed(renderSvg(recordingOf([ordered('app', script('db', '[-->---#]-|'))])));
    expect(texts).to.include.members([
      'app',
      'app/db',
      'db',
      'running, from 3 ms, 4 ms',
      'finalizing, from 7 ms, 2 ms',
      'failed, 7 ms: TaskError: app/db failed in execute: db was to fail in execute',
      'execute: db was to fail in execute',
    ]);
  });

  it('has a legend of the kinds that occur', () => {
    const { texts } = parsed(renderSvg(recordingOf([script('a', '[-->--|')])));
    expect(texts).to.include.members(['initializing', 'running', 'completed']);
    expect(texts).to.not.include('failed');
  });

  it('escapes the names and errors of tasks', () => {
    const nasty = '<script>alert("1")</script>&\'\u0000\u001b[31m\ud800\uffff]]>';
    const failing = task(nasty, () => Promise.reject(new Error(nasty)));
    return launch([failing], { observer: () => undefined }).then(() => {
      const svg = renderSvg(recordingOf([task(nasty, () => timer(1)), script(nasty, '-#')]), { title: nasty });
      const { elements, texts } = parsed(svg);
      expect(elements).to.not.include('script');
      expect(texts).to.include('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39; ]]&gt;');
    });
  });

  it('draws marks that would overlap as one, with their number', () => {
    const recording = recordingOf(
      [
        cron(
          task('poll', () => 1),
          100,
        ),
      ],
      1_000_000,
    );
    expect(recording.events).to.have.length.above(10_000);
    const svg = renderSvg(recording);
    expect(svg.length).to.be.below(100_000);
    const { texts } = parsed(svg);
    const counts = texts.flatMap((text) => /^(\d+) × slot started/.exec(text)?.[1] ?? []).map(Number);
    expect(counts.reduce((sum, count) => sum + count, 0)).to.be.within(9_990, 10_001);
  });

  it('draws running tasks, empty recordings, and recordings without their first events', () => {
    const { events } = recordingOf([script('a', '[-->')], 10);
    expect(parsed(renderSvg({ version: 1, from: 0, dropped: 3, events: events.slice(1) })).texts).to.include(
      'running, from 0 ms, until now',
    );
    parsed(renderSvg({ version: 1, from: 0, dropped: 0, events: [] }));
  });

  it('has clock times when the recording is longer than two hours', () => {
    const { texts } = parsed(
      renderSvg(
        recordingOf(
          [
            cron(
              task('c', () => 1),
              3_600_000,
            ),
          ],
          40 * 3_600_000,
        ),
      ),
    );
    expect(texts).to.include.members(['12:00', '2026-03-03', 'UTC']);
  });

  it('refuses values that are not recordings, and invalid options', () => {
    const empty: Recording = { version: 1, from: 0, dropped: 0, events: [] };
    expect(() => renderSvg({} as never)).to.throw(TypeError, 'Expected `recording` to be a recording made by `record`');
    expect(() => renderSvg(undefined as never)).to.throw(TypeError, 'Expected `recording`');
    expect(() => renderSvg(empty, { width: 10 })).to.throw(RangeError, 'Expected `width`');
    expect(() => renderSvg(empty, { title: 3 as never })).to.throw(TypeError, 'Expected `title`');
    expect(() => renderSvg(empty, { wide: 3 } as never)).to.throw(
      TypeError,
      'Expected an option of `renderSvg`, got `wide`',
    );
  });
});
