import { expect } from 'chai';
import { drawText, heading } from '../../lib/inspect/text/draw-text.js';
import { painter, type Paint } from '../../lib/inspect/text/paint.js';
import { displayWidth } from '../../lib/inspect/text-width.js';
import type { TimeWindow } from '../../lib/inspect/time-window.js';
import { Timeline } from '../../lib/inspect/timeline.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

const plain = painter(false);
/** Shows which text has which colour. */
const tagged: Paint = (text, style) => `[${style} ${text}]`;

type Rest = Partial<RecordedEvent>;
const of = (type: RecordedEvent['type'], at: number, rest: Rest = {}): RecordedEvent => ({
  type,
  at,
  task: 'x',
  runId: 1,
  ...rest,
});
const done = (at: number, rest: Partial<NonNullable<RecordedEvent['outcome']>> = {}, task = 'x') =>
  of('done', at, { task, outcome: { task, status: 'completed', ...rest } });
const cause = { name: 'Error', message: 'deployed' };

function windowOn(events: readonly RecordedEvent[], from: number, to: number, zero?: number): TimeWindow {
  const timeline = new Timeline();
  for (const event of events) timeline.add(event);
  return { timeline, from, to, ...(zero !== undefined && { zero }) };
}

/** Draws a task in 20 columns, without its name. */
function rowOf(events: readonly RecordedEvent[], to: number, { from = 0, paint = plain } = {}): string | undefined {
  return drawText(windowOn(events, from, to), 26, paint).rows[0]?.text.slice(6);
}

const run = [of('initializing', 0), of('ready', 5), of('finalizing', 10), done(15)];

describe('A row of a drawing', () => {
  const rows: [title: string, events: readonly RecordedEvent[], to: number, row: string][] = [
    ['the phases of a run, and its end', run, 20, '░░░░░━━━━━▒▒▒▒▒✓'],
    ['a phase that lasts, until now', [of('initializing', 5), of('ready', 10)], 20, '     ░░░░░━━━━━━━━━━'],
    ['a mark at the very end in the last column', [of('ready', 0), done(20)], 20, `${'━'.repeat(19)}✓`],
    [
      'the longest of several phases in one column',
      [of('initializing', 0), of('ready', 2), of('finalizing', 8), done(30)],
      200,
      '━▒▒✓',
    ],
    [
      'the first phase if that is the longest in a column',
      [of('initializing', 0), of('ready', 6), of('finalizing', 8), done(30)],
      200,
      '░▒▒✓',
    ],
    [
      'the later of two phases of one length in a column',
      [of('initializing', 0), of('ready', 5), of('finalizing', 10), done(30)],
      200,
      '━▒▒✓',
    ],
    [
      'a phase only where it covers most of a column, however long it is',
      [of('initializing', 0), of('ready', 51), of('finalizing', 59), done(100)],
      200,
      '░░░░░━▒▒▒▒✓',
    ],
    [
      'a phase that is shorter than a column',
      [of('ready', 51), { type: 'shutdown', at: 52, outcomes: [{ task: 'x', status: 'cancelled' }] }],
      1000,
      ' ━',
    ],
    [
      'a stop of the application in place of a run that took no time',
      [of('ready', 10), { type: 'shutdown', at: 10, outcomes: [{ task: 'x', status: 'cancelled' }] }],
      20,
      '          │',
    ],
    [
      'the most important of several marks in one column',
      [of('ready', 0), of('missed', 101), of('slot-failed', 102), of('skipped', 103), of('slot-started', 151)],
      200,
      '━━━━━━━━━━x━━━━┿━━━━',
    ],
    [
      'each stop of the application where the task does nothing',
      [
        of('ready', 0),
        done(4),
        { type: 'draining', at: 6 },
        { type: 'cancelled', at: 8, cause },
        { type: 'shutdown', at: 9 },
      ],
      20,
      '━━━━✓ ╎ ┊│',
    ],
    [
      'a task that runs rather than the stop of the application',
      [of('ready', 0), { type: 'cancelled', at: 8, cause }],
      20,
      '━'.repeat(20),
    ],
  ];
  for (const [title, events, to, row] of rows)
    it(`shows ${title}`, () => {
      expect(rowOf(events, to)).to.equal(row);
    });

  it('shows of a phase that began before the window only the part within it', () => {
    const events = [of('initializing', 0), of('ready', 102), of('finalizing', 109), done(200)];
    expect(rowOf(events, 300, { from: 100 })).to.equal(`━${'▒'.repeat(9)}✓`);
    expect(rowOf(events, 301, { from: 201 })).to.equal('');
  });

  it('shows the marks from the start of the window on', () => {
    const events = [of('ready', 0), of('skipped', 9), of('missed', 10)];
    expect(rowOf(events, 30, { from: 10 })).to.equal(`%${'━'.repeat(19)}`);
    const stops: RecordedEvent[] = [done(1), { type: 'draining', at: 9 }, { type: 'cancelled', at: 10 }];
    const { rows, appMarks } = drawText(windowOn(stops, 10, 30), 26, plain);
    expect([rows[0]?.text, appMarks]).to.deep.equal(['x     ┊', ['┊ cancelled, 0 ms']]);
  });

  it('has a colour for each kind, and one sequence for neighbours of one colour', () => {
    expect(rowOf(run, 20, { paint: tagged })).to.equal('[cyan ░░░░░][blue ━━━━━][magenta ▒▒▒▒▒][green ✓]');
    const slot = [of('ready', 0), of('slot-started', 2), of('skipped', 3)];
    expect(rowOf(slot, 20, { paint: tagged })).to.equal(`[blue ━━┿][yellow /][blue ${'━'.repeat(16)}]`);
  });

  it('has a yellow stop, a gray end, and a red one that is not clean', () => {
    for (const [clean, color] of [
      [true, 'gray'],
      [false, 'red'],
    ] as const) {
      const events: RecordedEvent[] = [
        done(1),
        { type: 'cancelled', at: 3, cause },
        { type: 'shutdown', at: 5, clean },
      ];
      const { rows, appMarks } = drawText(windowOn(events, 0, 20), 26, tagged);
      expect(rows[0]?.text).to.include(`[yellow ┊] [${color} │]`);
      expect(appMarks.map((text) => text.split(' ', 2).join(' '))).to.deep.equal(['[yellow ┊]', `[${color} │]`]);
    }
  });
});

describe('The columns of a drawing', () => {
  const line = (task: string, width: number, rest: readonly RecordedEvent[] = []) =>
    drawText(windowOn([of('ready', 0, { task }), ...rest], 0, 1), width, plain).rows.map(({ text }) => text);
  const restarts = (task: string, count: number) =>
    Array.from({ length: count }, (_, index) => of('restarting', 0, { task, runId: index + 1, restart: index + 1 }));

  it('are those of the names and of the time, and from a width of 50 on those of the status', () => {
    expect(line('x', 49)).to.deep.equal([`x     ${'━'.repeat(43)}`]);
    expect(line('x', 50)).to.deep.equal([`x     ${'━'.repeat(35)}  running`]);
  });

  it('are for the longest name and the longest status, at most for three tenths of the width each', () => {
    expect(line('service', 50)).to.deep.equal([`service  ${'━'.repeat(32)}  running`]);
    expect(line('a-service-with-a-long-name', 50)).to.deep.equal([`a-service-with…  ${'━'.repeat(24)}  running`]);
    const [longest = ''] = line('x', 50, restarts('x', 12));
    expect(longest)
      .to.match(/┄ {2}waiting, 12 re…$/)
      .and.have.length(50);
    expect(line('x', 50, [done(0, {}, 'y')])).to.deep.equal([
      `x     ${'━'.repeat(33)}  running`,
      `y     ✓${' '.repeat(32)}  completed`,
    ]);
  });

  it('have an indent for each level of the tree, and of fewer if the names had no room', () => {
    const events = ['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/c/d/e'].map((task) => of('ready', 0, { task }));
    const names = (width: number) =>
      drawText(windowOn(events, 0, 1), width, plain).rows.map(({ text }) => /^[^━]*/.exec(text)?.[0]);
    expect(names(30)).to.deep.equal(['a          ', '  b        ', '    c      ', '      d    ', '        e  ']);
    expect(names(29)).to.deep.equal(['a         ', '  b       ', '    c     ', '    d     ', '    e     ']);
  });
});

describe('The axis of a drawing', () => {
  const axis = (from: number, to: number, width: number, zero?: number, task = 'x') =>
    drawText(windowOn([of('ready', from, { task })], from, to, zero), width, plain).axis.map((line) =>
      line.trimStart(),
    );
  const hour = 3_600_000;

  it('has a label at each tick that has room for it', () => {
    expect(drawText(windowOn([of('ready', 0)], 0, 20), 26, tagged).axis).to.deep.equal([
      '[gray       0         10 ms]',
      '[gray       ┬─────────┬─────────]',
    ]);
    expect(axis(6, 26, 20, 0)).to.deep.equal(['20 ms', '─────────┬────']);
    expect(axis(5, 25, 20, 0)).to.deep.equal(['', '──────────┬───']);
    const [labels, line = ''] = axis(hour, hour + 60_000, 135, 0);
    expect(labels).to.match(/^60 min {4}60\.083 min {10}60\.25 min/);
    expect(line.match(/┬/g)).to.have.length(12);
  });

  it('has fewer ticks, and at least one, when its labels are times of day', () => {
    expect(axis(0, 3 * hour, 20, 0, 'worker')).to.deep.equal(['1970-01-01', '┬───────────']);
    expect(axis(0, 4 * hour, 61)).to.deep.equal([
      `1970-01-01${' '.repeat(13)}02:00`,
      `┬${'─'.repeat(22)}┬${'─'.repeat(22)}`,
    ]);
  });
});

describe('The heading of a drawing', () => {
  const hour = 3_600_000;
  const tasks = (count: number) => Array.from({ length: count }, (_, index) => of('ready', 0, { task: `x${index}` }));
  const headings: [window: TimeWindow, dropped: number, heading: string][] = [
    [windowOn(tasks(1), 0, 1500), 0, '1 task, 1.5 s'],
    [windowOn(tasks(2), 0, 1500), 0, '2 tasks, 1.5 s'],
    [windowOn(tasks(0), 0, 1), 0, '0 tasks, 1 ms'],
    [windowOn(tasks(1), 5000, 6000), 0, '1 task, 1 s'],
    [windowOn(tasks(1), 5000, 6000, 0), 0, '1 task, 6 s'],
    [windowOn(tasks(1), 0, 1500), 1, '1 task, 1.5 s, 1 earlier events were not kept'],
    [windowOn(tasks(1), 0, 2 * hour), 0, '1 task, 2 h'],
    [windowOn(tasks(1), 5000, 5000 + 3 * hour), 0, '1 task, 3 h from 1970-01-01 00:00:05 UTC'],
    [windowOn(tasks(1), 3 * hour, 4 * hour, 1000), 0, '1 task, 4 h from 1970-01-01 00:00:01 UTC'],
  ];
  for (const [window, dropped, expected] of headings)
    it(`is ${expected}`, () => {
      expect(heading(window, dropped)).to.equal(expected);
    });
});

describe('What is below a drawing', () => {
  it('has the last ten stops of the application, cut at the width', () => {
    const stops = Array.from({ length: 11 }, (_, at): RecordedEvent => ({ type: 'draining', at, cause }));
    const { appMarks } = drawText(windowOn(stops, 0, 20), 40, plain);
    expect(appMarks).to.deep.equal(
      Array.from({ length: 10 }, (_, index) => `╎ draining: Error: deployed, ${index + 1} ms`),
    );
    const cut = drawText(windowOn(stops, 0, 20), 20, plain).appMarks;
    expect(cut[0]).to.equal('╎ draining: Error: …');
    const later = drawText(windowOn(stops, 10, 20, 5), 40, plain).appMarks;
    expect(later).to.deep.equal(['╎ draining: Error: deployed, 5 ms']);
  });

  it('has a legend of the kinds that are drawn, in lines that fit', () => {
    const legend = (width: number) => drawText(windowOn(run, 0, 20), width, plain).legend;
    expect(legend(55)).to.deep.equal(['░ initializing   ━ running   ▒ finalizing   ✓ completed']);
    expect(legend(54)).to.deep.equal(['░ initializing   ━ running   ▒ finalizing', '✓ completed']);
    expect(legend(26)).to.deep.equal(['░ initializing   ━ running', '▒ finalizing   ✓ completed']);
    expect(drawText(windowOn(run, 0, 20), 26, tagged).legend[0]).to.equal('[cyan ░] initializing   [blue ━] running');
    expect(drawText(windowOn(run, 12, 20), 60, plain).legend).to.deep.equal(['▒ finalizing   ✓ completed']);
  });

  const error = { name: 'Error', message: 'no disk' };
  const failures: [title: string, events: readonly RecordedEvent[], width: number, lines: string[]][] = [
    ['no error of a task without one', [of('ready', 0)], 40, []],
    ['a failure', [of('ready', 0), done(5, { status: 'failed', error })], 40, ['[red ✗ x]  Error: no disk']],
    [
      'a failure that just fits',
      [done(5, { status: 'failed', error: { ...error, message: 'no disk!' } })],
      20,
      ['[red ✗ x]  Error: no disk!'],
    ],
    [
      'a longer failure on a line of its own',
      [done(5, { status: 'failed', error: { ...error, message: 'no disk!!' } })],
      20,
      ['[red ✗ x]', '    Error: no disk!!'],
    ],
    [
      'a failure cut at the width',
      [done(5, { status: 'failed', error: { ...error, message: 'no disk is left' } })],
      20,
      ['[red ✗ x]', '    Error: no disk …'],
    ],
    [
      'a name cut at the width',
      [done(5, { status: 'failed', error }, 'a-task-with-a-very-long-name')],
      20,
      ['[red ✗ a-task-with-a-ver…]', '    Error: no disk'],
    ],
    [
      'a task that timed out with the symbol of that',
      [of('ready', 0), done(5, { status: 'timed-out', error })],
      40,
      ['[red ? x]  Error: no disk'],
    ],
    [
      'the error of a task that goes on with the symbol of a slot',
      [of('ready', 0), of('slot-failed', 5, { error })],
      40,
      ['[red x x]  Error: no disk'],
    ],
  ];
  for (const [title, events, width, lines] of failures)
    it(`has ${title}`, () => {
      const { errors } = drawText(windowOn(events, 0, 20), width, tagged);
      expect(errors).to.deep.equal(lines);
      for (const each of errors) expect(displayWidth(each.replaceAll(/\[red |\]/g, ''))).to.be.at.most(width);
    });
});

describe('A drawing with fewer rows than tasks', () => {
  const error = { name: 'Error', message: 'no' };
  /** The events of tasks, in the order of time. The end of the application comes first, because it ends all tasks. */
  const eventsOf: Record<string, (task: string) => RecordedEvent[]> = {
    'not-started': (task) => [{ type: 'shutdown', at: 0, outcomes: [{ task, status: 'not-started' }] }],
    failed: (task) => [done(1, { status: 'failed', error }, task)],
    'timed-out': (task) => [of('ready', 1, { task }), done(2, { status: 'timed-out' }, task)],
    initializing: (task) => [of('initializing', 3, { task })],
    finalizing: (task) => [of('finalizing', 4, { task })],
    waiting: (task) => [of('restarting', 5, { task, error })],
    recovered: (task) => [of('restarting', 6, { task, error }), of('ready', 6, { task })],
    running: (task) => [of('ready', 7, { task })],
    completed: (task) => [done(8, {}, task)],
    cancelled: (task) => [done(9, { status: 'cancelled' }, task)],
  };

  it('has the failed ones first, then those that are neither running nor ended, and of each the latest', () => {
    const window = windowOn(
      Object.entries(eventsOf).flatMap(([name, events]) => events(name)),
      0,
      20,
    );
    const kept = (maxRows: number) => drawText(window, 40, plain, maxRows).rows.map(({ row }) => row.task);
    const byImportance = [
      ...['timed-out', 'failed', 'recovered', 'waiting', 'finalizing', 'initializing'],
      ...['running', 'cancelled', 'completed', 'not-started'],
    ];
    for (let count = 1; count <= byImportance.length; count++)
      expect(kept(count), String(count)).to.deep.equal(
        Object.keys(eventsOf).filter((name) => byImportance.slice(0, count).includes(name)),
      );
  });
});
