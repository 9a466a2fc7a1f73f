import { expect } from 'chai';
import { renderSvg, type SvgOptions } from '../../lib/inspect/index.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

const of = (type: RecordedEvent['type'], at: number, rest: Partial<RecordedEvent> = {}): RecordedEvent => ({
  type,
  at,
  task: 'x',
  runId: 1,
  ...rest,
});
const error = { name: 'Error', message: 'm'.repeat(100) };

function drawn(events: readonly RecordedEvent[], options: SvgOptions = {}, dropped = 0) {
  const svg = renderSvg({ version: 1, from: 0, dropped, events }, options);
  const numbers = (pattern: RegExp) => [...svg.matchAll(pattern)].map((match) => match.slice(1).map(Number));
  return {
    svg,
    texts: [...svg.matchAll(/>([^<>\n]+)<\/(?:text|tspan)>/g)].map(([, text]) => text),
    titles: [...svg.matchAll(/<title>([^<]*)/g)].map(([, title]) => title),
    /** The positions and lengths of the bars. */
    bars: numbers(/<\/title><rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g),
    numbers,
  };
}

describe('The layout of a picture', () => {
  it('cuts the title, the summary, names, statuses and errors that are too long for their place', () => {
    const events = [
      ...Array.from({ length: 12 }, () => of('restarting', 0, { task: 'n'.repeat(60), restart: 1 })),
      of('ready', 0, { task: `${'n'.repeat(60)}/${'c'.repeat(60)}` }),
      of('done', 1, { outcome: { task: 'x', status: 'failed', error } }),
    ];
    const { texts } = drawn(events, { width: 320, title: 't'.repeat(60) }, 3);
    expect(texts.slice(0, 2)).to.deep.equal([`${'t'.repeat(34)}…`, '3 tasks · 1 ms from 1970-01-01 00:00:00 U…']);
    expect(texts).to.include.members([
      `${'n'.repeat(14)}…`,
      `${'c'.repeat(12)}…`,
      'waiting, …',
      `Error: ${'m'.repeat(19)}…`,
    ]);
  });

  it('cuts nothing that has room', () => {
    const events = [of('ready', 0), of('done', 1, { outcome: { task: 'x', status: 'failed', error } })];
    expect(drawn(events).texts[0]).to.equal('rxjs-tasks');
    const { texts } = drawn(events, { title: 't'.repeat(60) }, 3);
    expect(texts).to.include.members([
      't'.repeat(60),
      '1 task · 1 ms from 1970-01-01 00:00:00 UTC · 3 earlier events were not kept',
      `Error: ${error.message}`,
    ]);
  });

  it('has the error of a task below its bars if the task has failed or timed out', () => {
    const text = `Error: ${error.message}`;
    const ended = (status: 'failed' | 'timed-out') => of('done', 1, { outcome: { task: 'x', status, error } });
    expect(drawn([of('ready', 0), ended('failed')]).texts).to.include(text);
    const { texts, titles } = drawn([of('ready', 0), ended('timed-out')]);
    expect(texts).to.include(text);
    expect(titles).to.include('timed out, 1 ms');
    expect(drawn([of('ready', 0), of('slot-failed', 1, { error })]).texts).to.not.include(text);
  });

  it('has the time zone of its axis in the line of the labels and in the column of the statuses', () => {
    const { svg } = drawn([of('ready', 0), of('skipped', 4 * 3_600_000)]);
    const [, x, y] = /x="(\d+)" y="(\d+)">UTC</.exec(svg) ?? [];
    expect(/y="(\d+)"[^>]*>01:00</.exec(svg)?.[1])
      .to.be.a('string')
      .and.equal(y);
    expect(/x="(\d+)"[^>]*><tspan>running</.exec(svg)?.[1])
      .to.be.a('string')
      .and.equal(x);
  });

  it('has the marks beside a bar in the middle of their line of the legend', () => {
    const { svg } = drawn([of('ready', 0), of('triggered', 1), of('cancelling', 50), of('skipped', 100)]);
    const offset = (label: string) => {
      const entry = new RegExp(
        `translate\\([\\d.]+ ([\\d.]+)\\)">(?:(?!<text).)*<text[^>]* y="([\\d.]+)">${label}</text>`,
      );
      const [, y, textY] = entry.exec(svg) ?? [];
      return Number(y) - (Number(textY) - 4);
    };
    expect(['triggered', 'cancelling', 'skipped'].map(offset)).to.deep.equal([-6, 6, 0]);
  });
});

describe('The bars and marks of a picture', () => {
  it('are never drawn over one another, however short and many the phases are', () => {
    const events = Array.from({ length: 10_000 }, (_, at) =>
      of(at % 2 === 0 ? 'ready' : 'restarting', at, { runId: at }),
    );
    const { bars } = drawn(events);
    expect(bars).to.have.length.within(300, 500);
    for (const [index, [x = 0]] of bars.entries()) {
      const [before = 0, length = 0] = bars[index - 1] ?? [];
      expect(x).to.be.at.least(before + length);
    }
  });

  it('are one for marks of a kind that would overlap, with their number and times', () => {
    // A ms is about as wide as a pixel.
    const titles = (type: 'skipped' | 'slot-started', ...times: number[]) =>
      drawn([of('ready', 0), ...times.map((at) => of(type, at)), of('missed', 831)]).titles.filter((title) =>
        title?.includes(type.replace('-', ' ')),
      );
    expect(titles('skipped', 100, 111)).to.deep.equal(['2 × skipped, 100 ms to 111 ms']);
    expect(titles('skipped', 100, 105, 113)).to.deep.equal(['2 × skipped, 100 ms to 105 ms', 'skipped, 113 ms']);
    expect(titles('slot-started', 100, 102)).to.deep.equal(['2 × slot started, 100 ms to 102 ms']);
    expect(titles('slot-started', 100, 104)).to.deep.equal(['slot started, 100 ms', 'slot started, 104 ms']);
  });
});
