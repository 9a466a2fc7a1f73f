import { expect } from 'chai';
import { throwError } from 'rxjs';
import sinon from 'sinon';
import {
  launch,
  supervise,
  task,
  TaskError,
  type AppEvent,
  type Instrumentation,
  type RunContext,
} from '../../lib/index.js';
import { terminal, type Output, type TerminalOptions } from '../../lib/inspect/index.js';
import { script, virtualClock } from '../../lib/testing/index.js';
import { withEnvironment } from '../helpers/environment.js';
import { screenOf } from '../helpers/screen.js';

const columns = 160;

/** Whether the output is a terminal, its options, and the variables of the environment. */
interface Setting extends TerminalOptions {
  readonly isTTY?: boolean;
  readonly env?: Record<string, string>;
}

/** Returns the text that is written while a function uses an instrumentation. */
function written({ isTTY, env = {}, ...options }: Setting, use: (instrumentation: Instrumentation) => void): string {
  const texts: string[] = [];
  const stream: Output = { write: (text) => texts.push(text), columns, ...(isTTY !== undefined && { isTTY }) };
  withEnvironment({ TERM: 'xterm', ...env }, () => use(terminal({ stream, ...options })));
  return texts.join('');
}

/** Launches an application in virtual time, and waits for its end. */
function run(instrumentation: Instrumentation, ...tasks: Parameters<typeof launch>[0]): void {
  const scheduler = virtualClock(0);
  void launch(tasks, {
    scheduler,
    instrumentation: [instrumentation],
    onFailure: 'continue',
    observer: () => undefined,
  });
  scheduler.advance(100_000);
}

/** The events of a task, at a time of day here. */
const at = new Date(2026, 2, 1, 9, 5, 7).getTime();
const ready: AppEvent = { type: 'ready', task: 'x', runId: 1, at };

describe('The form of the output', () => {
  const formOf = (setting: Setting) => {
    const text = written(setting, (instrumentation) => run(instrumentation, script('x', '->-|')));
    if (text.includes('\u001b[?2026h') || /^x +━/m.test(screenOf(text).join('\n'))) return 'live';
    return text.startsWith('{"level"') ? 'json' : 'lines';
  };

  it('is a drawing on a terminal, unless it is a dumb one, and else lines', () => {
    const forms: [Setting, string][] = [
      [{ isTTY: true }, 'live'],
      [{ isTTY: true, ui: 'live' }, 'live'],
      [{ isTTY: true, ui: 'live', env: { TERM: 'dumb' } }, 'lines'],
      [{ isTTY: true, ui: 'lines' }, 'lines'],
      [{ isTTY: true, ui: 'json' }, 'json'],
      [{ isTTY: false, ui: 'live' }, 'lines'],
      [{}, 'lines'],
    ];
    for (const [setting, form] of forms) expect(formOf(setting), JSON.stringify(setting)).to.equal(form);
  });

  it('goes to stderr, and that of JSON to stdout', () => {
    for (const [ui, used, unused] of [
      ['lines', 'stderr', 'stdout'],
      ['json', 'stdout', 'stderr'],
    ] as const) {
      const [write, none] = [sinon.stub(process[used], 'write'), sinon.stub(process[unused], 'write')];
      try {
        terminal({ ui }).onEvent?.(ready, undefined);
        expect([write.callCount, none.callCount], ui).to.deep.equal([1, 0]);
      } finally {
        write.restore();
        none.restore();
      }
    }
  });

  it('has a name in its JSON only if it is given one', () => {
    const keys = (name?: string) =>
      Object.keys(JSON.parse(written({ ui: 'json', name }, ({ onEvent }) => onEvent?.(ready, undefined))) as object);
    expect(keys('shop')).to.deep.equal(['level', 'time', 'pid', 'hostname', 'name', 'type', 'task', 'runId', 'msg']);
    expect(keys()).to.deep.equal(['level', 'time', 'pid', 'hostname', 'type', 'task', 'runId', 'msg']);
  });

  it('has the cause of a stop in its JSON, if there is one', () => {
    const errorAt = (event: AppEvent) =>
      (
        JSON.parse(written({ ui: 'json' }, ({ onEvent }) => onEvent?.(event))) as {
          err?: Record<'type' | 'message', string>;
        }
      ).err;
    for (const type of ['draining', 'cancelled'] as const) {
      expect(errorAt({ type, cause: new RangeError('no disk') })).to.include({
        type: 'RangeError',
        message: 'no disk',
      });
      expect(errorAt({ type, cause: undefined })).to.equal(undefined);
    }
  });
});

describe('A line', () => {
  const lineOf = (event: AppEvent, setting: Setting) =>
    written({ ui: 'lines', ...setting }, ({ onEvent }) => onEvent?.(event, undefined));

  it('begins with the time of day on a terminal, and with the full time elsewhere', () => {
    const noColors = { env: { NO_COLOR: '1' } };
    expect(lineOf(ready, { isTTY: true, ...noColors })).to.equal('09:05:07 ready          x\n');
    expect(lineOf(ready, { isTTY: false })).to.equal(`${new Date(at).toISOString()} ready          x\n`);
    for (const isTTY of [true, false])
      expect(lineOf({ ...ready, at: Infinity }, { isTTY, ...noColors })).to.equal('Infinity ready          x\n');
  });

  it('has a colour for the importance of its event', () => {
    const error = new TaskError('x', 'execute', 'no');
    const of = { task: 'x', runId: 1, at };
    const events: [AppEvent, start: string][] = [
      [ready, '\u001b[90mready         '],
      [{ type: 'missed', slot: at, count: 1, ...of }, '\u001b[33mmissed        '],
      [{ type: 'failed', phase: 'execute', error, ...of }, '\u001b[31mfailed        '],
    ];
    for (const [event, start] of events)
      expect(lineOf(event, { isTTY: true }), event.type).to.include(`\u001b[2m09:05:07\u001b[22m ${start}\u001b[39m x`);
  });

  it('has the time of the tasks, also for an event of the application', () => {
    for (const ui of ['lines', 'json'] as const) {
      const text = written({ ui }, (instrumentation) => run(instrumentation, script('x', '->-|')));
      const last = text.trimEnd().split('\n').at(-1) ?? '';
      expect(last)
        .to.include('shutdown')
        .and.match(/^1970-01-01T|"time":\d{1,6},/);
    }
  });
});

describe('The lines', () => {
  const of = { task: 'x', runId: 1, at };
  const errorOf = (message: string) => new TaskError('x', 'execute', Object.assign(new Error(message), { stack: '' }));
  /** Returns each text that is written for some events. */
  const textsOf = (events: readonly AppEvent[], from?: object) => {
    const texts: string[] = [];
    const { onEvent } = terminal({ ui: 'lines', stream: { write: (text) => texts.push(text) } });
    for (const event of events) onEvent?.(event, from as RunContext);
    return texts.map((text) => text.replace(/^\S+ /, ''));
  };
  const done = (rest: object) =>
    ({ type: 'done', ...of, outcome: { task: 'x', status: 'completed', ...rest } }) as AppEvent;

  it('are those of events that an operator needs, and nothing is written for others', () => {
    expect(textsOf([ready, { type: 'finalizing', ...of }, done({ status: 'cancelled' })])).to.deep.equal([
      'ready          x\n',
    ]);
  });

  it('have an error that several events report at each, but not at a restart and at the end of the run', () => {
    const error = errorOf('no disk');
    expect(
      textsOf([
        { type: 'failed', phase: 'execute', ...of, error },
        { type: 'restarting', restart: 1, delay: 0, ...of, error },
        { type: 'slot-failed', slot: at, ...of, error },
        done({ status: 'failed', error }),
        { type: 'restarting', restart: 2, delay: 0, ...of, error: errorOf('no network') },
      ]),
    ).to.deep.equal([
      'failed         x execute: no disk\n',
      'restarting     x no. 1, in 0 ms\n',
      `slot failed    x slot ${new Date(at).toISOString()}: execute: no disk\n`,
      'restarting     x no. 2, in 0 ms: execute: no network\n',
    ]);
  });

  it('of runs that a task starts are all but those of their start and of their end without an error', () => {
    const inner: AppEvent[] = [
      ready,
      { type: 'paused', ...of },
      done({}),
      done({ status: 'failed', error: errorOf('no disk') }),
    ];
    const [started, own] = [{ startedByRun: true }, {}];
    const others = ['paused         x\n', 'failed         x execute: no disk\n'];
    expect(textsOf(inner, started)).to.deep.equal(others);
    expect(textsOf(inner, { parent: started })).to.deep.equal(others);
    expect(textsOf(inner, own)).to.have.length(4);
  });
});

describe('A live drawing', () => {
  const failing = () =>
    supervise(
      task('failing', () => throwError(() => Object.assign(new Error('boom'), { stack: 'Error: boom' }))),
      { maxRestarts: 1, backoff: { initial: 100, jitter: 0 } },
    );
  const screen = (...rounds: Parameters<typeof launch>[0][]) => {
    const text = written({ isTTY: true, env: { NO_COLOR: '1' } }, (instrumentation) => {
      for (const tasks of rounds) run(instrumentation, ...tasks);
    });
    return screenOf(text, { columns });
  };

  it('has above it the lines of events that it does not show, such as failures, and no others', () => {
    const lines = screen([failing(), script('ok', '->-|')]);
    const drawing = lines.findIndex((line) => line.startsWith('2 tasks, '));
    expect(lines.slice(0, drawing).map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''))).to.deep.equal([
      'failed         failing execute: boom',
      'restarting     failing no. 1, in 100 ms',
      'failed         failing execute: boom',
      'failed         failing RestartLimitError: failing ended for good after 1 restart within 60000 ms: ' +
        'failing failed in execute: boom',
    ]);
    expect(lines.slice(drawing).filter((line) => /^(ok|failing) /.test(line))).to.have.length(2);
  });

  it('ends with its application: the next one begins another', () => {
    const lines = screen([script('first', '->-|')], [script('second', '->-|')]);
    expect(lines.filter((line) => /^(1 task|first|second)/.test(line)).map((line) => line.slice(0, 6))).to.deep.equal([
      '1 task',
      'first ',
      '1 task',
      'second',
    ]);
  });
});
