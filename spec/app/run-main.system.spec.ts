import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { echoTime, Program, type ProgramResult } from '../helpers/program.js';

const path = compileProgram('spec/fixtures/app.ts');

function start(name: string): Program {
  return new Program(process.execPath, [path, name]);
}

/**
 * Starts a program on a terminal of `script`, which exits with the program's code. There, \x03 is a Ctrl-C. Without
 * `exec` some shells stay between the two and die of the Ctrl-C themselves.
 */
function startOnTerminal(name: string): Program {
  return new Program('script', ['-qec', `exec ${process.execPath} ${path} '${name}'`, '/dev/null']);
}

function run(name: string): Promise<ProgramResult> {
  return start(name).ended;
}

/** Runs a program, sends the signals when it is up, and returns its result. */
async function runAndSignal(name: string, ...signals: NodeJS.Signals[]): Promise<ProgramResult> {
  const program = start(name);
  await program.waitFor('up');
  program.kill(...signals);
  return program.ended;
}

const noListener = 'listeners 0,0,0,0';

describe('runMain', () => {
  describe('on a signal', () => {
    it('finalizes the running tasks, removes its listeners, and exits with 0 after a SIGTERM', async () => {
      for (const name of ['worker', 'worker and listener']) {
        const { code, signal, stdout, stderr } = await runAndSignal(name, 'SIGTERM');
        expect([code, signal, stderr], name).to.deep.equal([0, null, '']);
        expect(stdout.split('\n').slice(0, 5), name).to.deep.equal([
          'initialize',
          'up',
          'finalize',
          'finalized',
          noListener,
        ]);
        expect(stdout).to.match(/Stopped by SignalError: Received SIGTERM. Clean, in \d+ ms\./);
      }
    });

    it('treats a SIGINT like a SIGTERM', async () => {
      const { code, stdout } = await runAndSignal('worker', 'SIGINT');
      expect(code).to.equal(0);
      expect(stdout).to.include('finalized').and.include('Received SIGINT').and.include(noListener);
    });

    it('exits with 143 on a later second SIGTERM and with 130 on a later SIGINT', async () => {
      for (const [signal, code] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
      ] as const) {
        const program = start('hanging');
        await program.waitFor('up');
        program.kill(signal);
        await program.waitFor('finalize');
        await echoTime();
        program.kill(signal);
        const result = await program.ended;
        expect([result.code, result.signal]).to.deep.equal([code, null]);
        expect(result.stdout).to.not.include('listeners');
        expect(result.stderr).to.equal(
          `Received ${signal} after ${signal}: exiting with ${code} without finalizing the tasks\n` +
            `Exiting with ${code} before these tasks have ended: hanging (finalize)\n`,
        );
      }
    });

    it('exits with 128 + its number on a later signal of the other kind', async () => {
      const program = start('hanging');
      await program.waitFor('up');
      program.kill('SIGINT');
      await program.waitFor('finalize');
      await echoTime();
      program.kill('SIGTERM');
      expect((await program.ended).code).to.equal(143);
    });

    it('takes two signals of any kind at almost the same time for one request', async () => {
      for (const [first, second] of [
        ['SIGINT', 'SIGTERM'],
        ['SIGTERM', 'SIGINT'],
        ['SIGTERM', 'SIGTERM'],
        ['SIGUSR2', 'SIGTERM'],
      ] as const) {
        const program = start('blocked at the first signal');
        await program.waitFor('up');
        program.kill(first);
        // The event loop is blocked until this has arrived, and for longer than an echo may come later.
        await program.waitFor('blocked');
        program.kill(second);
        const { code, signal, stdout } = await program.ended;
        expect([code, signal], `${first}, ${second}`).to.deep.equal([0, null]);
        expect(stdout).to.include(`Stopped by SignalError: Received ${first}. Clean`);
        expect(stdout.match(/finalized/g)).to.have.length(1);
      }
    });

    it('stops on each of its `signals`, and leaves the others their default action', async () => {
      const stopped = await runAndSignal('stops on SIGUSR2 alone', 'SIGUSR2');
      expect(stopped.code).to.equal(0);
      expect(stopped.stdout).to.include('finalized').and.include('Stopped by SignalError: Received SIGUSR2. Clean');
      const killed = await runAndSignal('stops on SIGUSR2 alone', 'SIGTERM');
      expect([killed.code, killed.signal]).to.deep.equal([null, 'SIGTERM']);
    });

    it('can be stopped by an error of a signal that cannot be caught', async () => {
      const { code, stdout, stderr } = await start('stopped by a signal that cannot be caught').ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('finalized').and.include('Stopped by SignalError: Received SIGKILL. Clean');
    });

    it('is not killed while it finalizes by the signal of a listener that stopped it', async () => {
      const program = start('hanging, and listener of SIGHUP');
      await program.waitFor('up');
      program.kill('SIGHUP');
      await program.waitFor('finalize');
      program.kill('SIGHUP');
      await program.waitFor('later');
      program.kill('SIGHUP');
      const { code, signal, stderr } = await program.ended;
      expect([code, signal]).to.deep.equal([129, null]);
      expect(stderr).to.equal(
        'Received SIGHUP after SIGHUP: exiting with 129 without finalizing the tasks\n' +
          'Exiting with 129 before these tasks have ended: hanging (finalize)\n',
      );
    });

    it('does not wait for the `drainDelay` of an application that was never ready', async () => {
      const { code, stdout } = await runAndSignal('not ready, with a drainDelay', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stdout).to.include('Stopped by SignalError: Received SIGTERM. Clean');
    });

    it('finalizes a task that is still in initialize, and does not call execute', async () => {
      const { code, stdout } = await runAndSignal('initializing', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stdout).to.include('finalize').and.not.include('execute');
    });

    it('takes a Ctrl-C on a terminal that npm forwards for one request, and a later one for a second', async () => {
      const twice = startOnTerminal('worker');
      await twice.waitFor('up');
      twice.child.stdin?.write('\x03\x03');
      const result = await twice.ended;
      expect(result.stdout)
        .to.include('Stopping; press Ctrl-C again to exit at once')
        .and.include('finalized')
        .and.include('Received SIGINT');
      expect(result.code).to.equal(0);

      const later = startOnTerminal('hanging');
      await later.waitFor('up');
      later.child.stdin?.write('\x03');
      await later.waitFor('finalize');
      await echoTime();
      later.child.stdin?.write('\x03');
      expect((await later.ended).code).to.equal(130);
    });

    it('exits on a later second SIGTERM on a terminal, too, and says nothing of a Ctrl-C', async () => {
      const program = startOnTerminal('hanging, pid');
      await program.waitFor('up');
      const pid = Number(/pid (\d+)/.exec(program.stdout)?.[1]);
      process.kill(pid, 'SIGTERM');
      await program.waitFor('finalize');
      await echoTime();
      process.kill(pid, 'SIGTERM');
      const { code, stdout } = await program.ended;
      expect(code).to.equal(143);
      expect(stdout).to.not.include('Ctrl-C');
    });

    it('exits on a SIGINT some time after a SIGTERM on a terminal, too', async () => {
      const program = startOnTerminal('hanging, pid');
      await program.waitFor('up');
      const pid = Number(/pid (\d+)/.exec(program.stdout)?.[1]);
      process.kill(pid, 'SIGTERM');
      await program.waitFor('finalize');
      await echoTime();
      process.kill(pid, 'SIGINT');
      expect((await program.ended).code).to.equal(130);
    });
  });

  describe('at an exit by other code', () => {
    it('names the tasks that have not ended', async () => {
      const { code, stderr } = await runAndSignal('exited by a listener of SIGTERM', 'SIGTERM');
      const tasks = 'app/db (execute), app/http/report (execute), app/worker (execute)';
      expect([code, stderr]).to.deep.equal([0, `Exiting with 0 before these tasks have ended: ${tasks}\n`]);
    });
  });

  describe('with an ordered group', () => {
    it('stops the member that is starting, then the one before it, and never starts the one after it', async () => {
      const program = start('slow second of three');
      await program.waitFor('b initialize');
      program.kill('SIGTERM');
      const { code, stdout, stderr } = await program.ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout.split('\n').slice(0, 6)).to.deep.equal([
        'a initialize',
        'a up',
        'b initialize',
        'b finalize',
        'a finalize',
        noListener,
      ]);
      expect(stdout).to.match(/app\/c +not-started/);
    });

    it('names a member whose finalize hangs, and the member that waits for it', async () => {
      const program = start('hanging second of three');
      await program.waitFor('c up');
      program.kill('SIGTERM');
      const { code, stdout, stderr } = await program.ended;
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        'Exiting with 1, because tasks did not end within 200 ms of the cancel: ' +
          'app/b (finalize); not cancelled yet: app/a\n',
      );
      expect(stdout)
        .to.match(/app\/a +timed-out, not cancelled yet/)
        .and.match(/app\/b +timed-out in finalize/)
        .and.match(/app\/c +cancelled/);
    });

    it('exits on a second signal while a member finalizes', async () => {
      const program = start('slow stop');
      await program.waitFor('c up');
      program.kill('SIGTERM');
      await program.waitFor('b finalize');
      await echoTime();
      program.kill('SIGTERM');
      const { code, stdout } = await program.ended;
      expect(code).to.equal(143);
      expect(stdout).to.include('c finalize').and.not.include('a finalize');
    });
  });

  describe('with a task that fails while its finalize hangs', () => {
    it('writes the error, is not ready and stops the others at once, and exits with 1 at the deadline', async () => {
      const program = start('fails, and its finalize hangs');
      await program.waitFor('http closed');
      expect(program.stderr).to.match(/^TaskError: consumer failed in execute: boom/);
      const { code, stdout, stderr } = await program.ended;
      expect(code).to.equal(1);
      const lines = stdout.split('\n');
      expect(lines.slice(0, 3)).to.deep.equal(['ready true, live true', 'ready false, live true', 'http closed']);
      expect(lines).to.include('later: ready false, live true').and.include('live false');
      expect(stdout).to.match(/consumer +timed-out in finalize/);
      expect(stdout).to.include('consumer failed in execute: boom');
      expect(stderr.match(/TaskError: consumer failed in execute: boom/g)).to.have.length(1);
      expect(stderr).to.include('did not end within 500 ms of the cancel: consumer (finalize)');
    });

    it("goes on with `onFailure: 'continue'`, and has the error in the report after a signal", async () => {
      const { code, stdout, stderr } = await runAndSignal('fails, and goes on', 'SIGTERM');
      expect(code).to.equal(1);
      expect(stdout)
        .to.include('Stopped by SignalError: Received SIGTERM. Not clean')
        .and.match(/consumer +timed-out in finalize/)
        .and.include('consumer failed in execute: boom');
      expect(stderr.match(/TaskError: consumer failed in execute: boom/g)).to.have.length(1);
    });
  });

  describe('with an error of a future that nobody has looked at', () => {
    it('writes it, has it in the report, and exits with 1', async () => {
      const { code, stdout, stderr } = await run('lost future');
      expect(code).to.equal(1);
      expect(stderr.match(/Error: nobody sees me/g)).to.have.length(1);
      expect(stdout)
        .to.include('All tasks ended. Not clean.')
        .and.include('Outside the tasks: Error: nobody sees me')
        .and.match(/t +completed/);
    });

    it('writes it at the exit of a process without an application, with exit code 1', async () => {
      for (const name of ['lost future outside an application', 'lost future, exit in the run']) {
        const { code, stderr } = await run(name);
        expect(code, name).to.equal(1);
        expect(stderr.match(/Error: nobody sees me/g), name).to.have.length(1);
      }
    });

    it('keeps another exit code', async () => {
      const { code, stderr } = await run('lost future, exit code of its own');
      expect([code, stderr.match(/Error: nobody sees me/g)?.length]).to.deep.equal([3, 1]);
    });

    it('writes it, and keeps the exit code of a second signal', async () => {
      const program = start('lost future, second signal');
      await program.waitFor('up');
      program.kill('SIGTERM');
      await program.waitFor('finalize');
      await echoTime();
      program.kill('SIGTERM');
      const { code, stderr } = await program.ended;
      expect([code, stderr.match(/Error: nobody sees me/g)?.length]).to.deep.equal([143, 1]);
    });
  });

  describe('with a task that does not end', () => {
    it('names it on stderr 5 s after the cancel', async () => {
      const program = start('hanging');
      await program.waitFor('up');
      program.kill('SIGTERM');
      await program.waitFor('\n', 'stderr');
      expect(program.stderr).to.equal('Not ended 5 s after the cancel: hanging (finalize)\n');
      program.kill('SIGTERM');
      expect((await program.ended).code).to.equal(143);
    });
  });

  describe('with a task that is not ready', () => {
    it('names it on stderr 10 s after the start', async () => {
      const program = start('not ready');
      await program.waitFor('\n', 'stderr');
      expect(program.stderr).to.equal('Not ready after 10 s: db (initialize)\n');
      program.kill('SIGTERM');
      const { code, stderr } = await program.ended;
      expect([code, stderr]).to.deep.equal([0, 'Not ready after 10 s: db (initialize)\n']);
    });

    it('is no reason for a launched application to keep the process alive', async () => {
      const { code, stdout, stderr } = await run('launched, waits for a promise');
      expect([code, stdout, stderr]).to.deep.equal([0, 'end\n', '']);
    });
  });

  describe('without a stdin', () => {
    it('starts and stops as usual when stdin is closed from the start', async () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const program = new Program('sh', ['-c', `exec ${process.execPath} ${path} worker <&-`]);
        await program.waitFor('up');
        program.kill(signal);
        const { code, stdout, stderr } = await program.ended;
        expect([code, stderr]).to.deep.equal([0, '']);
        expect(stdout).to.include('finalized').and.include(noListener);
      }
    });

    it('continues when stdin is closed during the run', async () => {
      const program = start('reads stdin');
      await program.waitFor('up');
      program.child.stdin?.end();
      await program.waitFor('stdin ended');
      program.kill('SIGTERM');
      const { code, stdout } = await program.ended;
      expect(code).to.equal(0);
      expect(stdout)
        .to.include('Received SIGTERM')
        .and.match(/reader +completed/)
        .and.match(/worker +cancelled/);
    });
  });

  describe('at the end', () => {
    it("exits with 128 + the signal's number after a clean stop if `exitCode` is 'signal'", async () => {
      expect((await runAndSignal('signal as exit code', 'SIGTERM')).code).to.equal(143);
      expect((await runAndSignal('signal as exit code', 'SIGINT')).code).to.equal(130);
      expect((await runAndSignal('signal as exit code, failing', 'SIGTERM')).code).to.equal(1);
      expect((await runAndSignal('signal as exit code, after a code of its own', 'SIGTERM')).code).to.equal(3);
    });

    it('exits with 0 when all tasks have ended by themselves, and keeps the process alive until then', async () => {
      const { code, stdout, stderr } = await run('nothing but promises');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('resolved').and.include('All tasks ended. Clean.').and.include(noListener);
    });

    it('exits with 0 immediately without tasks', async () => {
      expect(await run('no tasks')).to.include({
        code: 0,
        stderr: '',
        stdout: `${noListener}\nAll tasks ended. Clean.\n`,
      });
    });

    it('keeps the exit code that is set after a clean end', async () => {
      expect((await run('exit code of its own')).code).to.equal(3);
    });

    it('exits with 1 after a failure, which it writes with its causes, when the other tasks have ended', async () => {
      const { code, stdout, stderr } = await run('failing');
      expect(code).to.equal(1);
      expect(stderr)
        .to.match(/^TaskError: failing failed in execute: boom/)
        .and.include('[cause]: Error: boom')
        .and.include('[cause]: Error: root');
      expect(stdout)
        .to.include('finalized')
        .and.include('Stopped by TaskError: failing failed in execute: boom. Not clean');
    });

    it('writes the error of a failed run of a cron and continues', async () => {
      const { code, stdout, stderr } = await runAndSignal('failing cron', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stderr).to.include('TaskError: tick failed in execute: boom');
      expect(stdout).to.include('Clean');
    });

    it("writes an error that comes after a task's grace", async () => {
      const { code, stdout, stderr } = await runAndSignal('late error', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stderr).to.match(/^TaskError: lagging failed in execute: too late\n/);
      expect(stdout).to.include('Clean');
    });

    it('writes no errors itself if it has an observer', async () => {
      const { code, stdout, stderr } = await run('observed');
      expect([code, stderr]).to.deep.equal([1, '']);
      expect(stdout.split('\n').slice(0, 5)).to.deep.equal(['ready', 'failed', 'cancelled', 'done', 'shutdown']);
    });

    it('names the unfinished tasks at the deadline and exits with 1, after the listeners of the report', async () => {
      const { code, stdout, stderr } = await runAndSignal('overrun', 'SIGTERM');
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        'Exiting with 1, because tasks did not end within 100 ms of the cancel: hanging (finalize), stuck (execute)\n',
      );
      expect(stdout).to.include('hanging  timed-out').and.include(noListener);
    });

    it('names an open handle 5 s after a clean stop', async () => {
      const program = start('open handle');
      await program.waitFor('\n', 'stderr');
      await program.waitFor('reported after');
      const [, ms] = /reported after (\d+) ms/.exec(program.stdout) ?? [];
      expect(Number(ms)).to.be.above(4000);
      expect(program.stderr).to.equal(
        'All tasks have ended, but open handles keep the process alive: TCPServerWrap (1)\n',
      );
      expect(program.child.exitCode).to.equal(null);
      program.kill('SIGTERM');
      // No listener is left, so the signal has its default action.
      expect((await program.ended).signal).to.equal('SIGTERM');
    });

    it('names each kind of open handle and the number of its handles', async () => {
      const program = start('open handles');
      await program.waitFor('\n', 'stderr');
      const [, pid] = /child (\d+)/.exec(program.stdout) ?? [];
      process.kill(Number(pid));
      expect(program.stderr).to.match(
        /keep the process alive: (?=.*\bPipeWrap \(2\))(?=.*\bProcessWrap \(1\))\w+ \(\d\), \w+ \(\d\)\n$/,
      );
      program.kill('SIGTERM');
      await program.ended;
    });

    it('stops with its parent, leaves no listener in it, and completes its observer', async () => {
      const { code, stdout } = await run('under a parent');
      expect(code).to.equal(0);
      expect(stdout)
        .to.include('Stopped by Error: deployed elsewhere. Clean')
        .and.include('complete')
        .and.include('listeners of the parent 0');
    });

    it('rejects and releases the process when one of the runners is already running', async () => {
      const { code, stdout, stderr } = await run('busy runner');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.equal('AlreadyRunningError: busy is already running\nlisteners 0\n');
    });

    it('does not name the terminal as an open handle', async () => {
      const program = startOnTerminal('open handle');
      await program.waitFor('keep the process alive');
      await program.waitFor('Wrap');
      expect(program.stdout).to.match(/keep the process alive: TCPServerWrap \(1\)\r?\n/);
      program.child.stdin?.write('\x03');
      await program.ended;
    });

    it('names no open handle while the process runs another application', async () => {
      const program = start('one after the other');
      await program.waitFor('handles are not named');
      program.kill('SIGTERM');
      expect(await program.ended).to.include({ code: 0, stderr: '' });
    });

    it('serves several applications in one process', async () => {
      const { code, stdout } = await runAndSignal('two applications', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stdout.match(/finalized/g)).to.have.length(2);
      expect(stdout).to.include(noListener);
    });
  });

  describe('on an uncaught exception or unhandled rejection', () => {
    it('writes the error, stops all tasks without the drainDelay, and exits with 1', async () => {
      for (const name of ['uncaught', 'unhandled']) {
        const { code, stdout, stderr } = await run(name);
        expect(code, name).to.equal(1);
        expect(stderr, name).to.match(new RegExp(`^Error: ${name}\n`));
        expect(stdout, name)
          .to.include('finalized')
          .and.include(`Stopped by Error: ${name}. Not clean`)
          .and.include(noListener);
      }
    });

    it('creates an error when a promise is rejected with undefined', async () => {
      const { code, stdout, stderr } = await run('rejected with undefined');
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Error: Thrown or rejected with undefined\n/);
      expect(stdout).to.include('Stopped by Error: Thrown or rejected with undefined. Not clean');
    });

    it('collects a burst of them in the report, and stops once', async () => {
      const { code, stdout, stderr } = await run('a burst of uncaught errors');
      expect(code).to.equal(1);
      expect(stderr.match(/^Error: lost connection \d+$/gm)).to.have.length(100);
      expect(stdout.match(/finalized/g)).to.have.length(1);
      expect(stdout).to.include('failures 100, more 2900').and.include(noListener);
    });

    it('collects those that come while the tasks stop, until the deadline', async () => {
      const { code, stdout, stderr } = await run('uncaught again and again');
      expect(code).to.equal(1);
      expect(stdout)
        .to.include('finalize')
        .and.match(/failures [1-9]\d*, more \d+/);
      expect(stderr).to.include('did not end within 300 ms of the cancel: hanging (finalize)');
    });

    it('goes on if `onUncaught` returns true, and nothing else, for an error', async () => {
      const handled = await runAndSignal('uncaught, handled', 'SIGTERM');
      expect([handled.code, handled.stderr]).to.deep.equal([0, '']);
      expect(handled.stdout).to.include('handled Error: one').and.include('handled Error: two');
      const promised = await run('uncaught, handled by a promise');
      expect(promised.code).to.equal(1);
      expect(promised.stdout).to.include('Stopped by Error: one. Not clean');
      const throwing = await run('uncaught, handler throws');
      expect(throwing.code).to.equal(1);
      expect(throwing.stdout).to.include('Stopped by Error: one. Not clean');
      expect(throwing.stderr).to.match(/^Error: one\n[^]*^Error: in the handler\n/m);
    });
  });
});
