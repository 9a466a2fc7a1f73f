import { expect } from 'chai';
import fc from 'fast-check';
import { catchError, EMPTY, from, mergeMap, throwError, timer } from 'rxjs';
import {
  cron,
  future,
  launch,
  parallel,
  runMain,
  SignalError,
  supervise,
  task,
  taskRunner,
  withCancel,
  type LaunchOptions,
} from '../../lib/index.js';
import { terminal, type Output, type TerminalOptions } from '../../lib/inspect/index.js';
import { script, virtualClock } from '../../lib/testing/index.js';
import { screenOf } from '../helpers/screen.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

type Runnables = Parameters<typeof launch>[0];

interface StopOptions extends LaunchOptions {
  /** Default: 1000. */
  stopAfterMs?: number;
  cause?: unknown;
}

/** Returns the lines that `terminal` writes for an application in virtual time. */
function linesOf(
  runnables: Runnables,
  options: TerminalOptions,
  { stopAfterMs = 1000, cause = new SignalError('SIGTERM'), ...launchOptions }: StopOptions = {},
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
    ...launchOptions,
  });
  clock.advance(stopAfterMs);
  cancel(cause);
  clock.advance(100_000);
  return texts.join('').split('\n').slice(0, -1);
}

const failing = (message: string, cause?: unknown) =>
  task('failing', () => throwError(() => new Error(message, { cause })));

describe('terminal', () => {
  describe('with lines', () => {
    const withoutPlaces = (runnables: Runnables, options?: StopOptions) =>
      linesOf(runnables, { ui: 'lines' }, options).map((line) => line.replace(/ \(\/.*\)$/, ''));

    it('writes the events that an operator needs, and no others', () => {
      const poll = cron(
        task('poll', () => 1),
        10,
      );
      const lines = withoutPlaces([parallel('app', script('worker', '[-->')), poll], { drainDelay: 20 });
      expect(lines.map((line) => line.replace(/^\S+Z /, ''))).to.deep.equal([
        'ready          poll',
        'ready          app/worker',
        'ready          app',
        'draining       by SignalError: Received SIGTERM',
        'cancelled      by SignalError: Received SIGTERM',
        'shutdown       clean, in 20 ms: 2 cancelled',
      ]);
      expect(lines[1]).to.match(/^1970-01-01T00:00:00.003Z /);
    });

    it('writes a failure once with its causes, when it happens, and a restart with its delay', () => {
      const supervised = supervise(failing('boom', new TypeError('root')), {
        backoff: { initial: 250, jitter: 0 },
        maxRestarts: 1,
      });
      const lines = withoutPlaces([parallel('app', supervised)]).join('\n');
      expect(lines.match(/ (failed|restarting) .*$/gm)).to.deep.equal([
        ' failed         app/failing execute: boom ← TypeError: root',
        ' restarting     app/failing no. 1, in 250 ms',
        ' failed         app/failing execute: boom ← TypeError: root',
        ' failed         app/failing RestartLimitError: app/failing ended for good after 1 restart within 60000 ms: ' +
          'app/failing failed in execute: boom ← TypeError: root',
      ]);
    });

    it('writes what fails beside a run, with the place', () => {
      const lost = task('lost', (ctx) => void future(() => throwError(() => new Error('unseen')), ctx));
      const random = () => {
        throw new Error('no dice');
      };
      const jittered = supervise(failing('boom'), { backoff: { random }, maxRestarts: 1 });
      const lines = linesOf([lost, jittered], { ui: 'lines' }).join('\n');
      expect(lines).to.match(/ future failed {2}lost Error: unseen \(\/.*terminal\.spec\.ts:\d+:\d+\)$/m);
      expect(lines).to.match(
        / option failed {2}failing backoff\.random: Error: no dice \(\/.*terminal\.spec\.ts:\d+:\d+\)$/m,
      );
    });

    it('writes the failures of the runs that a task starts, but not when they are ready and have completed', () => {
      const consumer = task('consumer', (ctx) =>
        from([script('job', '->-|'), script('job', '-#')]).pipe(
          mergeMap((job) =>
            taskRunner(job)
              .start(ctx)
              .pipe(catchError(() => EMPTY)),
          ),
        ),
      );
      expect(withoutPlaces([consumer]).map((line) => line.replace(/^\S+Z /, ''))).to.deep.equal([
        'ready          consumer',
        'failed         consumer/job execute: job was to fail in execute',
        'completed      consumer',
        'shutdown       clean: 1 completed',
      ]);
    });

    it('writes the place where an error was thrown', () => {
      expect(linesOf([failing('boom')], { ui: 'lines' }).join('\n')).to.match(
        /failed {9}failing execute: boom \(\/.*terminal\.spec\.ts:\d+:\d+\)$/m,
      );
    });

    it('writes skipped and failed slots in aligned columns', () => {
      const slow = cron(
        task('slow', () => timer(1_000_000)),
        400,
      );
      const slotFails = cron(failing('no disk'), 400, { maxRuns: 1 });
      const lines = withoutPlaces([slow, slotFails]).join('\n');
      expect(lines).to.include('skipped        slow slot 1970-01-01T00:00:00.400Z: overlap');
      expect(lines).to.include('slot failed    failing slot 1970-01-01T00:00:00.000Z: execute: no disk');
    });

    it('writes the names of tasks that have not ended', () => {
      const hanging = parallel(
        'g',
        task('hanging', () => new Promise(() => undefined)),
      );
      expect(withoutPlaces([hanging], { timeout: 10 }).at(-1)).to.include(
        'not clean, in 10 ms: 1 timed-out; not ended: g/hanging',
      );
    });

    it('writes no control characters of tasks', () => {
      const nasty = '\u001b[2Jx\r\n\u0007y';
      const bad = task(nasty, () => throwError(() => new Error(nasty, { cause: nasty })));
      // eslint-disable-next-line no-control-regex
      for (const line of withoutPlaces([bad], { cause: nasty })) expect(line).to.not.match(/[\u0000-\u001f\u007f]/);
    });
  });

  describe('with JSON', () => {
    const json = (runnables: Runnables, options?: StopOptions) =>
      linesOf(runnables, { ui: 'json', name: 'shop' }, options).map(
        (line) => JSON.parse(line) as Record<string, unknown>,
      );

    it('writes a line for each event, with the fields of pino', () => {
      const lines = json([script('db', '[-->--#]-|')]);
      expect(lines.map(({ type, level, msg }) => [type, level, msg].join())).to.deep.equal([
        'initializing,30,db initializing',
        'ready,30,db ready',
        `failed,50,${lines[2]?.['msg'] as string}`,
        'finalizing,30,db finalizing',
        `done,50,${lines[2]?.['msg'] as string}`,
        'shutdown,50,shutdown not clean: 1 failed',
      ]);
      const { err, time, pid, name, hostname, runId, status } = lines[4] as Record<string, Record<string, unknown>>;
      expect(err?.['type']).to.equal('TaskError');
      expect(err?.['message']).to.equal('db failed in execute: db was to fail in execute');
      expect(err?.['stack']).to.match(/^TaskError: db failed[\s\S]*\n {4}at [\s\S]*\ncaused by: Error: db was to fail/);
      expect([time, pid, name, runId, status]).to.deep.equal([8, process.pid, 'shop', 1, 'failed']);
      expect(hostname).to.be.a('string');
    });

    it('survives any thrown value', () => {
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
        const lines = json([script('a', '[->')], { cause });
        expect(lines.at(-1)?.['type']).to.equal('shutdown');
        expect(lines.find(({ type }) => type === 'cancelled')?.['err']).to.have.keys('type', 'message', 'stack');
        expect(linesOf([script('a', '[->')], { ui: 'lines' }, { cause }).at(-1)).to.include('shutdown');
      }
    });
  });

  describe('with texts of any kind', () => {
    const failingWith = (name: string, message: string, stack?: string) => {
      const parts = { name, ...(stack !== undefined && { stack }) };
      const error = Object.assign(new Error(message, { cause: Object.assign(new Error(message), parts) }), parts);
      const bad = task(name, { execute: () => throwError(() => error), finalize: () => throwError(() => message) });
      return [bad, parallel(name, supervise(bad, { maxRestarts: 1 }))];
    };

    it('writes no unprintable character', () => {
      fc.assert(
        fc.property(anyText, anyText, fc.option(anyText), (text, message, stack) => {
          const name = `a${text.replaceAll('/', '')}`;
          for (const ui of ['lines', 'json'] as const) {
            const lines = linesOf(
              failingWith(name, message, stack ?? undefined),
              { ui, name: message },
              { cause: message },
            );
            expect(lines.filter((line) => !/^(\{"level"|\d{4}-\d\d-\d\dT)/.test(line))).to.deep.equal([]);
            for (const line of lines) expect(unprintableIn(line)).to.equal(undefined);
            if (ui === 'json') expect(lines.map((line) => JSON.parse(line) as object)).to.have.length.above(0);
          }
        }),
      );
    });

    it('takes linear time, and cuts what is long', () => {
      for (const repeated of [
        '/',
        ' ',
        ':1',
        '(',
        ' (/',
        '/:1:1',
        '\n',
        '\n    at /a/node_modules/b:1:1',
        '\u001b[',
        'Error: ',
      ]) {
        const text = repeated.repeat(300_000);
        const runnables = failingWith(`a${text.replaceAll('/', '|')}`, text, `Error: x\n    at ${text}`);
        const lines = linesOf(runnables, { ui: 'lines' }, { cause: text });
        expect(lines.every(({ length }) => length < 15_000)).to.equal(true);
        expect(linesOf(runnables.slice(0, 1), { ui: 'json' }, { cause: text })).to.have.length.above(3);
      }
    });

    it('writes the place of every form of frame', () => {
      const placeIn = (...frames: string[]) => {
        const stack = ['Error: x', ...frames.map((frame) => `    at ${frame}`)].join('\n');
        const [line = ''] = linesOf(failingWith('a', 'x', stack), { ui: 'lines' }).filter((each) =>
          each.includes(' failed '),
        );
        return / \((.*)\)$/.exec(line)?.[1];
      };
      expect(placeIn('f (/my app (1)/a b.js:1:2)')).to.equal('/my app (1)/a b.js:1:2');
      expect(placeIn('async f (file:///a%20b.js:1:2)')).to.equal('/a b.js:1:2');
      expect(placeIn('new Pool [as db/x] (/a.js:1:2)')).to.equal('/a.js:1:2');
      expect(placeIn('async /a.js:1:2')).to.equal('/a.js:1:2');
      expect(placeIn('file:///a.js:1:2')).to.equal('/a.js:1:2');
      const skipped = ['node:internal/process/task_queues:95:5', 'f (/node_modules/b/c.js:1:2)', 'f (<anonymous>)'];
      expect(placeIn(...skipped, 'eval (eval at f (/a.js:1:2), <anonymous>:1:1)')).to.equal(undefined);
      expect(placeIn(...skipped, 'g (/d.js:3:4)')).to.equal('/d.js:3:4');
    });
  });

  it('restores the stream and leaves no listener after a live drawing', () => {
    const written: string[] = [];
    const stream: Output = { write: (text) => written.push(text), isTTY: true };
    const descriptor = () => Object.getOwnPropertyDescriptor(stream, 'write');
    const before = descriptor();
    const exitListeners = process.listenerCount('exit');
    const instrumentation = terminal({ stream });
    expect(descriptor()).to.deep.equal(before);
    void launch([task('a', () => 1)], { instrumentation: [instrumentation], scheduler: virtualClock(0) });
    expect(descriptor()).to.deep.equal(before);
    expect(process.listenerCount('exit')).to.equal(exitListeners);
    expect(screenOf(written.join('')).join('\n')).to.match(/^a {5}✓.* completed$/m);
  });

  it('refuses invalid options', () => {
    expect(() => terminal({ ui: 'tui' as never })).to.throw(
      RangeError,
      "Expected `ui` to be 'live' or 'lines' or 'json'",
    );
    expect(() => terminal({ stream: {} as never })).to.throw(TypeError, 'Expected `stream.write`');
    for (const stream of [null, 'stderr', () => true])
      expect(() => terminal({ stream: stream as never })).to.throw(
        TypeError,
        'Expected `stream` to be a writable stream',
      );
    expect(() => terminal({ name: 3 as never })).to.throw(TypeError, 'Expected `name`');
    expect(() => terminal({ tty: true } as never)).to.throw(TypeError, 'Expected an option of `terminal`, got `tty`');
  });
});

describe('runMain', () => {
  it('refuses an invalid ui', () => {
    expect(() => runMain([], { ui: 'tui' as never })).to.throw(RangeError, 'Expected `ui`');
    expect(() => runMain([], { ui: 1 as never })).to.throw(RangeError, 'Expected `ui`');
  });
});
