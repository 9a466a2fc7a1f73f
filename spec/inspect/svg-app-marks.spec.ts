import { expect } from 'chai';
import { renderSvg } from '../../lib/inspect/index.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

type Stop = Omit<RecordedEvent, 'type'> & { readonly type: 'draining' | 'cancelled' | 'shutdown' };

/** The first and the last position of the time axis of a picture without tasks. */
const [left, right] = [38, 922];
/** The first time in the right half, when a ms is as wide as a pixel. */
const half = (right - left) / 2;

/** Returns the lines and the labels of the stops of an application, of which a ms is as wide as a pixel. */
function drawn(stops: readonly Stop[]) {
  const end: RecordedEvent = { type: 'signal', at: right - left };
  const svg = renderSvg({ version: 1, from: 0, dropped: 0, events: [...stops, end] });
  const line = /<g class="(\w+)"><title>([^<]*)<\/title><path class="line" stroke-dasharray="([^"]*)" d="([^"]*)"\/>/g;
  const label = /<text class="small halo (\w+)" x="([\d.]+)" y="(\d+)" text-anchor="(\w+)">([^<]*)</g;
  return {
    lines: [...svg.matchAll(line)].map((match) => match.slice(1)),
    labels: [...svg.matchAll(label)].map(([, color, x, y, anchor, text]) => `${text}: ${anchor} ${x} ${y} ${color}`),
  };
}

const at = (...times: number[]): Stop[] => times.map((time) => ({ type: 'draining', at: time }));

describe('The stops of an application in a picture', () => {
  it('are lines through all rows with a title, and labels that point to the middle', () => {
    const cause = { name: 'Error', message: '<b>' };
    const { lines, labels } = drawn([
      { type: 'draining', at: 0 },
      { type: 'cancelled', at: 20, cause },
      { type: 'shutdown', at: right - left, clean: true },
    ]);
    expect(lines).to.deep.equal([
      ['yellow', 'draining, 0 ms', '1 4', 'M38 64V124'],
      ['yellow', 'cancelled: Error: &lt;b&gt;, 20 ms', '6 4', 'M58 80V124'],
      ['gray', 'shutdown, clean, 884 ms', 'none', 'M922 64V124'],
    ]);
    expect(labels).to.deep.equal([
      'draining: start 43 73 yellow',
      'cancelled: Error: &lt;b&gt;: start 63 89 yellow',
      'shutdown, clean: end 917 73 gray',
    ]);
  });

  it('have their labels on the right in the left half, and on the left in the right half', () => {
    expect(drawn(at(half, half + 1)).labels).to.deep.equal([
      `draining: start ${left + half + 5} 73 yellow`,
      `draining: end ${left + half - 4} 89 yellow`,
    ]);
  });

  /** The labels of `draining` are 62.8 px long. Those further below have a larger `y`. */
  const bands: [title: string, times: number[], y: number[]][] = [
    ['beside each other if they just have room', [0, 62.8, 125.6], [73, 73, 73]],
    ['beside each other in the right half, too', [758.4, 821.2, 884], [73, 73, 73]],
    ['below each other if they do not', [0, 62.7, 125.4], [73, 89, 73]],
    ['below each other in the right half, too', [758.6, 821.3, 884], [73, 89, 73]],
    ['with the outer one above in the left half', [0, 1, 2], [73, 89, 105]],
    ['with the outer one above in the right half', [882, 883, 884], [105, 89, 73]],
    ['in four bands at most, and none beyond', [0, 1, 2, 3, 4, 5], [73, 89, 105, 121]],
    ['in the first band with room for them', [0, 1, 2, 3, 4, 63, 64], [73, 89, 105, 121, 73, 89]],
    ['together with those of the other half', [400, 410, 450, 460], [73, 89, 121, 105]],
  ];
  for (const [title, times, expected] of bands)
    it(`have their labels ${title}`, () => {
      const places = drawn(at(...times)).labels.map((label) => label.split(' ').slice(2, 4).map(Number));
      const fromLeft = places.sort(([a = 0], [b = 0]) => a - b);
      expect(fromLeft.map(([, y]) => y)).to.deep.equal(expected);
    });

  it('begin at their label, or below all labels', () => {
    const paths = drawn(at(0, 1, 2, 3, 4, 5)).lines.map(([, , , path]) => path);
    expect(paths).to.deep.equal([64, 80, 96, 112, 128, 128].map((y, x) => `M${left + x} ${y}V156`));
  });

  it('have labels that end within the picture', () => {
    const stop = (time: number): Stop => ({
      type: 'cancelled',
      at: time,
      cause: { name: 'x'.repeat(300), message: '' },
    });
    const lengthAt = (time: number) => /^[^:]*: (x*)…/.exec(drawn([stop(time)]).labels[0] ?? '')?.[1]?.length;
    // Without `cancelled: ` and the `…`.
    expect([0, half, half + 1, 2 * half].map(lengthAt)).to.deep.equal([124, 57, 57, 124]);
  });

  it('are the last 200 of any number', () => {
    const { lines } = drawn(at(...Array.from({ length: 201 }, (_, index) => index)));
    expect([lines.length, lines[0]?.[1]]).to.deep.equal([200, 'draining, 1 ms']);
  });
});
