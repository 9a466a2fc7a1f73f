import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Subject, throwError, timer } from 'rxjs';
import {
  cron,
  launch,
  parallel,
  runMain,
  SignalError,
  supervise,
  task,
  withCancel,
  type LaunchOptions,
} from '../../lib/index.js';
import { terminal, type Output, type TerminalOptions } from '../../lib/inspect/index.js';
import { LiveRegion } from '../../lib/inspect/terminal/live-region.js';
import { takesColors, writeTo } from '../../lib/inspect/terminal/terminal-output.js';
import { virtualClock, script } from '../../lib/testing/index.js';
import { Program, type ProgramResult } from '../helpers/program.js';
import { screenOf } from '../helpers/screen.js';

const app = fileURLToPath(new URL('../fixtures/app.ts', import.meta.url));
// What the environment of whoever runs this says is no matter.
const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
  const env = Object.entries(process.env).filter(([name]) => name !== 'NO_COLOR' && name !== 'FORCE_COLOR');
  return { ...Object.fromEntries(env), TERM: 'xterm', ...more };
};

function start(name: string, env?: NodeJS.ProcessEnv): Program {
  return new Program(process.execPath, ['--import', 'tsx', app, name], environment(env));
}

/** On a terminal: both streams arrive as stdout. */
function startOnTerminal(
  name: string,
  { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: NodeJS.ProcessEnv } = {},
): Program {
  const command = `stty cols ${columns} rows ${rows}; exec ${process.execPath} --import tsx ${app} '${name}'`;
  return new Program('script', ['-qec', command, '/dev/null'], environment(env));
}

function shown({ stdout }: Pick<ProgramResult, 'stdout'>, size?: { columns: number; rows: number }): string[] {
  return screenOf(stdout, size);
}

interface Stopping extends LaunchOptions {
  stopAfter?: number;
  cause?: unknown;
}

/** An application in virtual time, shown. */
function written(
  runnables: Parameters<typeof launch>[0],
  options: TerminalOptions,
  { stopAfter = 1000, cause = new SignalError('SIGTERM'), ...more }: Stopping = {},
): string[] {
  const clock = virtualClock(0);
  const [parent, cancel] = withCancel(undefined, { scheduler: clock });
  const texts: string[] = [];
  const stream: Output = { write: (text) => texts.push(text) };
  void launch(runnables, {
    scheduler: clock,
    parent,
    observer: () => undefined,
    onFailure: 'continue',
    instrumentation: [terminal({ stream, ...options })],
    ...more,
  });
  clock.advance(stopAfter);
  cancel(cause);
  clock.advance(100_000);
  return texts.join('').split('\n').slice(0, -1);
}

const failing = (message: string, cause?: unknown) =>
  task('failing', () => throwError(() => new Error(message, { cause })));

describe('terminal', function () {
  this.timeout(20_000);

  describe('as lines', () => {
    const lines = (...args: [Parameters<typeof launch>[0], Parameters<typeof written>[2]?]) =>
      written(args[0], { ui: 'lines' }, args[1]).map((line) => line.replace(/ \(\/.*\)$/, ''));

    it('tells what an operator wants to know, and is quiet about the rest', () => {
      const worker = script('worker', '[-->');
      const all = lines(
        [
          parallel('app', worker),
          cron(
            task('poll', () => 1),
            10,
          ),
        ],
        { drainDelay: 20 },
      );
      expect(all.map((line) => line.replace(/^\S+Z /, ''))).to.deep.equal([
        'ready        poll',
        'ready        app/worker',
        'ready        app',
        'draining     by SignalError: Received SIGTERM',
        'cancelled    by SignalError: Received SIGTERM',
        'shutdown     clean, in 20 ms: 2 cancelled',
      ]);
      expect(all[1]).to.match(/^1970-01-01T00:00:00.003Z /);
    });

    it('tells of a failure its causes, once, and of a restart when', () => {
      const supervised = supervise(failing('boom', new TypeError('root')), {
        backoff: { initial: 250, jitter: 0 },
        maxRestarts: 1,
      });
      const all = lines([parallel('app', supervised)]).join('\n');
      expect(all).to.include('restarting   app/failing no. 1, in 250 ms: execute: boom ← TypeError: root');
      expect(all.match(/ failed {7}/g)).to.have.length(1);
      expect(all).to.include('failed       app/failing');
    });

    it('names the place where an error was thrown', () => {
      expect(written([failing('boom')], { ui: 'lines' }).join('\n')).to.match(
        /failed {7}failing execute: boom \(\/.*terminal\.spec\.ts:\d+:\d+\)$/m,
      );
    });

    it('tells of slots that are not run', () => {
      const slow = cron(
        task('slow', () => timer(1_000_000)),
        400,
      );
      expect(lines([slow]).join('\n')).to.include('skipped      slow slot 1970-01-01T00:00:00.400Z: overlap');
    });

    it('names who has not ended', () => {
      const hanging = parallel(
        'g',
        task('hanging', () => new Promise(() => undefined)),
      );
      expect(lines([hanging], { timeout: 10 }).at(-1)).to.include(
        'not clean, in 10 ms: 1 timed-out; not ended: g/hanging',
      );
    });

    it('lets nothing through that would move the cursor', () => {
      const nasty = '\u001b[2Jx\r\n\u0007y';
      const bad = task(nasty, () => throwError(() => new Error(nasty, { cause: nasty })));
      // eslint-disable-next-line no-control-regex
      for (const line of lines([bad], { cause: nasty })) expect(line).to.not.match(/[\u0000-\u001f\u007f]/);
    });

    it('has colours on a terminal, but for what the environment says', () => {
      const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
      const cases = [
        [true, {}, true],
        [false, {}, false],
        [true, { NO_COLOR: '1' }, false],
        [true, { NO_COLOR: '' }, true],
        [false, { FORCE_COLOR: '1' }, true],
        [true, { FORCE_COLOR: '0' }, false],
        [true, { TERM: 'dumb' }, false],
      ] as const;
      try {
        for (const [isTTY, env, expected] of cases) {
          for (const name of ['NO_COLOR', 'FORCE_COLOR']) Reflect.deleteProperty(process.env, name);
          Object.assign(process.env, { TERM: 'xterm' }, env);
          expect(takesColors({ write: () => true, isTTY }), JSON.stringify([isTTY, env])).to.equal(expected);
        }
      } finally {
        for (const [name, value] of Object.entries({ NO_COLOR, FORCE_COLOR, TERM }))
          if (value === undefined) Reflect.deleteProperty(process.env, name);
          else process.env[name] = value;
      }
    });
  });

  describe('as JSON', () => {
    const json = (...args: [Parameters<typeof launch>[0], Parameters<typeof written>[2]?]) =>
      written(args[0], { ui: 'json', name: 'shop' }, args[1]).map(
        (line) => JSON.parse(line) as Record<string, unknown>,
      );

    it('is a line for each event, with the fields that pino has', () => {
      const all = json([script('db', '[-->--#]-|')]);
      expect(all.map(({ type, level, msg }) => [type, level, msg].join())).to.deep.equal([
        'initializing,30,db initializing',
        'ready,30,db ready',
        'finalizing,30,db finalizing',
        all[3]?.['msg'] ? `done,50,${all[3]['msg'] as string}` : '',
        'shutdown,50,shutdown not clean: 1 failed',
      ]);
      const { err, time, pid, name, hostname, runId, status } = all[3] as Record<string, Record<string, unknown>>;
      expect(err?.['type']).to.equal('TaskError');
      expect(err?.['message']).to.equal('db failed in execute: db was to fail in execute');
      expect(err?.['stack']).to.match(/^TaskError: db failed[\s\S]*\n {4}at [\s\S]*\ncaused by: Error: db was to fail/);
      expect([time, pid, name, runId, status]).to.deep.equal([8, process.pid, 'shop', 1, 'failed']);
      expect(hostname).to.be.a('string');
    });

    it('survives whatever is thrown', () => {
      const circular: Record<string, unknown> = { big: 1n };
      circular['self'] = circular;
      const loop = new Error('loop');
      loop.cause = loop;
      const hostile = new Proxy(new Error('x'), {
        get() {
          throw new Error('boom');
        },
      });
      const odd = Object.assign(new Error('odd'), { stack: 1n, name: Symbol('n'), message: { toString: null } });
      for (const cause of [circular, loop, hostile, odd, 1n, null, Symbol('s'), () => 1]) {
        const all = json([script('a', '[->')], { cause });
        expect(all.at(-1)?.['type']).to.equal('shutdown');
        expect(all.find(({ type }) => type === 'cancelled')?.['err']).to.have.keys('type', 'message', 'stack');
        expect(written([script('a', '[->')], { ui: 'lines' }, { cause }).at(-1)).to.include('shutdown');
      }
    });
  });

  describe('live', () => {
    it('is drawn in place, and stays with what failed', async () => {
      const program = startOnTerminal('ui: live');
      await program.waitFor('last word');
      await new Promise((resolve) => setTimeout(resolve, 300));
      const before = screenOf(program.stdout);
      expect(before.join('\n')).to.match(/worker {2}[░━]+ +running/);
      program.child.stdin?.write('\x03');
      const ended = await program.ended;
      expect(ended.code).to.equal(0);
      const screen = shown(ended).join('\n');
      expect(screen.match(/^worker /gm)).to.have.length(1);
      expect(screen)
        .to.match(/worker +[░━!▒■]+ +cancelled/)
        .and.include('┊ cancelled: SignalError: Received SIGINT');
      expect(ended.stdout.split('\u001b[?2026h')).to.have.length.above(3);
      expect(ended.stdout).to.not.include('\u001b[?25l');
    });

    it('corrupts nothing that is written meanwhile', async () => {
      const program = startOnTerminal('ui: live');
      await program.waitFor('last word');
      program.child.stdin?.write('\x03');
      const screen = shown(await program.ended);
      const said = screen.filter((line) => /^(initialize|up|early|in two|parts|last word|finalize)/.test(line));
      expect(said).to.deep.equal(['initialize', 'up', 'early', 'in two parts', 'last word', 'finalize', 'finalized']);
    });

    it('fits a small window', async () => {
      const program = startOnTerminal('ui: live', { columns: 30, rows: 5 });
      await program.waitFor('last word');
      program.child.stdin?.write('\x03');
      const { stdout, code } = await program.ended;
      expect(code).to.equal(0);
      const screen = screenOf(stdout, { columns: 30, rows: 5 });
      expect(screen.filter((line) => line.startsWith('2 tasks'))).to.have.length(1);
    });

    it('stays when the process exits', async () => {
      const { code, stdout } = await startOnTerminal('ui: live, exit').ended;
      expect(code).to.equal(7);
      const screen = screenOf(stdout).join('\n');
      expect(screen.match(/^worker +[░━]+ +running/gm)).to.have.length(1);
      expect(stdout.endsWith('\n')).to.equal(true);
    });

    it('lets an uncaught error through above it', async () => {
      const { code, stdout } = await startOnTerminal('ui: live, uncaught').ended;
      expect(code).to.equal(1);
      const screen = screenOf(stdout).join('\n');
      expect(screen)
        .to.include('Error: uncaught\n    at ')
        .and.match(/^worker +[░━!▒■]+ +cancelled/m);
      expect(screen.match(/^worker /gm)).to.have.length(1);
    });

    it('is lines where there is no terminal, or one that cannot', async () => {
      const { stderr, code } = await start('ui: true').ended;
      expect(code).to.equal(1);
      expect(stderr).to.include('failed       failing execute: boom').and.not.include('\u001b[');
      const dumb = await startOnTerminal('ui: true', { env: { TERM: 'dumb' } }).ended;
      expect(dumb.stdout).to.include('failed       failing execute: boom').and.not.include('\u001b[');
    });

    it('leaves streams as they were, and no listener', () => {
      const sent: string[] = [];
      const stream: Output = { write: (text) => sent.push(text), isTTY: true };
      const before = Object.getOwnPropertyDescriptor(stream, 'write');
      const after = () => Object.getOwnPropertyDescriptor(stream, 'write');
      const count = process.listenerCount('exit');
      const events = terminal({ stream });
      expect(after()).to.deep.equal(before);
      void launch([task('a', () => 1)], { instrumentation: [events], scheduler: virtualClock(0) });
      expect(after()).to.deep.equal(before);
      expect(process.listenerCount('exit')).to.equal(count);
      expect(screenOf(sent.join('')).join('\n')).to.match(/^a {5}✓.* completed$/m);
    });
  });

  it('does nothing before an application starts, and holds no process open', async () => {
    const { code, stdout, stderr } = await start('ui: lines, nothing else').ended;
    expect([code, stdout, stderr]).to.deep.equal([0, 'made\n', '']);
  });

  it('refuses what it does not know', () => {
    expect(() => terminal({ ui: 'tui' as never })).to.throw(
      RangeError,
      "Expected `ui` to be 'live' or 'lines' or 'json'",
    );
    expect(() => terminal({ stream: {} as never })).to.throw(TypeError, 'Expected `stream.write`');
    expect(() => terminal({ name: 3 as never })).to.throw(TypeError, 'Expected `name`');
    expect(() => terminal({ tty: true } as never)).to.throw(TypeError, 'tty');
  });
});

describe('Screen', () => {
  const opened = (columns = 20) => {
    const sent: string[] = [];
    const output: Output = { write: (text) => sent.push(text), isTTY: true, columns };
    const disturbed = new Subject<void>();
    const screen = new LiveRegion(output, [], () => disturbed.next());
    return { output, screen, lines: () => screenOf(sent.join(''), { columns }) };
  };

  it('draws in place, below what others write', () => {
    const { output, screen, lines } = opened();
    screen.show(['a', 'b']);
    screen.show(['c']);
    output.write('one\ntw');
    screen.show(['d', 'e']);
    expect(lines()).to.deep.equal(['one', 'tw', 'd', 'e', '']);
    output.write('o\n');
    screen.show(['f']);
    screen.log('logged\n');
    screen.show(['g']);
    expect(lines()).to.deep.equal(['one', 'two', 'logged', 'g', '']);
    screen.close();
    output.write('end\n');
    expect(lines()).to.deep.equal(['one', 'two', 'logged', 'end', '']);
  });

  it('takes a terminal that does not know its size for one of 80 columns', () => {
    const sent: string[] = [];
    const screen = new LiveRegion(
      { write: (text) => sent.push(text), isTTY: true, columns: 0, rows: 0 },
      [],
      () => undefined,
    );
    screen.show(['a', 'b']);
    screen.show(['c']);
    expect(screenOf(sent.join(''))).to.deep.equal(['c', '']);
  });

  it('begins on a line of its own', () => {
    for (const [before, after] of [
      ['', ['x', '']],
      ['0', ['0', 'x', '']],
      ['012345678', ['012345678', 'x', '']],
    ] as const) {
      const sent: string[] = [before];
      const output: Output = { write: (text) => sent.push(text), isTTY: true, columns: 10 };
      const screen = new LiveRegion(output, [], () => undefined);
      screen.show(['x']);
      expect(screenOf(sent.join(''), { columns: 10 })).to.deep.equal(after);
    }
  });

  it('goes on after what is wider than the terminal, or goes back to the start of its line', () => {
    const { output, screen, lines } = opened(10);
    output.write('0123456789abc');
    screen.show(['x']);
    output.write('def\n1%\r2%');
    screen.show(['x']);
    output.write(' done\n');
    expect(lines()).to.deep.equal(['0123456789', 'abcdef', '2% done', '']);
  });
});

describe('What is written', () => {
  it('to where nobody reads any longer is dropped: one listener waits for the error, however many texts are', () => {
    const failed = Object.assign(new EventEmitter(), {
      write: (_: string, done?: (error: Error) => void) => done?.(new Error('EPIPE')),
    });
    for (let round = 0; round < 2; round++) {
      for (let text = 0; text < 20; text++) writeTo(failed, 'text');
      expect(failed.listenerCount('error')).to.equal(1);
      failed.emit('error', new Error('EPIPE'));
      expect(failed.listenerCount('error')).to.equal(0);
    }
  });
});

describe('runMain with a ui', function () {
  this.timeout(20_000);

  it('writes a failure once, with its cause', async () => {
    const { code, stderr, stdout } = await start('ui: lines').ended;
    expect(code).to.equal(1);
    expect(stderr.match(/ ← Error: root/g)).to.have.length(1);
    expect(stderr.match(/\n {4}at /g)).to.equal(null);
    expect(stderr).to.match(/shutdown {5}not clean, in \d+ ms: 1 failed, 1 cancelled\n$/);
    expect(stdout).to.include('listeners 0,0,0,0');
  });

  it('shows everything of a program that ends at once', async () => {
    const { code, stderr } = await start('ui: lines, ends at once').ended;
    expect(code).to.equal(0);
    expect(stderr.split('\n').map((line) => line.replace(/^\S+ /, ''))).to.deep.equal([
      'ready        short',
      'completed    short',
      'shutdown     clean: 1 completed',
      '',
    ]);
  });

  it('has the exit code of one that exits as soon as it has ended', async () => {
    expect((await start('ui: lines, exits when it has ended').ended).code).to.equal(1);
  });

  it('shows everything of one that is exited', async () => {
    const { code, stderr } = await start('ui: lines, exits at once').ended;
    expect(code).to.equal(1);
    expect(stderr).to.match(/shutdown .*not ended: hanging\nExiting with 1, because tasks did not end within 0 ms of the cancel/);
  });

  it('writes JSON to stdout', async () => {
    const { stdout, stderr } = await start('ui: json').ended;
    const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).to.include.members(['done', 'shutdown']);
    expect(stderr).to.equal('');
  });

  it('refuses what it does not know', () => {
    expect(() => runMain([], { ui: 'tui' as never })).to.throw(RangeError, 'Expected `ui`');
    expect(() => runMain([], { ui: 1 as never })).to.throw(RangeError, 'Expected `ui`');
  });
});
